"""The buyer of a sale, and of those of its events that had another one."""

from collections.abc import Mapping

from sqlalchemy import Connection, text

from conversions.ledger.schema.tables import SALE_OF_EVENT

_KEEP_EARLIER = text(f"""
    INSERT INTO earlier_person(event, subject) SELECT e.id, a.subject FROM sale a JOIN event e
    ON e.id BETWEEN a.id << {SALE_OF_EVENT} AND a.id << {SALE_OF_EVENT} | {(1 << SALE_OF_EVENT) - 1}
    WHERE a.id = :sale AND (a.subject IS NULL OR a.subject <> :subject)
    AND NOT EXISTS (SELECT 1 FROM earlier_person p WHERE p.event = e.id)
""")
_SET_BUYER = text("UPDATE sale SET subject = :subject WHERE id = :sale")


def set_buyers(connection: Connection, buyers: Mapping[int, bytes]) -> None:
    """Set the present buyer of each sale; its sealed events keep the buyer that they had."""
    rows = [{"sale": sale, "subject": subject} for sale, subject in buyers.items()]
    if rows:
        connection.execute(_KEEP_EARLIER, rows)
        connection.execute(_SET_BUYER, rows)
