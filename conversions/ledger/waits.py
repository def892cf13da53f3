"""What waits to be sent, wherever it was read: so that whoever is woken knows what is lost, which is nothing yet."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from conversions.ledger import tables
from conversions.ledger.matrix import State
from conversions.ledger.store import Ledger


@dataclass(frozen=True, slots=True)
class Wait:
    """One destination's orders that are read and not sent."""

    destination: str
    orders: int
    first_too_old: datetime | None
    """Aware, UTC: until then nothing is lost."""


def waits(ledger: Ledger) -> list[Wait]:
    """By destination, those with nothing left out. What is too old does not wait: a run ends it, or a person does."""
    d, place = tables.delivery.c, tables.destination.c
    query = (
        select(place.name, func.count(), func.min(d.expires_at))
        .join(tables.destination, place.id == d.destination)
        .where(d.state.in_([State.PENDING, State.DEFERRED, State.UNKNOWN]))
        .where(d.expires_at.is_(None) | (d.expires_at * 1_000_000 > ledger.now_us))
        .group_by(place.name)
        .order_by(place.name)
    )
    with ledger.transaction() as connection:
        rows = connection.execute(query).all()
    return [Wait(name, orders, datetime.fromtimestamp(at, UTC) if at else None) for name, orders, at in rows]
