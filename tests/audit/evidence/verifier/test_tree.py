"""The verifier's tree, against another implementation of RFC 9162."""

import pytest
from pymerkle import InmemoryTree

from conversions.audit.evidence.verifier.refusal import Refused
from conversions.audit.evidence.verifier.tree import Tree, leaf_hash, root_of

BODIES = [f"entry {number}".encode() for number in range(70)]


def test_the_root_at_every_size_is_that_of_another_implementation() -> None:
    other = InmemoryTree.init_from_entries(BODIES, algorithm="sha256")
    tree = Tree([leaf_hash(body) for body in BODIES])

    assert [tree.root(size) for size in range(1, 71)] == [other.get_root(size) for size in range(1, 71)]
    assert tree.root() == root_of(BODIES)
    assert tree.root(0) == other.get_root(0)


def test_an_entry_of_another_place_or_content_is_refused() -> None:
    tree = Tree([leaf_hash(body) for body in BODIES])

    tree.check_entry(69, BODIES[69])
    for number, body in ((68, BODIES[69]), (-1, BODIES[69]), (70, BODIES[69]), (69, BODIES[69] + b" ")):
        with pytest.raises(Refused, match=f"entry {number} is not in the log"):
            tree.check_entry(number, body)


def test_a_hash_of_another_length_is_refused() -> None:
    with pytest.raises(Refused, match="another length"):
        Tree([leaf_hash(BODIES[0]), bytes(31)])
