"""Merkle trees of RFC 6962 and RFC 9162, section 2.1: hashes and roots.

The log stores the roots of its complete subtrees (``log.entries``), so a root reads only a few nodes.
"""

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()
Node = Callable[[int, int], bytes]
"""Looks up the root of the complete subtree at (level, position); its first leaf is ``position << level``."""


def leaf_hash(body: bytes) -> bytes:
    """MTH of one leaf: SHA-256(0x00 ‖ body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over *leaves* (bodies, not hashes), level by level; an odd last node moves up unchanged."""
    if not leaves:
        return EMPTY
    level = [leaf_hash(body) for body in leaves]
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def peaks(size: int) -> list[tuple[int, int]]:
    """The complete subtrees of a tree of *size* leaves, as (level, position), left to right."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def root_from(size: int, node: Node) -> bytes:
    """Root of a tree of *size* leaves; *node* looks up its complete subtrees."""
    return _root_between(0, size, node) if size else EMPTY


def extended(peaks: Sequence[bytes], size: int, newest: Sequence[bytes]) -> bytes:
    """Root of a tree of *size* leaves with these *peaks*, after leaves with the hashes *newest* were added."""
    kept = list(peaks)
    for position, hashed in enumerate(newest, start=size):
        complete = hashed
        for _ in range((~position & position + 1).bit_length() - 1):  # one for each subtree that this leaf completes
            complete = node_hash(kept.pop(), complete)
        kept.append(complete)
    root = kept.pop() if kept else EMPTY
    while kept:
        root = node_hash(kept.pop(), root)
    return root


def _root_between(start: int, end: int, node: Node) -> bytes:
    """Root over the leaves from *start* to *end*; *start* is a multiple of a power of two >= ``end - start``."""
    hashes = [node(level, (start >> level) + position) for level, position in peaks(end - start)]
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root
