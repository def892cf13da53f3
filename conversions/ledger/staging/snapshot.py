"""The source snapshot: every order row of this run, in temporary tables until the whole window is read.

SQLite deletes these tables with the connection: memory use stays flat, and a killed run leaves nothing behind. The
newest row of an order counts. Rows of one order that contradict each other are set aside as bad rows: two addresses or
purchase times, several totals at the same time, a refund in a row of its own.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from conversions.errors import LedgerError
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.staging import known_rows
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money, Reason
from conversions.process.signals import defer_signals

_TABLES = """
CREATE TEMP TABLE order_row(
    id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, subject BLOB, purchased_us INTEGER NOT NULL, day TEXT NOT NULL,
    rank_us INTEGER NOT NULL, rank_place INTEGER NOT NULL,
    minor INTEGER NOT NULL, currency TEXT NOT NULL, exponent INTEGER NOT NULL, window_day TEXT,
    completed INTEGER NOT NULL, refund INTEGER NOT NULL, status BLOB, products BLOB NOT NULL, refunded INTEGER NOT NULL,
    shown_no TEXT
) STRICT;
CREATE TEMP TABLE draft(
    id INTEGER PRIMARY KEY, reason TEXT, quarantined INTEGER NOT NULL,
    due_minor INTEGER NOT NULL, fingerprint BLOB, ready_at INTEGER, expires_at INTEGER, event BLOB
) STRICT;
CREATE TEMP TABLE place(position INTEGER PRIMARY KEY, destination INTEGER NOT NULL) STRICT;
CREATE TEMP TABLE known_row(id INTEGER PRIMARY KEY, sale INTEGER NOT NULL, unchanged INTEGER NOT NULL) STRICT;
CREATE TEMP TABLE repeated(order_no TEXT PRIMARY KEY) STRICT;
CREATE TEMP TABLE doubt(
    order_row INTEGER NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL, order_no TEXT NOT NULL, field TEXT NOT NULL,
    content BLOB
) STRICT;
CREATE TEMP TABLE bad_row(
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, reason TEXT NOT NULL, order_no TEXT, field TEXT, content BLOB
) STRICT;
"""
_INSERT_REPEATED = "INSERT INTO repeated SELECT order_no FROM order_row GROUP BY order_no HAVING count(*) > 1"
_RENAME = """
    UPDATE order_row SET order_no = (
        SELECT a.order_no FROM former_number f JOIN sale a ON a.id = f.sale
        WHERE f.shop = :shop AND f.order_no = order_row.order_no
    ) WHERE order_no IN (SELECT order_no FROM former_number WHERE shop = :shop)
"""
"""An order with a former number is read under its present number."""
_KNOWN = """
    SELECT value FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM sale WHERE shop = ?2 AND order_no = value)
    OR EXISTS (SELECT 1 FROM former_number WHERE shop = ?2 AND order_no = value)
"""
_REFUNDS = f"""
    SELECT r.id FROM order_row r WHERE r.refund AND (
        EXISTS (SELECT 1 FROM order_row o WHERE o.order_no = r.order_no AND NOT o.refund)
        OR EXISTS (SELECT 1 FROM sale a JOIN delivery x
            ON x.id BETWEEN a.id << {DESTINATION_BITS} AND a.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
            WHERE a.shop = :shop AND a.order_no = r.order_no AND x.stated_minor > 0)
    )
    UNION SELECT r.id FROM order_row r JOIN order_row o ON o.order_no = r.order_no AND o.rank_us = r.rank_us
    WHERE :alike AND r.order_no IN (SELECT order_no FROM repeated) AND o.completed AND NOT r.completed
    AND r.rank_place > o.rank_place AND r.minor BETWEEN 1 AND o.minor - 1 AND r.currency = o.currency
"""
"""Refund rows beside the row of their sale: a negative amount, or a lower one with a status that is not completed."""
_CONFLICTS = """
    SELECT s.id FROM order_row s JOIN (
        SELECT order_no FROM order_row JOIN repeated USING (order_no) GROUP BY order_no HAVING NOT :unique AND (
            min(purchased_us) <> max(purchased_us) OR min(coalesce(subject, x'')) <> max(coalesce(subject, x''))
        )
    ) USING (order_no)
"""
_SEVERAL_TOTALS = """
    SELECT s.id FROM order_row s JOIN (
        SELECT n.order_no FROM order_row n JOIN repeated USING (order_no)
        WHERE n.rank_us = (SELECT max(m.rank_us) FROM order_row m WHERE m.order_no = n.order_no)
        GROUP BY n.order_no HAVING :alike AND count(*) > 1 AND min(n.completed) AND (
            min(n.minor) <> max(n.minor) OR min(n.currency) <> max(n.currency) OR min(n.products) <> max(n.products)
        )
    ) USING (order_no)
"""
"""Rows of the same age, all completed, with different values: it is not known which one is newer."""
_BAD_ROW_QUERIES = (
    (Reason.REFUND_ROW, _REFUNDS),
    (Reason.CONFLICT, _CONFLICTS),
    (Reason.SEVERAL_ROWS, _SEVERAL_TOTALS),
)
"""In this order: without its refund rows, an order may have no conflict."""
_INSERT_AMBIGUOUS = """
    INSERT INTO bad_row(place, reason, order_no, field, content)
    SELECT place, reason, order_no, min(field), content FROM doubt GROUP BY order_row
"""
_INSERT_BAD_ROWS = """
    INSERT INTO bad_row(place, reason, order_no, content)
    SELECT 'order ' || order_no, :reason, order_no, keyed(
        printf('%s %s %d %d %s %s', :reason, order_no, purchased_us, minor, currency, hex(products))
    )
    FROM order_row WHERE id IN ({}) ORDER BY id
"""
_COUNT_REPEATED = "SELECT count(*) - count(DISTINCT order_no) FROM order_row JOIN repeated USING (order_no)"

_DELETE = "DELETE FROM order_row WHERE id IN ({})"
_DELETE_OLDER = """
    DELETE FROM order_row WHERE order_no IN (SELECT order_no FROM repeated) AND EXISTS (
        SELECT 1 FROM order_row newer WHERE newer.order_no = order_row.order_no
        AND (newer.rank_us, newer.rank_place, -newer.id) > (order_row.rank_us, order_row.rank_place, -order_row.id)
    )
"""


class OrderRow(NamedTuple):
    """One order row of the source, pseudonymised."""

    order_no: str
    subject: bytes | None
    purchased_us: int
    day: str
    rank_us: int
    rank_place: int
    minor: int
    currency: str
    exponent: int
    window_day: str | None = None
    """The day by which the window selected the row, if not the day of purchase."""
    completed: bool = True
    refund: bool = False
    """True if the amount is below zero: a refund row, if there is a sale with that number."""
    status: bytes | None = None
    """Keyed digest of a status that is not completed; None for a completed order."""
    products: bytes = b""
    """8 keyed bytes per product, at most eight products, sorted."""
    refunded: int = 0
    """Refunds in minor units: without them the amount would be ``minor`` plus this."""
    shown_no: str | None = None
    """The number that people see, if it is not ``order_no``."""


class AmbiguousRow(NamedTuple):
    """The bad row for the n-th order row (from 1), unless other rows show how its amounts are written."""

    order_row: int
    place: str
    reason: str
    order_no: str | None
    field: str | None
    content: bytes | None


class DraftRow(NamedTuple):
    """The event of an order for one destination, or the reason for none. Currency and exponent are the order's."""

    reason: str | None
    quarantined: int
    due_minor: int
    """The value that the platform should hold: 0 where the order is not completed, or fully refunded."""
    fingerprint: bytes | None = None
    ready_at: int | None = None
    expires_at: int | None = None
    event: bytes | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """The result of resolving repeated and contradicting rows."""

    repeated: int
    """Rows of an order that has a newer row."""
    set_aside: Counter[str]
    """Bad rows by reason."""


@dataclass(frozen=True, slots=True)
class SnapshotBatch:
    """Order rows, and their drafts in the same sequence: one for each destination."""

    orders: Sequence[tuple[Any, ...]]
    drafts: Sequence[tuple[Any, ...]]


class BadRow(NamedTuple):
    """A row that cannot be read as an order: its place and the reason, without its content."""

    place: str
    reason: str
    order_no: str | None
    field: str | None
    """Our name of the column with the error."""
    content: bytes | None
    """Keyed digest of the damage: it identifies the same bad row at any place."""


class SourceSnapshot:
    """The rows that this run has read so far; the n-th order row has the n-th group of drafts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, batch: SnapshotBatch) -> None:
        """Add order rows, in any sequence. Takes no lock on the store: it writes only temporary tables."""
        with translate_temp_errors():
            self._connection.execute("BEGIN")
            self._connection.executemany(_insert("order_row", OrderRow), batch.orders)
            self._connection.executemany(_insert("draft", DraftRow), batch.drafts)
            self._connection.execute("COMMIT")

    def add_bad_rows(self, rows: Iterable[BadRow]) -> None:
        """Add rows that cannot be read as orders."""
        with translate_temp_errors():
            self._connection.execute("BEGIN")
            self._connection.executemany(_insert("bad_row", BadRow), rows)
            self._connection.execute("COMMIT")

    def add_ambiguous(self, rows: Sequence[AmbiguousRow]) -> None:
        """Add rows that cannot be decided before the whole window is read."""
        if rows:
            with translate_temp_errors():
                self._connection.execute("BEGIN")
                self._connection.executemany(_insert("doubt", AmbiguousRow), rows)
                self._connection.execute("COMMIT")

    def resolve(
        self,
        settled: Collection[str],
        shop: str,
        keyed: Callable[[str], bytes],
        *,
        ranked: bool = False,
        unique: bool = False,
    ) -> Resolution:
        """Keep one row per order after the whole window is read; ambiguous and contradicting rows become bad rows.

        *settled* are our columns with a known notation. *ranked* is true if the rows have a time of change, so that the
        newer of two is known; *unique* if no two orders have one number, so that the newer one only corrects the older.
        *keyed* makes the digests of bad rows.
        """
        self._connection.create_function("keyed", 1, keyed, deterministic=True)
        parameters = {"shop": shop, "alike": not ranked, "unique": unique}
        with translate_temp_errors():
            bad_rows = self._ambiguous(settled)
            self._connection.execute("CREATE INDEX temp.order_row_number ON order_row(order_no)")
            self._connection.execute(_RENAME, parameters)
            self._connection.execute(_INSERT_REPEATED)
            bad_rows += Counter(
                {str(reason): self._set_aside(reason, query, parameters) for reason, query in _BAD_ROW_QUERIES}
            )
            repeated = self._connection.execute(_COUNT_REPEATED).fetchone()[0]
            self._connection.execute(_DELETE_OLDER)
            known_rows.find(self._connection, shop)
        return Resolution(int(repeated), +bad_rows)

    def known(self, shop: str, numbers: Collection[str]) -> set[str]:
        """Return those of *numbers* under which the store has a sale, or had one."""
        with translate_temp_errors():
            return {number for (number,) in self._connection.execute(_KNOWN, (json.dumps([*numbers]), shop))}

    def _ambiguous(self, settled: Collection[str]) -> Counter[str]:
        """Set aside the rows that are still ambiguous; count them by reason."""
        self._connection.executemany("DELETE FROM doubt WHERE field = ?", [(field,) for field in settled])
        self._connection.execute(_INSERT_AMBIGUOUS)
        self._connection.execute(_DELETE.format("SELECT order_row FROM doubt"))
        counts = self._connection.execute("SELECT reason, count(DISTINCT order_row) FROM doubt GROUP BY reason")
        return Counter(dict(counts.fetchall()))

    def _set_aside(self, reason: Reason, query: str, parameters: Mapping[str, object]) -> int:
        """Turn the rows that *query* selects into bad rows; return the count."""
        self._connection.execute(_INSERT_BAD_ROWS.format(query), {**parameters, "reason": reason})
        return self._connection.execute(_DELETE.format(query), parameters).rowcount

    def totals(self) -> Iterator[tuple[Money, int]]:
        """Yield the total value and the number of the orders, by currency."""
        query = (  # in two halves: a misread column may hold numbers whose sum does not fit 64 bits
            "SELECT sum(minor >> 32), sum(minor & 4294967295), currency, exponent, count(*)"
            " FROM order_row GROUP BY currency, exponent"
        )
        for high, low, currency, exponent, orders in self._connection.execute(query):
            yield Money((high << 32) + low, currency, exponent), orders


def open_snapshot(ledger: Ledger, destinations: Sequence[int]) -> SourceSnapshot:
    """Create an empty snapshot on the store's own connection, so that staging can use SQL.

    *destinations* are the ids in the ledger, in the settings' order; 0 for a new destination.
    """
    connection = ledger.connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.executescript(_TABLES)
    connection.executemany("INSERT INTO place VALUES (?, ?)", enumerate(destinations))
    return SourceSnapshot(connection)


@contextmanager
def translate_temp_errors() -> Iterator[None]:
    """Raise LedgerError where the temporary tables cannot be written."""
    try:
        with defer_signals():
            yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"The temporary tables could not be written ({str(error)[:80]}). Nothing was sent; free disk space in "
            "the store's directory, then `conversions run`."
        ) from None


def _insert(table: str, row: type[OrderRow] | type[DraftRow] | type[BadRow] | type[AmbiguousRow]) -> str:
    columns = row._fields
    return f"INSERT INTO temp.{table}({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
