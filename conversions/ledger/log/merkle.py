"""Merkle trees of RFC 6962 and RFC 9162, section 2.1: hashes, roots and proofs.

The log stores the roots of its complete subtrees (``log.entries``), so a root or a proof reads only a few nodes.
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


def inclusion(position: int, size: int, node: Node) -> list[bytes]:
    """Inclusion proof of the leaf at *position*: PATH(position, D[size]) of RFC 9162 2.1.3.1, lowest node first."""
    start, end, path = 0, size, []
    while end - start > 1:
        split = _split(start, end)
        if position < split:
            path.append(_root_between(split, end, node))
            end = split
        else:
            path.append(_root_between(start, split, node))
            start = split
    return path[::-1]


def consistency(old: int, new: int, node: Node) -> list[bytes]:
    """Consistency proof from *old* to *new* leaves: PROOF(old, D[new]) of RFC 9162 2.1.4.1; 0 < old <= new."""
    start, end, path = 0, new, []
    while end != old:
        split = _split(start, end)
        if old <= split:
            path.append(_root_between(split, end, node))
            end = split
        else:
            path.append(_root_between(start, split, node))
            start = split
    if start:  # else the last hash is the old root, which the verifier has
        path.append(_root_between(start, end, node))
    return path[::-1]


def included(leaf: bytes, position: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether *path* proves that the leaf with hash *leaf* is at *position* under *root* (RFC 9162 2.1.3.2)."""
    if not 0 <= position < size:
        return False
    at, last, reached = position, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            reached = node_hash(sibling, reached)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = node_hash(reached, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and reached == root


def consistent(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """Whether *path* proves that the tree under *new_root* extends the one under *old_root* (RFC 9162 2.1.4.2)."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = [old_root, *path] if old & (old - 1) == 0 else list(path)
    if not steps:
        return False
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    before = after = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            before, after = node_hash(step, before), node_hash(step, after)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            after = node_hash(after, step)
        at, last = at >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root


def _split(start: int, end: int) -> int:
    """Split point of RFC 6962: *start* plus the largest power of two that is smaller than the number of leaves."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _root_between(start: int, end: int, node: Node) -> bytes:
    """Root over the leaves from *start* to *end*; *start* is a multiple of a power of two >= ``end - start``."""
    hashes = [node(level, (start >> level) + position) for level, position in peaks(end - start)]
    root = hashes.pop()
    while hashes:
        root = node_hash(hashes.pop(), root)
    return root
