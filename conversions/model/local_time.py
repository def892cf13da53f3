"""Times that people read: in the shop's zone, which is named."""

from datetime import datetime
from zoneinfo import ZoneInfo


def local_time(instant: datetime, zone: ZoneInfo) -> str:
    """Return *instant* (aware) to the minute, such as "2026-11-30 06:15 Europe/Copenhagen"."""
    return f"{local_minute(instant, zone)} {zone.key}"


def local_minute(instant: datetime, zone: ZoneInfo) -> str:
    """Return *instant* (aware) to the minute, for a table whose heading names the zone."""
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"
