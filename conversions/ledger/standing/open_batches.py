"""Batches whose orders wait or are under way, and whether a destination ever received an order.

The orders are counted, one by one: the counter of a batch serves for display only.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, select, text

from conversions.ledger.batches.contents import members
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import MAX_DESTINATIONS, OPEN_BATCH, POSITION_BITS, REVISION_BITS
from conversions.ledger.states import SENT

_OPEN = text(f"""
    SELECT b.id, b.run, b.destination, b.state, b.expires_at, o.members
    FROM batch b JOIN blob o ON o.batch = b.id WHERE {OPEN_BATCH} ORDER BY b.id
""")
_REGULAR = text_with_lists(
    "SELECT id FROM delivery_place WHERE id IN :deliveries AND place BETWEEN :first AND :last ORDER BY id", "deliveries"
)
_x = tables.exception.c
_EXCEPTION_SENT = (
    select(_x.id)
    .where(_x.id.op("&")(MAX_DESTINATIONS - 1) == bindparam("destination"), _x.state.in_(sorted(SENT)))
    .limit(1)
)
_RECEIVED = text("""
    SELECT b.id, o.members FROM batch b JOIN blob o ON o.batch = b.id
    WHERE b.destination = :destination AND b.state = 'received' AND b.regular > 0 ORDER BY b.id DESC
""")


class OpenBatch(NamedTuple):
    """A batch whose orders wait or are under way."""

    run: int
    """The run that sealed it, the last one that read these orders."""
    destination: int
    state: str
    expires_at: int
    """Unix seconds."""
    deliveries: list[int]
    """Those that stand as it says."""


def open_batches(connection: Connection) -> list[OpenBatch]:
    """Return the open batches, as they were sealed; those without orders are left out."""
    found = [
        OpenBatch(
            row.run, row.destination, row.state, row.expires_at, regular_of(connection, row.id, members(row.members))
        )
        for row in connection.execute(_OPEN).all()
    ]
    return [batch for batch in found if batch.deliveries]


def has_received(connection: Connection, destination: int) -> bool:
    """Whether *destination* ever received an order."""
    if connection.execute(_EXCEPTION_SENT, {"destination": destination}).first():
        return True
    rows = connection.execute(_RECEIVED, {"destination": destination})
    return any(regular_of(connection, row.id, members(row.members)) for row in rows)


def regular_of(connection: Connection, batch: int, events: Iterable[int]) -> list[int]:
    """Return the orders that stand as *batch* says, which has *events*."""
    span = {"first": batch << POSITION_BITS, "last": (batch + 1 << POSITION_BITS) - 1}
    found = list[int]()
    for page in pages_of(event >> REVISION_BITS for event in events):
        rows: Sequence[int] = connection.execute(_REGULAR, {"deliveries": page, **span}).scalars().all()
        found += rows
    return found
