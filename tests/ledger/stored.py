"""What a store holds of events, read from its batches: the material of tests that look into the store.

Leaf values are computed here from their definition, not by the program's own functions.
"""

import hmac
import re
import sqlite3
import zlib
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from conversions.ledger.batches import contents

ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
"""How a stream begins, RFC 1950: 32 KB of window, and the level."""
STEP = 16


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event: its key, its place, its buyer, and its bytes and salts as they are now."""

    id: int
    place: int
    subject: bytes | None
    body: bytes | None
    """The exact bytes; None where they are erased."""
    salts: bytes
    request_count: int
    """The requests that contain it."""
    form: int
    value: int
    """In minor units; 0 where it is erased."""
    link: bytes
    """Order number, buyer, day and value, as the log binds them; empty where it is erased."""

    @property
    def delivery(self) -> int:
        return self.id >> 8

    @property
    def revision(self) -> int:
        return self.id & 255

    @property
    def two_salts(self) -> tuple[bytes, bytes]:
        """Of the bytes and of the link, of an event since schema 0007."""
        if self.form == 3:
            return sha256(self.salts + b"bytes").digest()[:16], sha256(self.salts + b"link").digest()[:16]
        return self.salts[:16], self.salts[16:]

    @property
    def leaf_value(self) -> bytes:
        """What the log has instead of the event."""
        if self.body is None:
            return self.salts[:32]
        if self.form == 1:
            return hmac.digest(self.salts[:32], self.body, "sha256")
        bytes_salt, link_salt = self.two_salts
        both = hmac.digest(bytes_salt, self.body, "sha256") + hmac.digest(link_salt, self.link, "sha256")
        return sha256(both).digest()


_EVENTS = """
    SELECT e.id, e.place, CASE WHEN p.event IS NULL THEN a.subject ELSE p.subject END AS subject,
    (SELECT count(*) FROM request_part x WHERE x.place >> 12 = e.place >> 12 AND e.place BETWEEN x.place
        AND x.place + x.events - 1) AS requests, b.day, coalesce((
        SELECT f.order_no FROM former_number f JOIN run r ON r.id = b.run WHERE f.sale = a.id
        AND f.since_us > r.started_us ORDER BY f.since_us LIMIT 1
    ), a.order_no) AS order_no
    FROM event e JOIN batch b ON b.id = e.place >> 12 LEFT JOIN sale a ON a.id = e.id >> 14
    LEFT JOIN earlier_person p ON p.event = e.id ORDER BY e.id
"""


def events(store: Path) -> list[StoredEvent]:
    """Every event of the store, by key."""
    with closing(sqlite3.connect(store)) as connection:
        connection.row_factory = sqlite3.Row
        batches = _contents(connection)
        return [_event(row, batches[row["place"] >> 12]) for row in connection.execute(_EVENTS)]


def _event(row: sqlite3.Row, of_batch: contents.Contents) -> StoredEvent:
    position = row["place"] & 4095
    body, value = of_batch.bodies[position], of_batch.values[position]
    link = [row["order_no"], (row["subject"] or b"").hex(), row["day"], *value]
    return StoredEvent(
        row["id"],
        row["place"],
        row["subject"],
        body,
        of_batch.salts[position],
        row["requests"],
        int(of_batch.form),
        value.minor,
        b"" if body is None else orjson.dumps(link),
    )


def events_of_requests(store: Path) -> dict[int, list[StoredEvent]]:
    """The events of every request, in the order of the wire."""
    by_place = {event.place: event for event in events(store)}
    found: dict[int, list[StoredEvent]] = {}
    with closing(sqlite3.connect(store)) as connection:
        parts = connection.execute("SELECT request, place, events FROM request_part ORDER BY request, first")
        for request, place, length in parts:
            found.setdefault(request, []).extend(by_place[at] for at in range(place, place + length))
    return found


def legible(raw: bytes) -> bytes:
    """The bytes of a file, and what is compressed in them, free pages included, as far as each piece can be read."""
    return raw + b"".join(_inflated(raw[match.start() :]) for match in re.finditer(ZLIB, raw))


def _inflated(raw: bytes) -> bytes:
    """What stands compressed at the beginning, up to its end or to where another page begins."""
    stream, found = zlib.decompressobj(), b""
    for at in range(0, len(raw), STEP):
        try:
            found += stream.decompress(raw[at : at + STEP])
        except zlib.error:
            break
        if stream.eof:
            break
    return found


def _contents(connection: sqlite3.Connection) -> Mapping[int, contents.Contents]:
    rows = connection.execute("SELECT batch, form, members, amounts, sizes, salts, bytes FROM blob")
    return {batch: contents.unpack(contents.BlobRow(*row)) for batch, *row in rows}


def bodies(store: Path, delivery: int) -> dict[int, bytes | None]:
    """The bytes of the events of one order at one destination, by revision."""
    return {event.revision: event.body for event in events(store) if event.delivery == delivery}


def by_key(store: Path) -> dict[int, StoredEvent]:
    """Every event of the store, by key."""
    return {event.id: event for event in events(store)}


def alter(store: sqlite3.Connection, event: int, *, body: bytes | None, salts: bytes | None = None) -> None:
    """Give *event* other bytes, None for erased ones, and other salts, as a hand that changes the file does."""
    (at,) = store.execute("SELECT place FROM event WHERE id = ?", (event,)).fetchone()
    batch, position = at >> 12, at & 4095
    of_batch = _contents(store)[batch]
    of_batch.bodies[position] = body
    if body is not None:
        of_batch.sizes[position] = len(body)
    if salts is not None:
        of_batch.salts[position] = salts
    columns = of_batch.columns()
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    store.execute(f"UPDATE blob SET {assignments} WHERE batch = :batch", columns | {"batch": batch})
