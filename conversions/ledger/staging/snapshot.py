"""Every sighting of an order in this run's reading, kept in temporary tables until the whole window is read.

SQLite keeps them in a file that goes with the connection: memory stays flat, and a killed run leaves nothing behind.
The newest sighting of an order wins. Rows of one number that contradict each other are set aside: two addresses or
purchase times, several totals of one moment, money paid back in a row of its own.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from conversions.errors import LedgerError
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money, Reason
from conversions.process.signals import defer_signals

_SCHEMA = """
CREATE TEMP TABLE order_row(
    id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, subject BLOB, purchased_us INTEGER NOT NULL, day TEXT NOT NULL,
    rank_us INTEGER NOT NULL, rank_place INTEGER NOT NULL,
    minor INTEGER NOT NULL, currency TEXT NOT NULL, exponent INTEGER NOT NULL, window_day TEXT,
    completed INTEGER NOT NULL, refund INTEGER NOT NULL, status BLOB, products BLOB NOT NULL, refunded INTEGER NOT NULL
) STRICT;
CREATE TEMP TABLE draft(
    id INTEGER PRIMARY KEY, reason TEXT, quarantined INTEGER NOT NULL,
    due_minor INTEGER NOT NULL, fingerprint BLOB, wire_id TEXT, ready_at INTEGER, expires_at INTEGER,
    salt BLOB, event BLOB
) STRICT;
CREATE TEMP TABLE place(position INTEGER PRIMARY KEY, destination INTEGER NOT NULL) STRICT;
CREATE TEMP TABLE repeated(order_no TEXT PRIMARY KEY) STRICT;
CREATE TEMP TABLE doubt(
    order_row INTEGER NOT NULL, place TEXT NOT NULL, reason TEXT NOT NULL, order_no TEXT NOT NULL, field TEXT NOT NULL,
    content BLOB
) STRICT;
CREATE TEMP TABLE bad_row(
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, reason TEXT NOT NULL, order_no TEXT, field TEXT, content BLOB
) STRICT;
"""
_REPEATED = "INSERT INTO repeated SELECT order_no FROM order_row GROUP BY order_no HAVING count(*) > 1"
_RENAME = """
    UPDATE order_row SET order_no = (
        SELECT a.order_no FROM former_number f JOIN sale a ON a.id = f.sale
        WHERE f.shop = :shop AND f.order_no = order_row.order_no
    ) WHERE order_no IN (SELECT order_no FROM former_number WHERE shop = :shop)
"""
"""What a person has said is the same sale is read under the number that it has now."""
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
"""Rows of money paid back, beside the row of their sale: no total of an order is below zero, and none of a state that
the order came to later is lower."""
_CONFLICTS = """
    SELECT s.id FROM order_row s JOIN (
        SELECT order_no FROM order_row JOIN repeated USING (order_no) GROUP BY order_no HAVING (
            min(purchased_us) <> max(purchased_us) OR min(coalesce(subject, x'')) <> max(coalesce(subject, x''))
        )
    ) USING (order_no)
"""
_SEVERAL = """
    SELECT s.id FROM order_row s JOIN (
        SELECT n.order_no FROM order_row n JOIN repeated USING (order_no)
        WHERE n.rank_us = (SELECT max(m.rank_us) FROM order_row m WHERE m.order_no = n.order_no)
        GROUP BY n.order_no HAVING :alike AND count(*) > 1 AND min(n.completed) AND (
            min(n.minor) <> max(n.minor) OR min(n.currency) <> max(n.currency) OR min(n.products) <> max(n.products)
        )
    ) USING (order_no)
"""
"""Of one file, all of a completed status, and saying different things: none of them is known to be the newer."""
_SET_ASIDE = (
    (Reason.REFUND_ROW, _REFUNDS),
    (Reason.CONFLICT, _CONFLICTS),
    (Reason.SEVERAL_ROWS, _SEVERAL),
)
"""One after the other: what a refund left alone is no conflict."""
_STILL_IN_DOUBT = """
    INSERT INTO bad_row(place, reason, order_no, field, content)
    SELECT place, reason, order_no, min(field), content FROM doubt GROUP BY order_row
"""
_BAD_ROWS = """
    INSERT INTO bad_row(place, reason, order_no, content)
    SELECT 'order ' || order_no, :reason, order_no, keyed(
        printf('%s %s %d %d %s %s', :reason, order_no, purchased_us, minor, currency, hex(products))
    )
    FROM order_row WHERE id IN ({}) ORDER BY id
"""
_SEEN_AGAIN = "SELECT count(*) - count(DISTINCT order_no) FROM order_row JOIN repeated USING (order_no)"

_DELETE = "DELETE FROM order_row WHERE id IN ({})"
_NEWEST = """
    DELETE FROM order_row WHERE order_no IN (SELECT order_no FROM repeated) AND EXISTS (
        SELECT 1 FROM order_row newer WHERE newer.order_no = order_row.order_no
        AND (newer.rank_us, newer.rank_place, -newer.id) > (order_row.rank_us, order_row.rank_place, -order_row.id)
    )
"""


class OrderRow(NamedTuple):
    """An order as the source showed it, behind the hash."""

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
    """By which the window chose it, where that is not the day of purchase."""
    completed: bool = True
    refund: bool = False
    """Whether its amount is below zero: a row of money paid back, if there is a sale of that number."""
    status: bytes | None = None
    """Tells one status that is no finished sale from another; None for a finished sale."""
    products: bytes = b""
    """8 keyed bytes for each of its products, at most eight of them, sorted."""
    refunded: int = 0
    """In minor units: what the amount would be above ``minor`` without refunds."""


class AmbiguousRow(NamedTuple):
    """What the n-th sighting (from 1) is instead, unless another one settles how its amounts are written."""

    order_row: int
    place: str
    reason: str
    order_no: str | None
    field: str | None
    content: bytes | None


class DraftRow(NamedTuple):
    """What one destination would see of it, or why it sees nothing. Currency and exponent are the order's."""

    reason: str | None
    quarantined: int
    due_minor: int
    """What the platform should hold: 0 where the order is not completed, or fully refunded."""
    fingerprint: bytes | None = None
    wire_id: str | None = None
    ready_at: int | None = None
    expires_at: int | None = None
    salt: bytes | None = None
    event: bytes | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What became of rows that stand for one order, or contradict each other."""

    repeated: int
    """Sightings of an order whose newer one counts."""
    set_aside: Counter[str]
    """Rows by reason."""


@dataclass(frozen=True, slots=True)
class SnapshotBatch:
    """Sightings, and their drafts in the same order: one for each destination."""

    orders: Sequence[tuple[Any, ...]]
    drafts: Sequence[tuple[Any, ...]]


class BadRow(NamedTuple):
    """A row that cannot be an order: where it stands and why, never what it says."""

    place: str
    reason: str
    order_no: str | None
    field: str | None
    """Our name of the column at fault."""
    content: bytes | None
    """Keyed digest of what is wrong: the same damage is known again wherever it stands."""


class SourceSnapshot:
    """What this reading has shown so far; the n-th sighting has the n-th handful of drafts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, seen: SnapshotBatch) -> None:
        """Take in sightings, in any order. Takes no lock on the store: only temporary tables are written."""
        with room():
            self._connection.execute("BEGIN")
            self._connection.executemany(_insert("order_row", OrderRow), seen.orders)
            self._connection.executemany(_insert("draft", DraftRow), seen.drafts)
            self._connection.execute("COMMIT")

    def reject(self, rows: Iterable[BadRow]) -> None:
        """Take in rows that cannot be orders."""
        with room():
            self._connection.execute("BEGIN")
            self._connection.executemany(_insert("bad_row", BadRow), rows)
            self._connection.execute("COMMIT")

    def doubt(self, rows: Sequence[AmbiguousRow]) -> None:
        """Take in what cannot be decided before the whole window is read."""
        if rows:
            with room():
                self._connection.execute("BEGIN")
                self._connection.executemany(_insert("doubt", AmbiguousRow), rows)
                self._connection.execute("COMMIT")

    def resolve(
        self, settled: Collection[str], shop: str, keyed: Callable[[str], bytes], *, ranked: bool = False
    ) -> Resolved:
        """The window is read: leave one sighting of each order, and none in doubt or whose rows contradict each other.

        *settled* are our columns in which nothing is doubtful any more. *ranked*: rows say when they changed, so that
        of two the newer is known. *keyed* digests what is set aside.
        """
        self._connection.create_function("keyed", 1, keyed, deterministic=True)
        asked = {"shop": shop, "alike": not ranked}
        with room():
            aside = self._doubted(settled)
            self._connection.execute("CREATE INDEX temp.order_row_number ON order_row(order_no)")
            self._connection.execute(_RENAME, asked)
            self._connection.execute(_REPEATED)
            aside += Counter({str(reason): self._set_aside(reason, which, asked) for reason, which in _SET_ASIDE})
            repeated = self._connection.execute(_SEEN_AGAIN).fetchone()[0]
            self._connection.execute(_NEWEST)
        return Resolved(int(repeated), +aside)

    def _doubted(self, settled: Collection[str]) -> Counter[str]:
        """Rows whose amounts no other row settles, by reason."""
        self._connection.executemany("DELETE FROM doubt WHERE field = ?", [(field,) for field in settled])
        self._connection.execute(_STILL_IN_DOUBT)
        self._connection.execute(_DELETE.format("SELECT order_row FROM doubt"))
        counted = self._connection.execute("SELECT reason, count(DISTINCT order_row) FROM doubt GROUP BY reason")
        return Counter(dict(counted.fetchall()))

    def _set_aside(self, reason: Reason, which: str, asked: Mapping[str, object]) -> int:
        """How many rows."""
        self._connection.execute(_BAD_ROWS.format(which), {**asked, "reason": reason})
        deleted = self._connection.execute(_DELETE.format(which), asked)
        return deleted.rowcount

    def stated(self) -> Iterator[tuple[Money, int]]:
        """What the orders are worth together, by currency, and how many they are."""
        query = (  # in two halves: a misread column may hold numbers whose sum does not fit 64 bits
            "SELECT sum(minor >> 32), sum(minor & 4294967295), currency, exponent, count(*)"
            " FROM order_row GROUP BY currency, exponent"
        )
        for high, low, currency, exponent, orders in self._connection.execute(query):
            yield Money((high << 32) + low, currency, exponent), orders


def open_snapshot(ledger: Ledger, destinations: Sequence[int]) -> SourceSnapshot:
    """A fresh place for one reading, on the store's own connection, so that staging is a matter of SQL.

    *destinations* are the ledger's numbers, in the settings' order; 0 for one that it has not met yet.
    """
    connection = ledger.connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.executescript(_SCHEMA)
    connection.executemany("INSERT INTO place VALUES (?, ?)", enumerate(destinations))
    return SourceSnapshot(connection)


@contextmanager
def room() -> Iterator[None]:
    """Temporary tables that find no room are one sentence."""
    try:
        with defer_signals():
            yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"The reading found no room for its temporary tables ({str(error)[:80]}). Nothing was sent; make room "
            "where SQLITE_TMPDIR or TMPDIR points, then `conversions run`."
        ) from None


def _insert(table: str, row: type[OrderRow] | type[DraftRow] | type[BadRow] | type[AmbiguousRow]) -> str:
    names = row._fields
    return f"INSERT INTO temp.{table}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
