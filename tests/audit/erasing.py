"""An event that has lost its payload, as the log says."""

from conversions.ledger import log, open_shared
from conversions.ledger.subjects import redaction
from tests.audit.shop import Shop


def erase(shop: Shop) -> None:
    """The first event loses its payload."""
    with open_shared(shop.settings, shop.clock) as ledger, ledger.transaction() as connection:
        (event,) = connection.exec_driver_sql("SELECT min(id) FROM event").one()
        redaction.redact(connection, [event])
        facts = {"basis": "retention", "events": redaction.ranges(connection, [event]), "count": 1}
        log.append(connection, "purge", ledger.now_us, facts)
