"""Reads the batches of a store by the description of their form. Shares no code with ``conversions``."""

import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, pairwise

POSITIONS, REVISIONS, DESTINATIONS = 12, 8, 6
"""Bits in the place of an event, in its key, and in the key of its order."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a request."""

    key: int
    bytes: bytes | None
    """None where they are erased."""

    @property
    def sale(self) -> int:
        return self.key >> REVISIONS + DESTINATIONS


def inside(db: sqlite3.Connection) -> dict[int, list[Event]]:
    """The events of every request, in the order of the wire."""
    batches = {row[0]: list(_events(*row[1:])) for row in db.execute(_BLOBS)}
    by_request: dict[int, list[Event]] = {}
    for request, first, place, events in db.execute(_PARTS):
        known, at = by_request.setdefault(request, []), place % (1 << POSITIONS)
        assert len(known) == first, f"the parts of request {request} do not follow each other"
        known += batches[place >> POSITIONS][at : at + events]
    return by_request


_BLOBS = "SELECT batch, members, sizes, bytes FROM blob"
_PARTS = "SELECT request, first, place, events FROM request_part ORDER BY request, first"


def _events(members: bytes, sizes: bytes, joined: bytes | None) -> Iterator[Event]:
    """A batch: keys as signed differences, sizes, both as LEB128, and the bytes one after the other."""
    lengths = list(_numbers(sizes))
    text = bytes(sum(lengths)) if joined is None else zlib.decompressobj().decompress(joined)
    assert len(text) == sum(lengths), "the sizes of a batch are not those of its bytes"
    keys = accumulate(-(n + 1 >> 1) if n & 1 else n >> 1 for n in _numbers(zlib.decompress(members)))
    for key, (begin, end) in zip(keys, pairwise([0, *accumulate(lengths)]), strict=True):
        yield Event(key, text[begin:end] if any(text[begin:end]) else None)


def _numbers(packed: Iterable[int]) -> Iterator[int]:
    number = shift = 0
    for byte in packed:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            yield number
            number = shift = 0
