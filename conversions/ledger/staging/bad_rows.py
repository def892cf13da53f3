"""Rows that could not be orders: counted, and known again by what is wrong with them, wherever they stand.

Exports overlap, and repeat their bad rows nightly; a file that is written anew each night repeats their places, with
other orders in them. So a row is known by a keyed digest of the damage, which goes with the look-back.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text, update

from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_NEW = text("""
    SELECT b.reason, count(DISTINCT b.content) + count(*) FILTER (WHERE b.content IS NULL) FROM temp.bad_row b
    WHERE b.content IS NULL OR NOT EXISTS (SELECT 1 FROM row_rejected r WHERE r.content = b.content) GROUP BY b.reason
""")
_BESIDE = text("""
    SELECT count(*) FROM temp.bad_row b WHERE b.reason = :bad_amount
    AND EXISTS (SELECT 1 FROM temp.order_row s WHERE s.order_no = b.order_no)
    AND (b.content IS NULL OR NOT EXISTS (SELECT 1 FROM row_rejected r WHERE r.content = b.content))
""")
_FIELDS = text("SELECT reason, field, count(*) AS n FROM temp.bad_row GROUP BY 1, 2 ORDER BY n")
_KEEP = text("""
    INSERT INTO row_rejected(run, place, reason, order_no, field, content)
    SELECT :run, place, reason, order_no, field, content FROM temp.bad_row ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class BadRows:
    """What one reading has of them."""

    new: Counter[str]
    """By reason, those that no run has met before."""
    beside_orders: int
    """New ones without an amount, with the number of an order that was read: several are lines of its items."""
    fields: Mapping[str, str | None]
    """By reason, our column that most of them have at fault."""


def look(ledger: Ledger) -> BadRows:
    """What this reading has; before ``keep``."""
    with ledger.transaction() as connection:
        new = Counter({reason: int(rows) for reason, rows in connection.execute(_NEW)})
        beside = int(connection.execute(_BESIDE, {"bad_amount": Reason.BAD_AMOUNT}).scalar_one())
        return BadRows(new, beside, {reason: field for reason, field, _ in connection.execute(_FIELDS)})


def keep(ledger: Ledger, run: Run) -> None:
    """Keep where they stand and why: what a person is shown."""
    with ledger.transaction() as connection:
        connection.execute(_KEEP, {"run": run.id})


def forget(ledger: Ledger, days: int) -> None:
    """Digests of damage that no run has met for so many days."""
    before = ledger.now_us - timedelta(days=days + 1) // timedelta(microseconds=1)
    row, run = tables.row_rejected.c, tables.run.c
    old = tables.run.select().with_only_columns(run.id).where(run.started_us < before)
    with ledger.transaction() as connection:
        connection.execute(
            update(tables.row_rejected).where(row.content.is_not(None), row.run.in_(old)).values(content=None)
        )
