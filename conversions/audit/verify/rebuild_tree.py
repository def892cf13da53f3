"""Rebuilds the log's Merkle tree from the entries alone, and compares it with the stored tree."""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from itertools import count

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.log.merkle import EMPTY, leaf_hash, node_hash

MAX_MISSING_ENTRIES = 1000
"""Up to this many missing entries in a row get one finding each."""
MAX_NODE_FINDINGS = 20
"""Up to this many differing nodes get a finding."""

Row = tuple[int, object]


class Tree:
    """A Merkle tree that grows entry by entry; it keeps one hash per level, and the roots of the *wanted* sizes."""

    def __init__(self, store: sqlite3.Connection, wanted: Collection[int]) -> None:
        self.size = 0
        self.roots = {0: EMPTY}
        self.differing: list[tuple[int, int]] = []
        """The first stored nodes that differ from the computed ones, as (level, position)."""
        self._store, self._wanted = store, frozenset(wanted)
        self._peaks: list[bytes] = []
        self._stored: list[Iterator[Row]] = []

    @property
    def root(self) -> bytes:
        """Root of the current size."""
        if not self._peaks:
            return EMPTY
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root

    def append(self, hashed: bytes) -> None:
        """Add the entry with leaf hash *hashed*."""
        position = self.size
        self._compare(0, position, hashed)
        for level in count(1):
            if not position & 1:
                break
            hashed, position = node_hash(self._peaks.pop(), hashed), position >> 1
            self._compare(level, position, hashed)
        self._peaks.append(hashed)
        self.size += 1
        if self.size in self._wanted:
            self.roots[self.size] = self.root

    def placeholder(self) -> bytes:
        """The stored hash of the next entry, which is missing, so that later entries keep their position."""
        query = "SELECT hash FROM node WHERE level = 0 AND position = ?"
        row = self._store.execute(query, (self.size,)).fetchone()
        return bytes(row[0]) if row and isinstance(row[0], bytes) else EMPTY

    def extra_nodes(self) -> int:
        """Number of stored nodes that belong to no entry."""
        stored = self._store.execute("SELECT count(*) FROM node").fetchone()[0]
        return int(stored) - sum(self.size >> level for level in range(self.size.bit_length()))

    def _compare(self, level: int, position: int, hashed: bytes) -> None:
        if level == len(self._stored):
            query = "SELECT position, hash FROM node WHERE level = ? ORDER BY position"
            self._stored.append(self._store.execute(query, (level,)))
        if next(self._stored[level], None) != (position, hashed) and len(self.differing) < MAX_NODE_FINDINGS:
            self._compare_by_key(level, position, hashed)

    def _compare_by_key(self, level: int, position: int, hashed: bytes) -> None:
        """Look the node up by its key, because the rows shift after a missing node."""
        query = "SELECT hash FROM node WHERE level = ? AND position = ?"
        if self._store.execute(query, (level, position)).fetchone() != (hashed,):
            self.differing.append((level, position))


def rebuild(tree: Tree, store: sqlite3.Connection, read: Callable[[int, str], None]) -> Iterator[VerificationFinding]:
    """Append every entry of *store* to *tree*, and call *read* with each."""
    for seq, body in store.execute("SELECT seq, body FROM leaf ORDER BY seq"):
        if seq != tree.size:
            if not 0 < seq - tree.size <= MAX_MISSING_ENTRIES:
                yield VerificationFinding(f"entry {tree.size}", f"is missing; after it comes entry {seq}")
                return
            while tree.size < seq:
                yield VerificationFinding(f"entry {tree.size}", "is missing")
                tree.append(tree.placeholder())
        tree.append(leaf_hash(body.encode()))
        read(seq, body)


def compare(tree: Tree, size: int, root: bytes) -> Iterator[VerificationFinding]:
    """Compare the rebuilt tree with the stored one and with *size* and *root* of the stored head."""
    for number in range(tree.size, min(size, tree.size + MAX_MISSING_ENTRIES)):
        yield VerificationFinding(f"entry {number}", "is missing")
    if tree.size > size:
        yield VerificationFinding(f"entry {size}", f"is beyond the end of the log: its head counts {size} entries")
    rewritten = tree.size == size and tree.root != root
    for level, position in tree.differing:
        altered = rewritten and level == 0
        yield VerificationFinding(
            f"entry {position}" if altered else f"node {level}/{position} of the tree", "was altered"
        )
    if rewritten and not tree.differing:
        yield VerificationFinding("the head's root", "is not that of the entries")
    if not tree.differing and tree.extra_nodes():
        yield VerificationFinding("the tree", f"has {tree.extra_nodes()} nodes that belong to no entry")
