"""What retention removed must be old: compares the day of each purge entry with what it covers."""

import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from typing import NamedTuple

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory, Purge
from conversions.ledger.batches.parts import has_place
from conversions.ledger.schema.tables import POSITION_BITS

MIN_KEPT = timedelta(days=70)
"""The shortest retention that the settings allow; every platform refuses events of older purchases."""
ONE_DAY = timedelta(days=1)
"""Instants in the log are UTC, days of purchase are the shop's."""
_SENT = f"""
    SELECT b.day, max(r.intended_us) FROM event e JOIN batch b ON b.id = e.place >> {POSITION_BITS}
    JOIN request_part x ON {has_place("x", "e.place")} JOIN request r ON r.id = x.request
    WHERE e.id = ? GROUP BY b.day
"""  # noqa: S608
"""Day of purchase and last attempt of an event."""


class _Removal(NamedTuple):
    """A range of events that an entry names."""

    first: int
    last: int
    kept_from: date
    """First day of purchase that is kept; the last of all days for an erasure, which may name any event."""


def compare(history: LogHistory, store: sqlite3.Connection, erased: Sequence[int]) -> Iterator[VerificationFinding]:
    """Yield the purge entries of days that were too new, and events that were too new for the entry that names them.

    *erased* are the keys of the events without payload, ascending.
    """
    for purge in history.purges:
        if _kept_from(purge) > _day(purge.at_us) + ONE_DAY - MIN_KEPT:
            yield VerificationFinding(
                f"entry {purge.seq}", f"purges days that were not {MIN_KEPT.days} days old", missing=True
            )
    if history.purges:
        yield from _compare_events(_removals(history), store, erased)


def _removals(history: LogHistory) -> list[_Removal]:
    purged = [_Removal(first, last, _kept_from(each)) for each in history.purges for first, last in each.events]
    return sorted([*purged, *(_Removal(first, last, date.max) for first, last in history.erased)])


def _compare_events(
    removals: list[_Removal], store: sqlite3.Connection, erased: Sequence[int]
) -> Iterator[VerificationFinding]:
    """Walk removed events and ranges together, both ascending; the heap has the ranges that may reach the event."""
    reaching, following = list[tuple[int, int]](), 0
    for event in erased:
        while following < len(removals) and removals[following].first <= event:
            heappush(reaching, (-removals[following].kept_from.toordinal(), removals[following].last))
            following += 1
        while reaching and reaching[0][1] < event:
            heappop(reaching)
        if reaching and -reaching[0][0] <= _earliest_purchase(*store.execute(_SENT, (event,)).fetchone()).toordinal():
            yield VerificationFinding(f"event {event}", "has lost its payload to a purge of earlier days", missing=True)


def _earliest_purchase(day: str | None, intended_us: int) -> date:
    """The first day on which the order may have been bought, since no platform is sent an older one."""
    sent = _day(intended_us) - ONE_DAY - MIN_KEPT
    return max(sent, date.fromisoformat(day)) if day else sent


def _kept_from(purge: Purge) -> date:
    return date.fromisoformat(purge.before) if purge.before else date.max


def _day(us: int) -> date:
    return datetime.fromtimestamp(us // 1_000_000, UTC).date()
