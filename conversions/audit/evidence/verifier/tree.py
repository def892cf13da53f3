"""The Merkle tree of the log (RFC 9162, 2.1), made again from the hashes of all its entries.

With all hashes, the root of the log at any earlier size follows: no checkpoint needs a proof of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from .refusal import require

HASH_SIZE = 32


def leaf_hash(body: bytes) -> bytes:
    """SHA-256(0x00 ‖ body)."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(bodies: Iterable[bytes]) -> bytes:
    """The root over *bodies* (RFC 9162, 2.1.1)."""
    return Tree([leaf_hash(body) for body in bodies]).root()


class Tree:
    """The log's tree."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        require(all(len(leaf) == HASH_SIZE for leaf in leaves), "the hash of an entry has another length")
        self.leaves = leaves
        self.size = len(leaves)
        self._levels = [list(leaves)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])

    def root(self, size: int | None = None) -> bytes:
        """The root that the log had at *size* entries, at most as many as it has; without *size*, of all."""
        size, at, peaks = self.size if size is None else size, 0, []
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                peaks.append(self._levels[level][at >> level])
                at += 1 << level
        root = peaks.pop() if peaks else hashlib.sha256(b"").digest()
        while peaks:
            root = node_hash(peaks.pop(), root)
        return root

    def check_entry(self, number: int, body: bytes) -> None:
        """Raise Refused where *body* is not the entry *number* of the log."""
        held = 0 <= number < self.size and self.leaves[number] == leaf_hash(body)
        require(held, f"entry {number} is not in the log of the checkpoint")
