"""An event that has lost its payload, as the log says."""

from sqlalchemy import insert

from conversions.ledger import log, open_shared
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import SALE_OF_EVENT
from conversions.ledger.subjects import redaction
from conversions.ledger.subjects.wire_ids import keep_wire_ids
from tests.audit.shop import Shop


def erase(shop: Shop) -> None:
    """The first event loses its payload."""
    with open_shared(shop.settings, shop.clock) as ledger, ledger.transaction() as connection:
        (event,) = connection.exec_driver_sql("SELECT min(id) FROM event").one()
        keep_wire_ids(connection, [event >> SALE_OF_EVENT])
        redaction.redact(connection, [event])
        row = {"operator": "nina", "entry": None}
        facts = {"case": "17", "events": redaction.ranges(connection, [event]), "count": 1, "tasks": 0}
        with log.entry(connection, "erasure", ledger.now_us, {**facts, **row}) as leaf:
            new = {"case_no": "17", "at_us": ledger.now_us, "events": 1, "leaf": leaf, **row}
            connection.execute(insert(tables.erasure).values(**new))
            bound.bind(connection, "erasure", tables.erasure.c.leaf == leaf)
