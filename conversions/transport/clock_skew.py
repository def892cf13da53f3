"""Clock skew: our clock against the platforms' clocks. Days, ages and windows depend on our clock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from conversions.errors import SettingsError
from conversions.transport import http
from conversions.transport.route import Route

MAX_SKEW = timedelta(days=2)
"""A smaller difference is drift, or a cache between us and the platform; a larger one gives orders wrong ages."""


def check_clock_skew(urls: Mapping[str, str], now: datetime, route: Route) -> None:
    """Compare *now* with the ``Date`` header of every platform; *urls* has the URLs by name. Send no data.

    Raises SettingsError where *now* is two days off or more. Destinations that do not answer are skipped; sending
    reports them.
    """
    for name, url in urls.items():
        if mistake := difference(name, http.server_date(url, route), now):
            raise SettingsError(mistake)


def difference(name: str, date: str | None, now: datetime) -> str | None:
    """Return a message where *date*, the ``Date`` header of an answer of *name*, is two days or more off *now*.

    The message has both times in the zone of *now* (aware).
    """
    platform_time = http.instant(date or "")
    if platform_time is None or abs(platform_time - now) < MAX_SKEW:
        return None
    there = platform_time.astimezone(now.tzinfo)
    return (
        f"This machine's clock says {now:%Y-%m-%d %H:%M} {now.tzinfo} and {name} says {there:%Y-%m-%d %H:%M}: nothing "
        "is sent by a clock that is days off. Set it, then `conversions run`."
    )
