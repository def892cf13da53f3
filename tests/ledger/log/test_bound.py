"""Sums of bound sets: they follow every change, whatever its order, and no commit leaves one unstated."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select, update

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.bound_sets import BOUND_SETS
from tests.ledger.builders import Night

look = tables.look.c


def added(connection: Connection, purpose: str) -> None:
    row: dict[str, Any] = {"at_us": 1, "operator": "bo", "purpose": purpose, "subject": bytes(16)}
    with log.entry(connection, "look", 1, {}) as leaf:
        connection.execute(insert(tables.look).values(**row, leaf=leaf))
        bound.bind(connection, "look", look.leaf == leaf)


def stated(connection: Connection) -> dict[str, Any]:
    """What the newest leaf states."""
    newest = select(tables.leaf.c.body).order_by(tables.leaf.c.seq.desc()).limit(1)
    facts: dict[str, Any] = orjson.loads(connection.execute(newest).scalar_one()).get("bound", {})
    return {name: {"rows": of["rows"], "sum": of["sum"]} for name, of in facts.items()}


STEPS = st.lists(st.tuples(st.sampled_from(["add", "change", "delete", "nothing"]), st.integers(1, 6)), max_size=12)


@given(steps=STEPS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
def test_each_leaf_states_the_rows_that_its_transaction_leaves(night: Night, steps: list[tuple[str, int]]) -> None:
    for step, number in steps:
        with night.ledger.transaction() as connection:
            this = look.id == number
            if step == "add":
                added(connection, f"letter {number}")
                assert stated(connection)["look"] == bound.present(connection, "look")
                continue
            with bound.changed(connection, "look", this) as rows:
                if step == "change":
                    connection.execute(update(tables.look).where(this).values(subject=None))
                elif step == "delete":
                    connection.execute(delete(tables.look).where(this))
            log.append(connection, "note", 1, {})
            assert ("look" in stated(connection)) == bool(rows)
            if rows:
                assert stated(connection)["look"] == bound.present(connection, "look")


def test_a_row_that_enters_and_leaves_a_set_is_counted(night: Night) -> None:
    run = tables.run.c.id == night.run.id
    counts = []
    for waiting in (0, 3, None):
        with night.ledger.transaction() as connection:
            with bound.changed(connection, "waiting", run):
                connection.execute(update(tables.run).where(run).values(waiting=waiting))
            log.append(connection, "note", 1, {})
            assert stated(connection)["waiting"] == bound.present(connection, "waiting")
            counts.append(stated(connection)["waiting"]["rows"])
    assert counts == [0, 1, 1]


def test_a_commit_without_the_leaf_is_refused_and_nothing_is_left(night: Night) -> None:
    def unstated() -> None:
        with night.ledger.transaction() as connection:
            added(connection, "letter")
            bound.bind(connection, "look", look.purpose == "letter")

    with pytest.raises(AssertionError, match="look"):
        unstated()
    with night.ledger.transaction() as connection:
        assert connection.execute(select(func.count()).select_from(tables.look)).scalar() == 0
        log.append(connection, "note", 1, {})
        assert stated(connection) == {}


def test_a_cleared_column_gets_another_salt(night: Night) -> None:
    salts = []
    with night.ledger.transaction() as connection:
        added(connection, "letter")
        salts.append(connection.execute(select(look.salt)).scalar_one())
        with bound.changed(connection, "look"):
            connection.execute(update(tables.look).values(subject=None))
        log.append(connection, "note", 1, {})
        salts.append(connection.execute(select(look.salt)).scalar_one())
    assert len(salts[0]) == bound.SALT_BYTES
    assert len(set(salts)) == 2


@pytest.mark.parametrize("name", BOUND_SETS)
def test_the_same_content_in_another_set_has_another_commitment(name: str) -> None:
    row = dict.fromkeys([*BOUND_SETS[name].columns, "salt"], None)
    other = {
        each: bound.commitment(each, dict.fromkeys([*BOUND_SETS[each].columns, "salt"], None)) for each in BOUND_SETS
    }
    assert [each for each, commitment in other.items() if commitment == bound.commitment(name, row)] == [name]


def test_every_column_of_a_salted_set_is_bound_or_declared_elsewhere() -> None:
    for bound_set in BOUND_SETS.values():
        if bound_set.salted:
            left_out = {column.name for column in bound_set.table.columns} - {*bound_set.columns, "salt", "commitment"}
            assert left_out <= {"waiting"}
