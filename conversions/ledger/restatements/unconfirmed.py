"""Restatements that ended without an answer: the platform may hold the old or the new value."""

from conversions.ledger.schema.tables import MAX_REVISIONS, REVISION_BITS

UNCONFIRMED = f"""
    v.unconfirmed <> 0 AND NOT EXISTS (
        SELECT 1 FROM revision w WHERE w.id > v.id AND w.id <= v.id | {MAX_REVISIONS - 1} AND w.state = 'received'
    )
"""
"""SQL condition: the restatement ``v`` ended without an answer, and no later one of the order was received."""


def newest(delivery: str) -> str:
    """SQL for the key of the newest such restatement of *delivery*, an expression; NULL where there is none."""
    of_delivery = f"{delivery} << {REVISION_BITS} AND {delivery} << {REVISION_BITS} | {MAX_REVISIONS - 1}"
    return f"(SELECT max(v.id) FROM revision v WHERE v.id BETWEEN {of_delivery} AND {UNCONFIRMED})"
