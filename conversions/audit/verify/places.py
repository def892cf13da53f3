"""Compares the two places that say how an order stands: the batch of its event, or an exception of its own."""

import sqlite3
from collections.abc import Iterator

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS, SALE_OF_EVENT

_CONTRADICTIONS = {
    "stands as another place says than that of its event": f"""
        SELECT k.id FROM delivery_place k LEFT JOIN event e ON e.id = k.id << {REVISION_BITS}
        WHERE k.place IS NOT NULL AND e.place IS NOT k.place
    """,  # noqa: S608
    "has neither a place nor an exception": """
        SELECT k.id FROM delivery_place k
        WHERE k.place IS NULL AND NOT EXISTS (SELECT 1 FROM exception x WHERE x.id = k.id)
    """,
    "has a place and an exception": """
        SELECT x.id FROM exception x JOIN delivery_place k ON k.id = x.id WHERE k.place IS NOT NULL
    """,
    "has an exception and is not there": """
        SELECT x.id FROM exception x WHERE NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = x.id)
    """,
    "has no sale": f"""
        SELECT k.id FROM delivery_place k
        WHERE NOT EXISTS (SELECT 1 FROM sale a WHERE a.id = k.id >> {DESTINATION_BITS})
    """,  # noqa: S608
    "is gone, and its event and its sale are not": f"""
        SELECT e.id >> {REVISION_BITS} FROM event e
        WHERE NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = e.id >> {REVISION_BITS})
        AND EXISTS (SELECT 1 FROM sale a WHERE a.id = e.id >> {SALE_OF_EVENT})
    """,  # noqa: S608
    "is gone, and its judgement is not": """
        SELECT DISTINCT j.delivery FROM judgement j WHERE j.delivery IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = j.delivery)
    """,
}
"""SQL for the orders of each contradiction. Retention deletes a sale together with its orders and their judgements;
nothing else deletes an order."""
_UNREAD = f"""
    SELECT a.id FROM sale a WHERE NOT EXISTS (
        SELECT 1 FROM delivery_place k
        WHERE k.id BETWEEN a.id << {DESTINATION_BITS} AND (a.id + 1 << {DESTINATION_BITS}) - 1
    )
"""  # noqa: S608
_FINGERPRINTS = "SELECT batch FROM fingerprint EXCEPT SELECT id FROM batch"


def compare(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield the orders that stand in two ways or in none, and what belongs to an order or a batch that is not there."""
    for contradiction, query in _CONTRADICTIONS.items():
        for (delivery,) in store.execute(query):
            yield VerificationFinding(f"delivery {delivery}", contradiction)
    for (sale,) in store.execute(_UNREAD):
        yield VerificationFinding(f"sale {sale}", "has no order at any destination")
    for (batch,) in store.execute(_FINGERPRINTS):
        yield VerificationFinding(f"batch {batch}", "has fingerprints and is not there")
