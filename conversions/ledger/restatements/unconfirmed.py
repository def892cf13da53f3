"""Values that a platform may hold in place of the one that the store says: sent, never answered, and now at an end."""

from conversions.ledger.schema.tables import MAX_REVISIONS, REVISION_BITS

UNCONFIRMED = f"""
    v.unconfirmed AND NOT EXISTS (
        SELECT 1 FROM revision w WHERE w.id > v.id AND w.id <= v.id | {MAX_REVISIONS - 1} AND w.state = 'received'
    )
"""
"""A restatement ``v`` that ended without an answer, unless a later value has surely taken its place."""


def newest(delivery: str) -> str:
    """The key of the newest such restatement of *delivery*, an expression; NULL where there is none."""
    of_delivery = f"{delivery} << {REVISION_BITS} AND {delivery} << {REVISION_BITS} | {MAX_REVISIONS - 1}"
    return f"(SELECT max(v.id) FROM revision v WHERE v.id BETWEEN {of_delivery} AND {UNCONFIRMED})"
