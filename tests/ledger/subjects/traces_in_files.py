"""What the files of a store hold of a person: read before an erasure, searched for after it."""

import re
import sqlite3
import zlib
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from conversions.ledger.batches import contents
from tests.ledger import stored

DIGEST = re.compile(rb"[0-9a-f]{64}")
PIECE = 12
"""Bytes of a compressed event that are searched at once."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a store held of some persons, besides the suppression list."""

    pieces: frozenset[bytes]
    """Salts, and what their events were in the compressed bytes."""
    subjects: frozenset[bytes]


def held(store: Path, *subjects: bytes) -> Held:
    """Before the erasure of *subjects*."""
    pieces = set[bytes]()
    events = [event for event in stored.events(store) if event.subject in subjects]
    for event in events:
        pieces |= {event.salts[at : at + 16] for at in range(0, len(event.salts), 16)}
    with closing(sqlite3.connect(store)) as connection:
        for batch in {event.place >> 12 for event in events}:
            row = contents.BlobRow(*connection.execute(
                "SELECT form, members, amounts, sizes, salts, bytes FROM blob WHERE batch = ?", (batch,)
            ).fetchone())  # fmt: skip
            places = {event.place & 4095 for event in events if event.place >> 12 == batch and event.body}
            pieces |= _compressed(row, places)
    return Held(frozenset(pieces), frozenset(subjects))


def _compressed(row: contents.BlobRow, places: set[int]) -> set[bytes]:
    """Byte by byte: what comes out of each byte of a batch."""
    unpacked, packed = contents.unpack(row), row.bytes or b""
    sizes, bodies = unpacked.sizes, unpacked.bodies
    digests = [(sum(sizes[:p]), match) for p in places for match in DIGEST.finditer(bodies[p] or b"")]
    inside = {start + at for start, match in digests for at in range(*match.span())}
    unpacker, out, of_person = zlib.decompressobj(), 0, list[int]()
    for at in range(len(packed)):
        gained = len(unpacker.decompress(packed[at : at + 1]))
        if inside.intersection(range(out, out + gained)):
            of_person.append(at)
        out += gained
    own = {*of_person}
    starts = [at for at in of_person[::PIECE] if own.issuperset(range(at, at + PIECE))]
    return {packed[at : at + PIECE] for at in starts}


def left(store: Path, *gone: Held) -> list[str]:
    """What any file of the store's folder holds of them; the suppression list may hold their subjects."""
    found = list[str]()
    endings = _endings(store)
    for path in sorted(store.parent.iterdir()):
        data = path.read_bytes()
        for one in gone:
            found += [f"{path.name}: a piece" for piece in one.pieces if piece in data]
            for subject in one.subjects:
                places = [match.end() for match in re.finditer(re.escape(subject), data)]
                found += [f"{path.name}: a subject" for at in places if not data.startswith(endings, at)]
    return found


def _endings(store: Path) -> tuple[bytes, ...]:
    """What follows a subject in the suppression list, and in its index."""
    with closing(sqlite3.connect(store)) as connection:
        since = [since.to_bytes(8) for (since,) in connection.execute("SELECT DISTINCT since_us FROM objection")]
    return b"erasure", b"objection", b"restriction", b"withdrawal", *since
