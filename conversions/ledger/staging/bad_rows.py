"""Source rows that could not be read as orders, each identified by a keyed digest of its damage.

Exports overlap and repeat their bad rows every day, and a new file has other orders at the same places: so the place
does not identify a row. The digests are deleted when the look-back period ends.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import text, update

from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_NEW = text("""
    SELECT b.reason, count(DISTINCT b.content) + count(*) FILTER (WHERE b.content IS NULL) FROM bad_row b
    WHERE b.content IS NULL OR NOT EXISTS (SELECT 1 FROM row_rejected r WHERE r.content = b.content) GROUP BY b.reason
""")
_BESIDE_ORDERS = text("""
    SELECT count(*) FROM bad_row b WHERE b.reason = :bad_amount
    AND EXISTS (SELECT 1 FROM order_row s WHERE s.order_no = b.order_no)
    AND (b.content IS NULL OR NOT EXISTS (SELECT 1 FROM row_rejected r WHERE r.content = b.content))
""")
_FIELDS = text("SELECT reason, field, count(*) AS n FROM bad_row GROUP BY 1, 2 ORDER BY n")
_PLACES = text("""
    SELECT f.reason, f.place FROM bad_row f WHERE f.id IN (
        SELECT min(b.id) FROM bad_row b WHERE b.content IS NULL
        OR NOT EXISTS (SELECT 1 FROM row_rejected r WHERE r.content = b.content) GROUP BY b.reason
    )
""")
_INSERT = text("""
    INSERT INTO row_rejected(run, place, reason, order_no, field, content)
    SELECT :run, place, reason, order_no, field, content FROM bad_row ORDER BY id
""")


@dataclass(frozen=True, slots=True)
class BadRows:
    """The bad rows of one run."""

    new: Counter[str]
    """By reason, the rows that no earlier run has read."""
    beside_orders: int
    """New rows without an amount, with the number of an order that was read: several such rows are item lines."""
    fields: Mapping[str, str | None]
    """By reason, our name of the column that most often is at fault."""
    places: Mapping[str, str]
    """By reason, file and row of the first new one."""


def summarize(ledger: Ledger) -> BadRows:
    """Count the bad rows of this run; call it before ``keep``."""
    with ledger.transaction() as connection:
        new = Counter({reason: int(rows) for reason, rows in connection.execute(_NEW)})
        beside = int(connection.execute(_BESIDE_ORDERS, {"bad_amount": Reason.BAD_AMOUNT}).scalar_one())
        fields = {reason: field for reason, field, _ in connection.execute(_FIELDS)}
        return BadRows(new, beside, fields, {row.reason: row.place for row in connection.execute(_PLACES)})


def at(ledger: Ledger, places: Collection[str]) -> dict[str, tuple[str, str | None]]:
    """Return the reason and our column of the bad rows at these *places* of the reading."""
    if not places:
        return {}
    with ledger.transaction() as connection:
        rows = connection.execute(text("SELECT place, reason, field FROM bad_row"))
        return {place: (reason, field) for place, reason, field in rows if place in places}


def keep(ledger: Ledger, run: Run) -> None:
    """Store the place and the reason of each bad row, for reports."""
    with ledger.transaction() as connection:
        connection.execute(_INSERT, {"run": run.id})


def purge_digests(ledger: Ledger, days: int) -> None:
    """Delete the digests of rows that no run has read for so many *days*."""
    before = ledger.now_us - timedelta(days=days + 1) // timedelta(microseconds=1)
    row, run = tables.row_rejected.c, tables.run.c
    old = tables.run.select().with_only_columns(run.id).where(run.started_us < before)
    with ledger.transaction() as connection:
        connection.execute(
            update(tables.row_rejected).where(row.content.is_not(None), row.run.in_(old)).values(content=None)
        )
