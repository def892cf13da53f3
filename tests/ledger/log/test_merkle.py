"""RFC 6962 section 2.1, by its published vectors, by its own recursive definition, and as the log grows it."""

from hashlib import sha256

import pytest
from pymerkle import InmemoryTree
from sqlalchemy import select

from conversions.errors import LedgerError
from conversions.ledger import log
from conversions.ledger.log.merkle import (
    EMPTY,
    extended,
    leaf_hash,
    node_hash,
    peaks,
    root_from,
    root_of,
)
from conversions.ledger.schema import tables
from tests.ledger.builders import Night

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Of the first 0, 1, … 8 leaves, as the Certificate Transparency project's tests publish them."""
SIZES = range(71)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 section 2.1 writes it: split at the largest power of two below the size."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + by_definition(leaves[:split]) + by_definition(leaves[split:])).digest()


def numbered(size: int) -> list[bytes]:
    return [b"leaf %d" % i for i in range(size)]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_published_leaves_are_the_published_ones(size: int) -> None:
    assert root_of(LEAVES[:size]).hex() == ROOTS[size]


@pytest.mark.parametrize("size", SIZES)
def test_root_is_the_recursive_definition_at_every_size(size: int) -> None:
    assert root_of(numbered(size)) == by_definition(numbered(size))


def test_a_leaf_can_never_pass_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")

    assert leaf_hash(left + right) != node_hash(left, right)


@pytest.mark.parametrize("size", SIZES)
def test_root_from_its_complete_subtrees_is_the_root_over_the_leaves(size: int) -> None:
    leaves = numbered(size)

    def subtree(level: int, position: int) -> bytes:
        width = 1 << level
        assert (position + 1) * width <= size, "not complete at this size"
        return by_definition(leaves[position * width : (position + 1) * width])

    assert root_from(size, subtree) == by_definition(leaves)


@pytest.mark.parametrize("size", SIZES)
def test_peaks_cover_every_leaf_once_from_the_left(size: int) -> None:
    covered = [leaf for level, at in peaks(size) for leaf in range(at << level, (at + 1) << level)]

    assert covered == list(range(size))


def test_the_growing_log_has_the_root_over_its_leaves_at_every_size(night: Night) -> None:
    with night.ledger.transaction() as connection:
        for i in range(70):
            log.append(connection, "test", i, {"i": i})
    bodies = [body.encode() for (body,) in night.all(select(tables.leaf.c.body).order_by("seq"))]

    with night.ledger.transaction() as connection:
        roots = [log.root_at(connection, size) for size in range(len(bodies) + 1)]

    assert len(bodies) > 70
    assert roots == [by_definition(bodies[:size]) for size in range(len(bodies) + 1)]
    assert roots[0] == EMPTY


def test_the_head_keeps_the_newest_root(night: Night) -> None:
    with night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {})
        size, root = connection.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()

        assert root == log.root_at(connection, size)


def test_a_tree_that_lacks_a_node_is_not_trusted(night: Night) -> None:
    with pytest.raises(LedgerError, match="lacks a node"), night.ledger.transaction() as connection:
        log.root_at(connection, 1000)


@pytest.mark.parametrize("size", SIZES[1:])
def test_another_implementation_makes_the_same_roots(size: int) -> None:
    leaves = numbered(size)
    theirs = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        theirs.append_entry(leaf)

    assert theirs.get_root() == root_of(leaves)


@pytest.mark.parametrize("size", range(18))
def test_a_tree_grown_from_its_peaks_has_the_root_of_all(size: int) -> None:
    leaves = [bytes([number]) for number in range(17)]
    stored: dict[tuple[int, int], bytes] = {(0, at): leaf_hash(leaf) for at, leaf in enumerate(leaves)}
    for level in range(5):
        for at in range(17 >> level + 1):
            stored[level + 1, at] = node_hash(stored[level, 2 * at], stored[level, 2 * at + 1])
    kept = [stored[peak] for peak in peaks(min(size, 17))]
    newest = [leaf_hash(leaf) for leaf in leaves[size:]]
    assert extended(kept, min(size, 17), newest) == root_of(leaves)
