"""The log's tree, grown again from its entries alone: what the store says of it is only compared."""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from itertools import count

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.log.merkle import EMPTY, leaf_hash, node_hash

GAP = 1000
"""So many entries may be missing in a row and be named one by one."""
MAX_FINDINGS = 20
"""Nodes that differ are named up to here."""

Row = tuple[int, object]


class Tree:
    """Grows by one entry at a time; holds one hash a level, and the roots of the sizes that somebody asks for."""

    def __init__(self, store: sqlite3.Connection, wanted: Collection[int]) -> None:
        self.size = 0
        self.roots = {0: EMPTY}
        self.differing: list[tuple[int, int]] = []
        """Stored nodes that are not what the entries give, as (level, position), some of them."""
        self._store, self._wanted = store, frozenset(wanted)
        self._peaks: list[bytes] = []
        self._stored: list[Iterator[Row]] = []

    @property
    def root(self) -> bytes:
        """As of now."""
        if not self._peaks:
            return EMPTY
        *rest, root = self._peaks
        for peak in reversed(rest):
            root = node_hash(peak, root)
        return root

    def append(self, hashed: bytes) -> None:
        """Add the entry of hash *hashed*."""
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
        """What the store's tree says of the next entry, which is missing; so that those after it keep their place."""
        asked = "SELECT hash FROM node WHERE level = 0 AND position = ?"
        found = self._store.execute(asked, (self.size,)).fetchone()
        return bytes(found[0]) if found and isinstance(found[0], bytes) else EMPTY

    def extra_nodes(self) -> int:
        """How many stored nodes belong to no entry."""
        held = self._store.execute("SELECT count(*) FROM node").fetchone()[0]
        return int(held) - sum(self.size >> level for level in range(self.size.bit_length()))

    def _compare(self, level: int, position: int, hashed: bytes) -> None:
        if level == len(self._stored):
            asked = "SELECT position, hash FROM node WHERE level = ? ORDER BY position"
            self._stored.append(self._store.execute(asked, (level,)))
        if next(self._stored[level], None) != (position, hashed) and len(self.differing) < MAX_FINDINGS:
            self._differs(level, position, hashed)

    def _differs(self, level: int, position: int, hashed: bytes) -> None:
        """Look the node up by its key: after one that is missing, the order tells nothing more."""
        asked = "SELECT hash FROM node WHERE level = ? AND position = ?"
        if self._store.execute(asked, (level, position)).fetchone() != (hashed,):
            self.differing.append((level, position))


def rebuild(tree: Tree, store: sqlite3.Connection, read: Callable[[int, str], None]) -> Iterator[VerificationFinding]:
    """Grow *tree* from every entry of *store*, and show each to *read*."""
    for seq, body in store.execute("SELECT seq, body FROM leaf ORDER BY seq"):
        if seq != tree.size:
            if not 0 < seq - tree.size <= GAP:
                yield VerificationFinding(f"entry {tree.size}", f"is missing; after it comes entry {seq}")
                return
            while tree.size < seq:
                yield VerificationFinding(f"entry {tree.size}", "is missing")
                tree.append(tree.placeholder())
        tree.append(leaf_hash(body.encode()))
        read(seq, body)


def compare(tree: Tree, size: int, root: bytes) -> Iterator[VerificationFinding]:
    """What differs between the tree as grown and as stored, whose head says *size* and *root*."""
    for number in range(tree.size, min(size, tree.size + GAP)):
        yield VerificationFinding(f"entry {number}", "is missing")
    if tree.size > size:
        yield VerificationFinding(f"entry {size}", f"is beyond the end of the log, whose head counts {size} entries")
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
