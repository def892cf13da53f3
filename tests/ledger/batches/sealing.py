"""Sales with buyers, and their events sealed: the material of tests of batches."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from conversions.ledger.batches.seal import NewEvent, seal
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, event_key
from tests.ledger.builders import DAY, LIMITS, PRICE, SHOP, Night, subject


def new_sales(night: Night, count: int, buyer: str = "ida") -> list[int]:
    """Keys of *count* sales that no run has read."""
    with night.ledger.transaction() as connection:
        known = len(connection.execute(select(tables.sale.c.id)).all())
        rows = [{"shop": SHOP, "order_no": f"N-{known + i}", "subject": subject(buyer)} for i in range(count)]
        new = tables.sale.insert().returning(tables.sale.c.id)
        return sorted(connection.execute(new, rows).scalars()) if rows else []


def keys_of(sales: Sequence[int], destination: int = 1) -> list[int]:
    """Keys of the first events of *sales* at one destination."""
    return [event_key(sale << DESTINATION_BITS | destination, 0) for sale in sales]


def sealed(night: Night, bodies: Sequence[bytes], limits: Mapping[int, int] = LIMITS, buyer: str = "ida") -> list[int]:
    """Keys of new events with these *bodies*, of as many new sales."""
    keys = keys_of(new_sales(night, len(bodies), buyer))
    with night.ledger.transaction() as connection:
        events = [NewEvent(key, DAY, PRICE, body) for key, body in zip(keys, bodies, strict=True)]
        seal(connection, night.run.id, events, limits)
    return keys
