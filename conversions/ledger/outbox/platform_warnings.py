"""What platforms took without some part of it: how much, of which kind, since when."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant

KINDS = 50
"""Of one destination: twice as many as the platforms have names for. What comes after them is counted under OTHER."""
GONE = timedelta(days=30)
"""Not met for so long, a warning is over: when it comes back it is news."""

_COUNT = text("""
    INSERT INTO warning(destination, kind, events, first_us, last_us) VALUES (:destination, :kind, :events, :now, :now)
    ON CONFLICT (destination, kind) DO UPDATE SET events = iif(:now - last_us < :gone, events, 0) + excluded.events,
    first_us = iif(:now - last_us < :gone, first_us, :now), last_us = :now
""")


class Warned(NamedTuple):
    """One kind of warning at one destination."""

    destination: str
    kind: str
    events: int
    first: datetime
    """Aware, UTC; so is ``last``."""
    last: datetime


def count(connection: Connection, now_us: int, destination: int, warned: Mapping[str, int]) -> None:
    """Add what one answer *warned* of, in the caller's transaction."""
    if not warned:
        return
    w = tables.warning.c
    known = set(connection.execute(select(w.kind).where(w.destination == destination)).scalars())
    for kind, events in warned.items():
        room = kind in known or len(known) < KINDS
        where = {"destination": destination, "kind": kind if room else "OTHER", "events": events}
        connection.execute(_COUNT, where | {"now": now_us, "gone": GONE // timedelta(microseconds=1)})
        known.add(where["kind"])


def current(ledger: Ledger) -> list[Warned]:
    """Those that are not over."""
    w, place = tables.warning.c, tables.destination.c
    since = ledger.now_us - GONE // timedelta(microseconds=1)
    query = select(place.name, w.kind, w.events, w.first_us, w.last_us).join(
        tables.destination, place.id == w.destination
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query.where(w.last_us > since).order_by(place.name, w.kind)).all()
    return [Warned(*row[:3], *map(instant, row[3:])) for row in rows]
