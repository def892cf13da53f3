"""What waits to be sent, wherever it was read: so that whoever is woken knows what is lost, which is nothing yet."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select

from conversions.ledger.schema import tables
from conversions.ledger.states import State
from conversions.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Remaining:
    """Orders that the next run sends without asking a person."""

    orders: int = 0
    first_too_old: datetime | None = None
    """When the first of them may not be sent any more; aware, UTC."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """One destination's orders that are read and not sent."""

    destination: str
    orders: int
    first_too_old: datetime | None
    """Aware, UTC: until then nothing is lost."""


def backlogs(ledger: Ledger) -> list[Backlog]:
    """By destination, those with nothing left out. What is too old does not wait: a run ends it, or a person does."""
    d, place = tables.delivery.c, tables.destination.c
    query = (
        select(place.name, func.count(), func.min(d.expires_at))
        .join(tables.destination, place.id == d.destination)
        .where(d.state.in_([State.PENDING, State.DEFERRED, State.UNKNOWN]))
        .where(_in_time(ledger))
        .group_by(place.name)
        .order_by(place.name)
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query).all()
    return [Backlog(name, orders, datetime.fromtimestamp(at, UTC) if at else None) for name, orders, at in rows]


def remaining(ledger: Ledger, run: int, destination: int, resend_us: int) -> Remaining:
    """What *run* leaves to the next one: an unanswered order only where it is sent again without asking a person.

    *resend_us* is how long after a first attempt that is, in microseconds.
    """
    d = tables.delivery.c
    unasked = (d.first_attempt_us + resend_us > ledger.now_us) | d.decision.is_not(None)
    waits = (d.state == State.PENDING) | ((d.state == State.UNKNOWN) & unasked)
    query = select(func.count(), func.min(d.expires_at)).where(
        d.run == run, d.destination == destination, waits, _in_time(ledger)
    )
    with ledger.transaction() as connection:
        orders, first = connection.execute(query).one()
    return Remaining(orders, None if first is None else datetime.fromtimestamp(first, UTC))


def _in_time(ledger: Ledger) -> ColumnElement[bool]:
    d = tables.delivery.c
    return d.expires_at.is_(None) | (d.expires_at * 1_000_000 > ledger.now_us)
