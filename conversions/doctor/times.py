"""How a database's times without offset are read: only who knows the shop can say whether that is right."""

from collections.abc import Iterator
from datetime import timedelta
from secrets import token_bytes

from conversions.conversion import Window
from conversions.doctor.finding import Finding, fine, note
from conversions.errors import ConversionsError
from conversions.ledger import Clock
from conversions.settings import Settings, SqlSource
from conversions.sources.cells import Misfit, moment
from conversions.sources.sql import Query

DAYS = 30
"""So far back a time is looked for."""


def of(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Three purchase times as they are if they are the shop's, and if they are UTC; nothing else of their orders.

    No finding where every time has an offset. A source that cannot be read has a finding of its own.
    """
    if not isinstance(settings.source, SqlSource):
        return
    today = clock().astimezone(settings.zone).date()
    try:
        source = Query(settings.source, zone=settings.zone, resolve=settings.resolve, key=token_bytes(32))
        times, utc = source.naive_times(Window(today - timedelta(days=DAYS), today))
    except ConversionsError:
        return
    if readings := list(_readings(times, settings)):
        yield _finding(settings.source, readings, utc=utc)


def _readings(times: list[str], settings: Settings) -> Iterator[str]:
    """Each in the shop's zone."""
    for time in times:
        try:
            shop, utc = (moment(f"{time}{offset}", settings.zone, "").at for offset in ("", "+00:00"))
        except Misfit:
            continue
        if shop != utc:
            yield " or ".join(f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M}" for at in (shop, utc))


def _finding(source: SqlSource, readings: list[str], *, utc: bool) -> Finding:
    """Open until a setting or the column's own type says which."""
    taken = "the second" if utc else "the first"
    sentence = (
        f"Purchase times have no offset. The newest, if they are the shop's or if they are UTC: {'; '.join(readings)}. "
        f"They are read as {taken}."
    )
    if source.naive_times or utc:
        return fine("source", sentence)
    return note(
        "source", sentence, 'Compare with the shop\'s own list of orders; set source.naive_times to "shop" or "utc".'
    )
