"""What a store holds of events, read from its batches: the material of tests that look into the store."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from conversions.ledger.batches import contents


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event: its key, its place, its buyer, and its bytes and salts as they are now."""

    id: int
    place: int
    subject: bytes | None
    salts: bytes
    bytes: bytes | None
    request_count: int
    """The requests that contain it."""

    @property
    def delivery(self) -> int:
        return self.id >> 8

    @property
    def revision(self) -> int:
        return self.id & 255


_EVENTS = """
    SELECT e.id, e.place, CASE WHEN p.event IS NULL THEN a.subject ELSE p.subject END,
    (SELECT count(*) FROM request_part x WHERE x.place >> 12 = e.place >> 12 AND e.place BETWEEN x.place
        AND x.place + x.events - 1)
    FROM event e LEFT JOIN sale a ON a.id = e.id >> 14 LEFT JOIN earlier_person p ON p.event = e.id ORDER BY e.id
"""


def events(store: Path) -> list[StoredEvent]:
    """Every event of the store, by key."""
    with closing(sqlite3.connect(store)) as connection:
        batches = _contents(connection)
        return [
            StoredEvent(
                key,
                place,
                subject,
                batches[place >> 12].salts[place & 4095],
                batches[place >> 12].bodies[place & 4095],
                requests,
            )
            for key, place, subject, requests in connection.execute(_EVENTS)
        ]


def events_of_requests(store: Path) -> dict[int, list[StoredEvent]]:
    """The events of every request, in the order of the wire."""
    by_place = {event.place: event for event in events(store)}
    found: dict[int, list[StoredEvent]] = {}
    with closing(sqlite3.connect(store)) as connection:
        parts = connection.execute("SELECT request, place, events FROM request_part ORDER BY request, first")
        for request, place, length in parts:
            found.setdefault(request, []).extend(by_place[at] for at in range(place, place + length))
    return found


def _contents(connection: sqlite3.Connection) -> Mapping[int, contents.Contents]:
    rows = connection.execute("SELECT batch, form, members, amounts, sizes, salts, bytes FROM blob")
    return {batch: contents.unpack(contents.BlobRow(*row)) for batch, *row in rows}
