"""Unsent orders per destination, for the on-call message."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, case, func, select

from conversions.ledger.schema import tables
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
    d, destination = tables.delivery.c, tables.destination.c
    unanswered = (d.state == State.UNKNOWN) & d.decision.is_(None)
    query = (
        select(destination.name, func.count(), func.min(d.expires_at), func.sum(case((unanswered, 1), else_=0)))
        .join(tables.destination, destination.id == d.destination)
        .where(d.state.in_([State.PENDING, State.DEFERRED, State.UNKNOWN]))
        .where(_in_time(ledger))
        .group_by(destination.name)
        .order_by(destination.name)
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query).all()
    return [
        Backlog(name, orders, datetime.fromtimestamp(at, UTC) if at else None, no_answer)
        for name, orders, at, no_answer in rows
    ]


def remaining(ledger: Ledger, run: int, destination: int, resend_us: int) -> Remaining:
    """Count what *run* leaves to the next run: an unanswered order only where it is resent without a decision.

    *resend_us* is the time after its first attempt in which an order is resent so, in microseconds.
    """
    d = tables.delivery.c
    resent = (d.first_attempt_us + resend_us > ledger.now_us) | d.decision.is_not(None)
    waits = (d.state == State.PENDING) | ((d.state == State.UNKNOWN) & resent)
    query = select(func.count(), func.min(d.expires_at)).where(
        d.run == run, d.destination == destination, waits, _in_time(ledger)
    )
    with ledger.transaction() as connection:
        orders, first = connection.execute(query).one()
    return Remaining(orders, None if first is None else datetime.fromtimestamp(first, UTC))


def _in_time(ledger: Ledger) -> ColumnElement[bool]:
    d = tables.delivery.c
    return d.expires_at.is_(None) | (d.expires_at * 1_000_000 > ledger.now_us)
