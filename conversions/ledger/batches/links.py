"""The links of events: whose order each one is, as it was when the event was sealed."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from conversions.ledger.batches.contents import Contents, batch_of, position_of
from conversions.ledger.batches.form import link
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import POSITION_BITS, SALE_OF_EVENT

NUMBER_OF_EVENT = """
    coalesce((
        SELECT f.order_no FROM former_number f WHERE f.sale = a.id AND f.last_run >= b.run
        ORDER BY f.last_run, f.since_us LIMIT 1
    ), a.order_no)
"""
"""SQL for the order number that the sale ``a`` had in the run that sealed the batch ``b``."""
_LINKS = text_with_lists(
    f"""
    SELECT e.id, e.place, {NUMBER_OF_EVENT} AS order_no, {PERSON_OF_EVENT} AS subject, b.day
    FROM event e JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT} JOIN batch b ON b.id = e.place >> {POSITION_BITS}
    LEFT JOIN earlier_person p ON p.event = e.id WHERE e.id IN :events
""",
    "events",
)


def links(connection: Connection, events: Collection[int], contents: Mapping[int, Contents]) -> dict[int, bytes]:
    """Return the link of each of *events*, by key; *contents* are those of their batches, by key."""
    by_event = {}
    for page in pages_of(events):
        for event, at, order_no, subject, day in connection.execute(_LINKS, {"events": page}).all():
            value = contents[batch_of(at)].values[position_of(at)]
            by_event[event] = link(order_no, subject or b"", day, value)
    return by_event
