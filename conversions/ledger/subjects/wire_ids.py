"""The ids under which platforms know the orders of a person, kept beyond the events so that recipients find them."""

from collections.abc import Collection

import orjson
from sqlalchemy import Connection, text

from conversions.ledger.batches.contents import bodies
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.keys import deliveries_of
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.standing import make_exceptions

FIELDS = ("transactionId", "event_id")
"""What platforms call the id: Google's Data Manager API, Meta's Conversions API."""
_SENT = text_with_lists(
    f"""
    SELECT d.id, e.place FROM delivery d JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    WHERE d.id IN :deliveries AND d.wire_id IS NULL AND (d.attempted > 0 OR d.revision > 0)
""",
    "deliveries",
)
_KEEP = text("UPDATE exception SET wire_id = :wire_id WHERE id = :delivery")


def keep_wire_ids(connection: Connection, sales: Collection[int]) -> None:
    """Store the ids of the orders of *sales* that were sent, or may have been."""
    rows = connection.execute(_SENT, {"deliveries": deliveries_of(connection, sales)}).all()
    sent = bodies(connection, [row.place for row in rows])
    ids = [{"delivery": row.id, "wire_id": _wire_id(body)} for row in rows if (body := sent[row.place]) is not None]
    if ids:
        make_exceptions(connection, [each["delivery"] for each in ids])
        connection.execute(_KEEP, ids)


def _wire_id(body: bytes) -> str | None:
    event = orjson.loads(body)
    return next((event[name] for name in FIELDS if name in event), None)
