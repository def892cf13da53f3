"""Purchase times without offset in a database, read as the shop's time and as UTC."""

from collections.abc import Iterator
from datetime import date, timedelta
from secrets import token_bytes

from conversions.intake.sources.cells.cells import CellError
from conversions.intake.sources.cells.times import Times
from conversions.intake.sources.sql.source import Query
from conversions.model.conversion import Window
from conversions.settings import Settings, SqlSource
from conversions.settings.source_format import DateOrder

DAYS_BACK = 30
"""Days before today in which times without offset are looked for."""


def naive_times(settings: Settings, source: SqlSource, today: date) -> tuple[list[str], bool]:
    """Return the newest purchase times in both readings, and whether a run reads them as UTC.

    At most three times; none where every time has an offset. Raises SourceError.
    """
    query = Query(source, zone=settings.zone, resolve=settings.resolve, key=token_bytes(32))
    times, utc = query.naive_times(Window(today - timedelta(days=DAYS_BACK), today))
    return list(_readings(times, settings, source.format.dates)), utc


def _readings(times: list[str], settings: Settings, order: DateOrder | None) -> Iterator[str]:
    """Yield both readings of each time, in the shop's zone."""
    parse = Times(settings.zone, order)
    for time in times:
        try:
            shop, utc = (parse(f"{time}{offset}", "").at for offset in ("", "+00:00"))
        except CellError:
            continue
        if shop != utc:
            yield " or ".join(f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M}" for at in (shop, utc))
