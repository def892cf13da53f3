"""Events that platforms accepted with a warning: count, kind and first date per destination."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, select, text

from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant

MAX_KINDS_PER_DESTINATION = 50
"""Twice as many as the platforms have names for. Any further kind is counted as OTHER."""
FORGET_AFTER = timedelta(days=30)
"""A warning that was not repeated for so long is over; if it returns, its count starts again."""

_COUNT = text("""
    INSERT INTO warning(destination, kind, events, first_us, last_us) VALUES (:destination, :kind, :events, :now, :now)
    ON CONFLICT (destination, kind) DO UPDATE SET
    events = CASE WHEN :now - warning.last_us < :gone THEN warning.events ELSE 0 END + excluded.events,
    first_us = CASE WHEN :now - warning.last_us < :gone THEN warning.first_us ELSE :now END, last_us = :now
""")


class PlatformWarning(NamedTuple):
    """One kind of warning at one destination."""

    destination: str
    kind: str
    events: int
    first: datetime
    """Aware, UTC, like ``last``."""
    last: datetime


def count(connection: Connection, now_us: int, destination: int, warnings: Mapping[str, int]) -> None:
    """Add the *warnings* of one answer (kind to events), in the caller's transaction."""
    if not warnings:
        return
    w = tables.warning.c
    known = set(connection.execute(select(w.kind).where(w.destination == destination)).scalars())
    for kind, events in warnings.items():
        has_room = kind in known or len(known) < MAX_KINDS_PER_DESTINATION
        row = {"destination": destination, "kind": kind if has_room else "OTHER", "events": events}
        connection.execute(_COUNT, row | {"now": now_us, "gone": FORGET_AFTER // timedelta(microseconds=1)})
        known.add(row["kind"])


def current(ledger: Ledger) -> list[PlatformWarning]:
    """Return the warnings that are not over."""
    w, destination = tables.warning.c, tables.destination.c
    since = ledger.now_us - FORGET_AFTER // timedelta(microseconds=1)
    query = select(destination.name, w.kind, w.events, w.first_us, w.last_us).join(
        tables.destination, destination.id == w.destination
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query.where(w.last_us > since).order_by(destination.name, w.kind)).all()
    return [PlatformWarning(*row[:3], *map(instant, row[3:])) for row in rows]
