"""Traces of erased events: bytes that no file of the store may hold once they are erased. They stay in memory."""

import re
import zlib
from collections.abc import Collection, Iterator
from itertools import accumulate

from conversions.ledger.batches.contents import Contents

TRACE_BYTES = 16
"""As long as a salt or a subject: no two of them in a store are equal by chance."""
_SHORTEST = 8
_DIGEST = re.compile(rb"[0-9a-f]{64}")
"""What says in an event who it is about. Pieces of the rest, such as products, are equal to those of other persons."""


def traces(contents: Contents, packed: bytes, positions: Collection[int]) -> set[bytes]:
    """Return the traces of the events at *positions*: their salts, and their digests in *packed*, the joined bytes."""
    salts = b"".join(contents.salts[p] for p in positions)
    starts = [0, *accumulate(contents.sizes)]
    spans = [
        (starts[p] + digest.start(), starts[p] + digest.end())
        for p in positions
        for digest in _DIGEST.finditer(contents.bodies[p] or b"")
    ]
    return {salts[at : at + TRACE_BYTES] for at in range(0, len(salts), TRACE_BYTES)} | {*_pieces(packed, spans)}


def _pieces(packed: bytes, spans: Collection[tuple[int, int]]) -> Iterator[bytes]:
    """Yield the pieces of *packed* that hold the bytes of *spans* once they are unpacked."""
    unpacker, start = zlib.decompressobj(), 0
    for at in range(0, len(packed), TRACE_BYTES):
        piece = packed[at : at + TRACE_BYTES]
        end = start + len(unpacker.decompress(piece))
        if len(piece) >= _SHORTEST and any(start < last and first < end for first, last in spans):
            yield piece
        start = end
