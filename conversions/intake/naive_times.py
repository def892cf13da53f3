"""Purchase times of a database that have no offset, in both readings."""

from collections.abc import Iterator
from datetime import date, timedelta
from secrets import token_bytes

from conversions.intake.sources.cells import CellError, moment
from conversions.intake.sources.sql import Query
from conversions.model.conversion import Window
from conversions.settings import Settings, SqlSource

DAYS = 30
"""So far back a time is looked for."""


def naive_times(settings: Settings, source: SqlSource, today: date) -> tuple[list[str], bool]:
    """Three purchase times as they are if they are the shop's, and if they are UTC; and whether they are read as UTC.

    Empty where every time has an offset. Raises SourceError.
    """
    query = Query(source, zone=settings.zone, resolve=settings.resolve, key=token_bytes(32))
    times, utc = query.naive_times(Window(today - timedelta(days=DAYS), today))
    return list(_readings(times, settings)), utc


def _readings(times: list[str], settings: Settings) -> Iterator[str]:
    """Each in the shop's zone."""
    for time in times:
        try:
            shop, utc = (moment(f"{time}{offset}", settings.zone, "").at for offset in ("", "+00:00"))
        except CellError:
            continue
        if shop != utc:
            yield " or ".join(f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M}" for at in (shop, utc))
