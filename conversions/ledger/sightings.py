"""Every sighting of an order in this run's reading, kept beside the store until the whole window is read.

A private database that SQLite deletes with the connection: memory stays flat, and a killed run leaves nothing behind.
The newest sighting of an order wins; one number with two addresses or purchase times is a conflict.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

from conversions.conversion import Money, Reason
from conversions.ledger.matrix import Draft

PAGE = 5_000

_SCHEMA = """
CREATE TABLE sighting(
    id INTEGER PRIMARY KEY, order_no TEXT NOT NULL UNIQUE, subject BLOB, purchased_us INTEGER NOT NULL,
    day TEXT NOT NULL, rank_us INTEGER NOT NULL, rank_place INTEGER NOT NULL,
    minor INTEGER NOT NULL, currency TEXT NOT NULL, exponent INTEGER NOT NULL, drafts BLOB NOT NULL,
    seen INTEGER NOT NULL DEFAULT 1, conflict INTEGER NOT NULL DEFAULT 0
) STRICT
"""
_COLUMNS = "order_no, subject, purchased_us, day, rank_us, rank_place, minor, currency, exponent, drafts"
_NEWEST = ", ".join(
    f"{c} = CASE WHEN (excluded.rank_us, excluded.rank_place) > (rank_us, rank_place) THEN excluded.{c} ELSE {c} END"
    for c in _COLUMNS.split(", ")[3:]
)
_ADD = (
    f"INSERT INTO sighting({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT(order_no) DO UPDATE SET seen = seen + 1, "
    "conflict = conflict OR subject IS NOT excluded.subject OR purchased_us <> excluded.purchased_us, " + _NEWEST
)
_PAGE = f"SELECT id, {_COLUMNS} FROM sighting WHERE id > ? AND NOT conflict ORDER BY id LIMIT ?"


@dataclass(frozen=True, slots=True)
class Sighting:
    """An order as the source showed it, behind the hash: one draft per destination, in the settings' order."""

    order_no: str
    subject: bytes | None
    purchased_us: int
    day: str
    rank: tuple[int, int]
    stated: Money
    drafts: tuple[Draft, ...]


@dataclass(frozen=True, slots=True)
class Conflict:
    """An order number that stands for two orders."""

    order_no: str
    rows: int


class Sightings:
    """What this reading has shown so far."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def add(self, sightings: Iterable[Sighting]) -> None:
        """Take in sightings, in any order."""
        with self._connection:
            self._connection.executemany(_ADD, map(_row, sightings))

    def repeated(self) -> int:
        """How many sightings were of an order seen before."""
        query = "SELECT coalesce(sum(seen - 1), 0) FROM sighting WHERE NOT conflict"
        return int(self._connection.execute(query).fetchone()[0])

    def stated(self) -> Iterator[tuple[Money, int]]:
        """What the orders are worth together, by currency, and how many they are."""
        query = (  # in two halves: a misread column may hold numbers whose sum does not fit 64 bits
            "SELECT sum(minor >> 32), sum(minor & 4294967295), currency, exponent, count(*)"
            " FROM sighting WHERE NOT conflict GROUP BY currency, exponent"
        )
        for high, low, currency, exponent, orders in self._connection.execute(query):
            yield Money((high << 32) + low, currency, exponent), orders

    def conflicts(self) -> Iterator[Conflict]:
        """The order numbers that stand for two orders."""
        for order_no, rows in self._connection.execute(
            "SELECT order_no, seen FROM sighting WHERE conflict ORDER BY id"
        ):
            yield Conflict(order_no, rows)

    def pages(self) -> Iterator[list[Sighting]]:
        """Every order once, in the order of first sighting, conflicts left out."""
        after = 0
        while rows := self._connection.execute(_PAGE, (after, PAGE)).fetchall():
            after = rows[-1][0]
            yield [_sighting(row) for row in rows]


@contextmanager
def open_sightings() -> Iterator[Sightings]:
    """A fresh, private place for one reading."""
    with closing(sqlite3.connect("")) as connection:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-32768"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(_SCHEMA)
        yield Sightings(connection)


def _row(s: Sighting) -> tuple[object, ...]:
    return (
        s.order_no,
        s.subject,
        s.purchased_us,
        s.day,
        *s.rank,
        s.stated.minor,
        s.stated.currency,
        s.stated.exponent,
        orjson.dumps([_packed(draft) for draft in s.drafts]),
    )


def _packed(d: Draft) -> tuple[object, ...]:
    return (
        d.reason,
        d.quarantined,
        d.due.minor,
        d.due.currency,
        d.due.exponent,
        d.fingerprint and d.fingerprint.hex(),
        d.event and d.event.decode(),
        d.wire_id,
        d.ready_at,
        d.expires_at,
    )


def _sighting(row: tuple[Any, ...]) -> Sighting:
    _, order_no, subject, purchased_us, day, rank_us, rank_place, minor, currency, exponent, drafts = row
    stated = Money(minor, currency, exponent)
    unpacked = tuple([_draft(packed) for packed in orjson.loads(drafts)])
    return Sighting(order_no, subject, purchased_us, day, (rank_us, rank_place), stated, unpacked)


def _draft(packed: list[Any]) -> Draft:
    reason, quarantined, minor, currency, exponent, fingerprint, event, wire_id, ready_at, expires_at = packed
    return Draft(
        Reason(reason) if reason else None,
        quarantined,
        Money(minor, currency, exponent),
        bytes.fromhex(fingerprint) if fingerprint else None,
        event.encode() if event else None,
        wire_id,
        ready_at,
        expires_at,
    )
