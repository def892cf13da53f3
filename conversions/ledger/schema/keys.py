"""Keys of the orders and events of sales, which follow from the sales' keys."""

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, SALE_OF_EVENT

_EVENTS = (
    select(tables.event.c.id)
    .where(tables.event.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(tables.event.c.id)
)


def deliveries_of(connection: Connection, sales: Iterable[int]) -> list[int]:
    """Return the keys that the orders of *sales* have, or would have, at every destination that the store knows."""
    destinations = connection.execute(select(tables.destination.c.id).order_by(tables.destination.c.id)).scalars().all()
    return [sale << DESTINATION_BITS | destination for sale in sales for destination in destinations]


def events_of(connection: Connection, sales: Iterable[int]) -> list[int]:
    """Return the keys of the events of *sales*, ascending where the sales are."""
    keys = list[int]()
    for span in event_spans(sales):
        keys += connection.execute(_EVENTS, span).scalars()
    return keys


def event_spans(sales: Iterable[int]) -> list[dict[str, int]]:
    """Return the first and the last key that the events and revisions of each of *sales* can have."""
    return [{"first": sale << SALE_OF_EVENT, "last": (sale + 1 << SALE_OF_EVENT) - 1} for sale in sales]
