"""The sales of a person, found by the keyed subject."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from conversions.ledger.schema.tables import SALE_OF_EVENT, SPAN_BITS

_SALES = text(f"""
    WITH RECURSIVE span(n) AS (
        SELECT 0 UNION ALL SELECT n + 1 FROM span WHERE n < (SELECT max(id) >> {SPAN_BITS} FROM sale)
    )
    SELECT a.id FROM span CROSS JOIN sale a WHERE (a.id >> {SPAN_BITS}) = span.n AND a.subject = :subject
    UNION SELECT p.event >> {SALE_OF_EVENT} FROM span CROSS JOIN earlier_person p
    WHERE (p.event >> {SPAN_BITS + SALE_OF_EVENT}) = span.n AND p.subject = :subject ORDER BY 1
""")
"""One seek per span of sales; see the indexes in ``schema.tables``."""


def sales_under(connection: Connection, subjects: Iterable[bytes]) -> set[int]:
    """Return the keys of the sales that have, or had when an event was sealed, one of *subjects* as their buyer."""
    return {sale for subject in subjects for sale in connection.execute(_SALES, {"subject": subject}).scalars()}
