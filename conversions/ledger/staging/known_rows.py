"""Which rows of a reading are of orders that the store has, and which of these change nothing.

Most rows of a later reading are unchanged: one statement finds them all, and no other one looks at them again.
"""

import sqlite3

from sqlalchemy import text

from conversions.ledger.schema.tables import DESTINATION_BITS, POSITION_BITS
from conversions.ledger.states import FORBIDDEN

KNOWN = "FROM known_row n CROSS JOIN order_row s CROSS JOIN sale a"
IS_KNOWN = "s.id = n.id AND a.id = n.sale"
CHANGED = f"{IS_KNOWN} AND n.unchanged = 0"
"""Conditions of statements from ``KNOWN``, whose joins keep this order in SQLite."""
_FORBIDDEN = ", ".join(f"'{reason}'" for reason in sorted(FORBIDDEN))
_FIND = text(f"""
    INSERT INTO known_row(id, sale, unchanged) SELECT s.id, a.id, CASE
        WHEN a.minor = s.minor AND a.currency = s.currency AND a.exponent = s.exponent AND a.subject = s.subject
        AND a.purchased_us IS NOT NULL AND a.status IS NOT DISTINCT FROM s.status
        AND a.shown_no IS NOT DISTINCT FROM s.shown_no AND NOT EXISTS (
            SELECT 1 FROM place p JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
            LEFT JOIN delivery_place k ON k.id = a.id << {DESTINATION_BITS} | p.destination
            LEFT JOIN batch b ON b.id = k.place >> {POSITION_BITS}
            WHERE b.state IS DISTINCT FROM 'received' OR d.due_minor <> a.minor OR d.reason IN ({_FORBIDDEN})
        ) THEN 1 ELSE 0 END
    FROM order_row s JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
""")
"""Unchanged: staging would leave the sale and its orders as they are, since each of them was received and stands as
its batch says, and the source states what it stated."""


def find(connection: sqlite3.Connection, shop: str) -> None:
    """Find the known rows of a snapshot that is complete: all that the temporary table ``known_row`` holds."""
    connection.execute(_FIND.text, {"shop": shop})
