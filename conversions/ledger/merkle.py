"""RFC 6962 (section 2.1) Merkle trees: hashes of leaves and nodes, and the root of a list.

The growing tree of the log keeps the roots of its complete subtrees; see ``log``.
"""

import hashlib
from collections.abc import Callable, Sequence

EMPTY = hashlib.sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """MTH of one leaf: SHA-256(0x00 ‖ body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over *leaves* (bodies, not hashes): level by level, an odd last node moves up as it is."""
    if not leaves:
        return EMPTY
    level = [leaf_hash(body) for body in leaves]
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def peaks(size: int) -> list[tuple[int, int]]:
    """The complete subtrees that make up a tree of *size* leaves, as (level, position), left to right."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def root_from(size: int, node: Callable[[int, int], bytes]) -> bytes:
    """Root of a tree of *size* leaves, from a look-up of its complete subtrees."""
    hashes = [node(level, position) for level, position in peaks(size)]
    if not hashes:
        return EMPTY
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root
