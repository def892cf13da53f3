"""The log: canonical leaves, numbered without a gap, in the transaction of what they record."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import rfc8785
from sqlalchemy import func, select

from conversions.errors import LedgerError
from conversions.ledger import log, runs
from conversions.ledger.log.merkle import root_of
from conversions.ledger.schema import tables
from tests.ledger.builders import OCCASION, Night, another_look


def sizes(night: Night) -> tuple[int, int, int]:
    """Of the head, of the leaves, of the tree's lowest level."""
    head = night.one(select(tables.head.c.tree_size)).tree_size
    leaves = night.one(select(func.count()).select_from(tables.leaf))[0]
    nodes = night.one(select(func.count()).select_from(tables.node).where(tables.node.c.level == 0))[0]
    return head, leaves, nodes


def test_a_leaf_is_canonical_json_with_its_number_kind_and_time(night: Night) -> None:
    with night.ledger.transaction() as connection:
        seq = log.append(connection, "test", 1_795_324_500_000_000, {"b": [1, "ø"], "a": None})

    body = night.one(select(tables.leaf.c.body).where(tables.leaf.c.seq == seq)).body

    assert body == '{"a":null,"b":[1,"ø"],"kind":"test","seq":1,"t":1795324500000000}'
    assert body.encode() == rfc8785.dumps(
        {"seq": 1, "kind": "test", "t": 1_795_324_500_000_000, "a": None, "b": [1, "ø"]}
    )


def test_leaves_are_numbered_from_zero_without_a_gap(night: Night) -> None:
    for i in range(9):
        with night.ledger.transaction() as connection:
            assert log.append(connection, "test", i, {}) == i + 1

    assert [leaf["seq"] for leaf in night.leaves()] == list(range(10))
    assert sizes(night) == (10, 10, 10)


def test_what_is_rolled_back_leaves_no_leaf_and_no_gap(night: Night) -> None:
    before = night.one(select(tables.head.c.tree_size, tables.head.c.root))

    with suppress(ZeroDivisionError), night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {})
        raise ZeroDivisionError

    assert night.one(select(tables.head.c.tree_size, tables.head.c.root)) == before
    with night.ledger.transaction() as connection:
        assert log.append(connection, "test", 0, {}) == 1
    assert sizes(night) == (2, 2, 2)


def test_no_other_connection_sees_a_leaf_before_its_transaction_is_committed(night: Night) -> None:
    seen = select(func.count()).select_from(tables.leaf)

    with night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {})
        with another_look(night.path) as other:
            assert other.execute(seen).scalar_one() == 1

    with another_look(night.path) as other:
        assert other.execute(seen).scalar_one() == 2


def test_a_run_that_lost_the_store_appends_nothing(night: Night) -> None:
    lost = night.run.epoch
    night.begin()
    before = sizes(night)

    def append() -> None:
        with night.ledger.transaction() as connection:
            connection.execute(tables.pin.insert().values(name="in the same transaction", value="", since_us=0))
            log.append(connection, "test", 0, {}, epoch=lost)

    with pytest.raises(LedgerError, match=r"Another run has taken over the store.*conversions status"):
        append()

    assert sizes(night) == before
    assert night.all(select(tables.pin)) == []


def test_who_has_no_epoch_appends_beside_a_run(night: Night) -> None:
    with night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {}, epoch=None)

    assert sizes(night) == (2, 2, 2)


def test_the_root_covers_the_leaves_as_they_are_stored(night: Night) -> None:
    with night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {"text": "æ\\u00e6\n"})

    stored = [row.body.encode() for row in night.all(select(tables.leaf.c.body).order_by(tables.leaf.c.seq))]

    assert night.one(select(tables.head.c.root)).root == root_of(stored)


def test_a_store_without_its_head_is_one_sentence(night: Night) -> None:
    with night.ledger.transaction() as connection:
        connection.execute(tables.head.delete())

    with pytest.raises(LedgerError, match="The store failed"), night.ledger.transaction() as connection:
        log.append(connection, "test", 0, {})


def test_changed_settings_and_policies_are_entries_of_their_own(night: Night) -> None:
    kinds: dict[str, dict[str, Any]] = {
        "settings changed": {"settings": '{"shop":"other"}'},
        "policy changed": {"policy": "version = 2"},
    }
    for kind, change in kinds.items():
        runs.begin(night.ledger, replace(OCCASION, **change))
        *_, entry, run = night.leaves()
        (what,) = change

        assert (entry["kind"], entry["run"], run["kind"]) == (kind, run["run"], "run")
        assert entry["new"] == run[what] != entry["old"]
        runs.begin(night.ledger, OCCASION)

    count = len(night.leaves())
    runs.begin(night.ledger, OCCASION)
    assert len(night.leaves()) == count + 1, "nothing changed"


def test_what_a_run_held_back_is_one_entry_of_counts(night: Night) -> None:
    side = {"withheld": {"objection": 2}, "quarantined": {}, "sent": 5}
    runs.finish(night.ledger, night.run, {"exit_code": 0, "destinations": {"google": side, "meta": {"withheld": {}}}})

    held, finished = night.leaves()[-2:]
    assert held["kind"] == "held back"
    assert held["orders"] == {"google": {"withheld": {"objection": 2}}}
    assert (finished["kind"], finished["exit"]) == ("run finished", 0)
