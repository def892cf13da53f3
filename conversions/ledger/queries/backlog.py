"""Unsent orders per destination, for the on-call message."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from conversions.ledger.schema import tables, views
from conversions.ledger.schema.tables import OPEN
from conversions.ledger.standing.open_batches import open_batches
from conversions.ledger.states import State
from conversions.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Remaining:
    """Orders that the next run sends without a decision of a person."""

    orders: int = 0
    first_too_old: datetime | None = None
    """When the first of them becomes too old to send; aware, UTC."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Orders of one destination that were read and not sent."""

    destination: str
    orders: int
    first_too_old: datetime | None
    """Aware, UTC; no order is lost before."""
    unanswered: int = 0
    """Of these orders, those that got no answer: some may wait for the decision of a person."""


def backlogs(ledger: Ledger) -> list[Backlog]:
    """Return the destinations with a backlog. Orders that are too old do not count."""
    d, destination = views.exceptional.c, tables.destination.c
    unanswered = (d.state == State.UNKNOWN) & d.decision.is_(None)
    query = (
        select(d.destination, func.count(), func.min(d.expires_at), func.sum(case((unanswered, 1), else_=0)))
        .where(text(OPEN), d.state.in_([State.PENDING, State.DEFERRED, State.UNKNOWN]), _in_time(ledger))
        .group_by(d.destination)
    )
    with ledger.transaction() as connection:
        names = {row.name: row.id for row in connection.execute(select(destination.id, destination.name))}
        found = [_Orders(*row) for row in connection.execute(query)]
        found += _waiting(connection, ledger.now_us)
    with_any = {each.destination for each in found}
    return [Backlog(name, *_sum(found, number)) for name, number in sorted(names.items()) if number in with_any]


def remaining(ledger: Ledger, run: int, destination: int, resend_us: int) -> Remaining:
    """Count what *run* leaves to the next run: an unanswered order only where it is resent without a decision.

    *resend_us* is the time after its first attempt in which an order is resent so, in microseconds.
    """
    d = views.exceptional.c
    resent = (d.first_attempt_us + resend_us > ledger.now_us) | d.decision.is_not(None)
    waits = (d.state == State.PENDING) | ((d.state == State.UNKNOWN) & resent)
    query = select(d.destination, func.count(), func.min(d.expires_at)).where(
        text(OPEN), d.run == run, d.destination == destination, waits, _in_time(ledger)
    )
    with ledger.transaction() as connection:
        found = [_Orders(*row) for row in connection.execute(query.group_by(d.destination))]
        found += _waiting(connection, ledger.now_us, run)
    return Remaining(*_sum(found, destination)[:2])


class _Orders(NamedTuple):
    """Orders of one destination that wait, and when the first of them expires, in Unix seconds."""

    destination: int
    orders: int
    expires_at: int | None
    unanswered: int = 0


def _waiting(connection: Connection, now_us: int, run: int | None = None) -> Iterator[_Orders]:
    """Yield the waiting orders of each batch, of all runs or of *run*."""
    for batch in open_batches(connection):
        in_time = batch.expires_at * 1_000_000 > now_us
        if batch.state == State.PENDING and in_time and run in {None, batch.run}:
            yield _Orders(batch.destination, len(batch.deliveries), batch.expires_at)


def _sum(found: Iterable[_Orders], destination: int) -> tuple[int, datetime | None, int]:
    """Return number, first expiry (aware, UTC) and number without an answer of the orders of *destination*."""
    own = [each for each in found if each.destination == destination]
    first = min((each.expires_at for each in own if each.expires_at is not None), default=None)
    at = None if first is None else datetime.fromtimestamp(first, UTC)
    return sum(each.orders for each in own), at, sum(each.unanswered for each in own)


def _in_time(ledger: Ledger) -> ColumnElement[bool]:
    d = views.exceptional.c
    return d.expires_at.is_(None) | (d.expires_at * 1_000_000 > ledger.now_us)
