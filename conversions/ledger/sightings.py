"""Every sighting of an order in this run's reading, kept in temporary tables until the whole window is read.

SQLite keeps them in a file that goes with the connection: memory stays flat, and a killed run leaves nothing behind.
The newest sighting of an order wins; one number with two addresses or purchase times is a conflict.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from conversions.conversion import Money
from conversions.errors import LedgerError
from conversions.ledger.store import Ledger
from conversions.stopping import whole

_SCHEMA = """
CREATE TEMP TABLE sighting(
    id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, subject BLOB, purchased_us INTEGER NOT NULL, day TEXT NOT NULL,
    rank_us INTEGER NOT NULL, rank_place INTEGER NOT NULL,
    minor INTEGER NOT NULL, currency TEXT NOT NULL, exponent INTEGER NOT NULL, window_day TEXT,
    products BLOB NOT NULL DEFAULT x'', refunded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TEMP TABLE draft(
    id INTEGER PRIMARY KEY, reason TEXT, quarantined INTEGER NOT NULL,
    due_minor INTEGER NOT NULL, fingerprint BLOB, wire_id TEXT, ready_at INTEGER, expires_at INTEGER,
    salt BLOB, event BLOB
) STRICT;
CREATE TEMP TABLE place(position INTEGER PRIMARY KEY, destination INTEGER NOT NULL) STRICT;
CREATE TEMP TABLE repeated(order_no TEXT PRIMARY KEY, seen INTEGER NOT NULL, conflict INTEGER NOT NULL) STRICT;
"""
_RESOLVE = """
CREATE INDEX temp.sighting_order ON sighting(order_no);
INSERT INTO repeated
    SELECT order_no, count(*), min(purchased_us) <> max(purchased_us)
        OR min(coalesce(subject, x'')) <> max(coalesce(subject, x''))
    FROM sighting GROUP BY order_no HAVING count(*) > 1;
DELETE FROM sighting WHERE order_no IN (SELECT order_no FROM repeated WHERE conflict);
DELETE FROM sighting WHERE order_no IN (SELECT order_no FROM repeated) AND EXISTS (
    SELECT 1 FROM sighting newer WHERE newer.order_no = sighting.order_no
    AND (newer.rank_us, newer.rank_place, -newer.id) > (sighting.rank_us, sighting.rank_place, -sighting.id)
);
"""


class SightingRow(NamedTuple):
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
    products: bytes = b""
    """8 keyed bytes for each of its products, at most eight of them, sorted."""
    refunded: int = 0
    """In minor units: what the amount would be above ``minor`` without refunds."""


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
class Seen:
    """Sightings, and their drafts in the same order: one for each destination."""

    sightings: Sequence[tuple[Any, ...]]
    drafts: Sequence[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An order number that stands for two orders."""

    order_no: str
    rows: int


class Sightings:
    """What this reading has shown so far; the n-th sighting has the n-th handful of drafts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, seen: Seen) -> None:
        """Take in sightings, in any order. Takes no lock on the store: only temporary tables are written."""
        with room():
            self._connection.execute("BEGIN")
            self._connection.executemany(_insert("sighting", SightingRow), seen.sightings)
            self._connection.executemany(_insert("draft", DraftRow), seen.drafts)
            self._connection.execute("COMMIT")

    def resolve(self) -> None:
        """The window is read: leave one sighting of each order, and none of those in conflict."""
        with room():
            self._connection.executescript(_RESOLVE)

    def repeated(self) -> int:
        """How many sightings were of an order seen before."""
        query = "SELECT coalesce(sum(seen - 1), 0) FROM repeated WHERE NOT conflict"
        return int(self._connection.execute(query).fetchone()[0])

    def conflicts(self) -> Iterator[Conflict]:
        """The order numbers that stand for two orders."""
        for order_no, rows in self._connection.execute("SELECT order_no, seen FROM repeated WHERE conflict"):
            yield Conflict(order_no, rows)

    def stated(self) -> Iterator[tuple[Money, int]]:
        """What the orders are worth together, by currency, and how many they are."""
        query = (  # in two halves: a misread column may hold numbers whose sum does not fit 64 bits
            "SELECT sum(minor >> 32), sum(minor & 4294967295), currency, exponent, count(*)"
            " FROM sighting GROUP BY currency, exponent"
        )
        for high, low, currency, exponent, orders in self._connection.execute(query):
            yield Money((high << 32) + low, currency, exponent), orders


def open_sightings(ledger: Ledger, destinations: Sequence[int]) -> Sightings:
    """A fresh place for one reading, on the store's own connection, so that staging is a matter of SQL.

    *destinations* are the ledger's numbers, in the settings' order; 0 for one that it has not met yet.
    """
    connection = ledger.connection.connection.driver_connection
    assert isinstance(connection, sqlite3.Connection)
    connection.executescript(_SCHEMA)
    connection.executemany("INSERT INTO place VALUES (?, ?)", enumerate(destinations))
    return Sightings(connection)


@contextmanager
def room() -> Iterator[None]:
    """Temporary tables that find no room are one sentence."""
    try:
        with whole():
            yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"The reading found no room for its temporary tables ({str(error)[:80]}). Nothing was sent; make room "
            "where SQLITE_TMPDIR or TMPDIR points, then `conversions run`."
        ) from None


def _insert(table: str, row: type[SightingRow] | type[DraftRow]) -> str:
    names = row._fields
    return f"INSERT INTO temp.{table}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
