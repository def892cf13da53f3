"""Traces of erased events: bytes that no file of the store may hold once they are erased. They stay in memory."""

import zlib
from collections.abc import Collection, Iterator
from itertools import accumulate

from conversions.ledger.batches.contents import Contents

TRACE_BYTES = 16
"""As long as a salt or a subject: no two of them in a store are equal by chance."""
_SHORTEST = 8


def traces(contents: Contents, packed: bytes, positions: Collection[int]) -> set[bytes]:
    """Return the traces of the events at *positions*: their salts, and what they were in *packed*, the joined bytes."""
    salts = b"".join(contents.salts[p] for p in positions)
    ends = [0, *accumulate(contents.sizes)]
    spans = [(ends[p], ends[p + 1]) for p in positions]
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
