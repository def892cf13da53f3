"""The contents of a batch: its events' keys, values, bytes and salts, by position."""

import zlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select

from conversions.ledger.batches import varints
from conversions.ledger.batches.form import Form
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import MAX_POSITIONS, POSITION_BITS
from conversions.model.conversion import Money

FASTEST, SMALL = 1, 5
"""Compression levels of zlib. Of events, level 5 makes a tenth less than level 1, and costs a microsecond an event
more; higher levels gain nothing for twice the time."""
_BLOBS = select(*tables.blob.c["batch", "form", "members", "amounts", "sizes", "salts", "bytes"]).where(
    tables.blob.c.batch.in_(bindparam("batches", expanding=True))
)


class BlobRow(NamedTuple):
    """A row of the table ``blob``."""

    form: int
    members: bytes
    amounts: bytes
    sizes: bytes
    salts: bytes
    bytes: "bytes | None"


@dataclass(frozen=True, slots=True)
class Contents:
    """The events of one batch; every sequence is by position."""

    form: Form
    events: list[int]
    """Keys of the events."""
    values: list[Money]
    """What each event is worth; 0 where it is erased."""
    bodies: list[bytes | None] = field(repr=False)
    """The exact bytes of each event; None where it is erased."""
    salts: list[bytes] = field(repr=False)
    """Random salts, or the seeds of them; the commitments where the event is erased."""
    sizes: list[int]

    def columns(self) -> dict[str, Any]:
        """Return the row of the table ``blob``, but for the key."""
        return {
            "form": int(self.form),
            "members": zlib.compress(varints.pack_steps(self.events), FASTEST),
            "amounts": zlib.compress(_pack_values(self.values), FASTEST),
            "sizes": varints.pack(self.sizes),
            "salts": b"".join(self.salts),
            "bytes": self.joined(),
        }

    def joined(self) -> bytes | None:
        """Return the bytes of all events, joined and compressed, with zeros in the place of erased ones."""
        if not any(body is not None for body in self.bodies):
            return None
        filled = (bytes(size) if body is None else body for body, size in zip(self.bodies, self.sizes, strict=True))
        return zlib.compress(b"".join(filled), SMALL)


def place(batch: int, position: int) -> int:
    """Return the place of an event: the key of its batch and its position there."""
    return batch << POSITION_BITS | position


def batch_of(at: int) -> int:
    """Return the batch of the place *at*."""
    return at >> POSITION_BITS


def position_of(at: int) -> int:
    """Return the position of the place *at* in its batch."""
    return at & MAX_POSITIONS - 1


def read(connection: Connection, batches: Iterable[int]) -> dict[int, Contents]:
    """Return the contents of *batches*, by key."""
    rows = connection.execute(_BLOBS, {"batches": sorted({*batches})})
    return {batch: unpack(BlobRow(*row)) for batch, *row in rows.all()}


def unpack(row: BlobRow) -> Contents:
    """Return the contents of a row of the table ``blob``."""
    form, sizes = Form(row.form), varints.unpack(row.sizes)
    bodies = split(row.bytes, sizes)
    ends = [0, *accumulate(form.room(erased=body is None) for body in bodies)]
    salts = [row.salts[start:end] for start, end in pairwise(ends)]
    return Contents(form, members(row.members), _unpack_values(row.amounts), bodies, salts, sizes)


def members(packed: bytes) -> list[int]:
    """Return the keys of the events in a batch, by position, from the column ``members``."""
    return varints.unpack_steps(zlib.decompress(packed))


def split(packed: bytes | None, sizes: Sequence[int]) -> list[bytes | None]:
    """Return the bytes of each event, None for an erased one, from the column ``bytes``."""
    if packed is None:
        return [None] * len(sizes)
    whole, ends = zlib.decompressobj().decompress(packed), [0, *accumulate(sizes)]
    bodies = (whole[start:end] for start, end in pairwise(ends))
    return [None if not body or body.startswith(b"\0") else body for body in bodies]


def bodies(connection: Connection, places: Collection[int]) -> dict[int, bytes | None]:
    """Return the bytes at each of *places*; None where they are erased."""
    contents = read(connection, {batch_of(at) for at in places})
    return {at: contents[batch_of(at)].bodies[position_of(at)] for at in places}


def _pack_values(values: Sequence[Money]) -> bytes:
    return ",".join(f"{minor} {currency} {exponent}" for minor, currency, exponent in values).encode()


def _unpack_values(packed: bytes) -> list[Money]:
    values = (value.split(" ") for value in zlib.decompress(packed).decode().split(","))
    return [Money(int(minor), currency, int(exponent)) for minor, currency, exponent in values]
