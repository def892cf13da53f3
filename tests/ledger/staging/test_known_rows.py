"""Rows that change nothing: a reading that leaves them out writes the same store as one that looks at every row."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text, update

from conversions.ledger import outbox, staging
from conversions.ledger.schema import views
from conversions.ledger.staging import new_orders, reason_shares
from conversions.ledger.staging.drift import ValueComparison
from conversions.ledger.staging.known_rows import find
from conversions.ledger.staging.order_numbers import OrderNumberComparison
from conversions.ledger.states import State
from conversions.model.conversion import Money, Reason, Window
from tests.ledger.builders import (
    DAY,
    LIMITS,
    RECEIVED,
    SHOP,
    Clock,
    Night,
    Sighting,
    against,
    draft,
    night_in,
    sighting,
    subject,
)

DEARER = Money(9990, "DKK", 2)
STATES = ["pending", *map(str, (State.RECEIVED, State.RECORDED, State.UNMATCHED, State.DUPLICATE))]
STATES += [*map(str, (State.REJECTED, State.UNKNOWN, State.WITHHELD))]
CONTENTS = (
    "SELECT * FROM exception ORDER BY id",
    "SELECT * FROM delivery_place ORDER BY id",
    "SELECT * FROM delivery ORDER BY id",
    "SELECT * FROM sale ORDER BY id",
    "SELECT * FROM event ORDER BY id",
    "SELECT * FROM earlier_person ORDER BY event",
    "SELECT * FROM batch ORDER BY id",
    "SELECT batch, members, amounts, sizes, bytes FROM blob ORDER BY batch",
    "SELECT * FROM reading ORDER BY run, page",
    "SELECT delivery, from_state, from_reason, to_state, to_reason, run FROM judgement ORDER BY id",
)
"""All that a reading writes, but for salts and for the log."""
READINGS: dict[str, Callable[[Sighting], Sighting | None]] = {
    "same": lambda one: one,
    "dearer": lambda one: _with(one, draft(one.order_no, due=DEARER), stated=DEARER),
    "refunded": lambda one: _with(one, against(Reason.NOT_COMPLETED, due=Money(0, "DKK", 2)), completed=False),
    "denied": lambda one: _with(one, against(Reason.DENIED)),
    "too old": lambda one: _with(one, against(Reason.TOO_OLD)),
    "corrected": lambda one: _with(one, draft(one.order_no, fingerprint=b"\x01\x00other\x00")),
    "bought by another": lambda one: replace(one, subject=subject("somebody else")),
    "without an address": lambda one: _with(one, against(Reason.UNUSABLE_EMAIL), subject=None),
    "gone": lambda one: None,
}


def _with(one: Sighting, said: Any, **changed: Any) -> Sighting:
    return replace(one, drafts=(said, said), **changed)


def stage_first(night: Night, states: list[str]) -> list[Sighting]:
    """Orders that stand at one destination as *states* say; at the other they were received."""
    shown = [sighting(f"A-{i}") for i in range(len(states))]
    night.stage(*shown)
    for name in ("google", "meta"):
        outbox.settle(night.ledger, night.run, night.intend(night.outbox(name)), RECEIVED)
    with night.ledger.transaction() as connection:
        for number, state in enumerate(states, 1):
            if state != State.RECEIVED:
                own = {"state": state, "attempted": int(state != State.WITHHELD)}
                connection.execute(update(views.delivery).where(views.delivery.c.id == number << 6 | 2).values(**own))
    return shown


def look_at_every_row(connection: Any, shop: str) -> None:
    find(connection, shop)
    connection.execute("UPDATE known_row SET unchanged = 0")


def contents(connection: Connection) -> Iterator[list[Any]]:
    for query in CONTENTS:
        yield list(connection.execute(text(query)).all())


def outcome(directory: Path, shown: list[Sighting]) -> tuple[Any, ...]:
    """What the checks say of a reading, and what the store has after it."""
    with night_in(directory, Clock()) as night:
        night.read(*shown)
        window = Window(date.fromisoformat(DAY) - timedelta(days=3), date.fromisoformat(DAY) + timedelta(days=3))
        drift = ValueComparison(night.ledger, window).drift()
        numbers = OrderNumberComparison(night.ledger, SHOP, window)
        said = (drift, list(numbers.pairs()), numbers.drift(), reason_shares.count_judgements(night.ledger, SHOP, {}))
        with night.ledger.temporary() as connection:
            found = new_orders.find(connection)
        for _ in staging.stage(night.ledger, night.run.id, SHOP, LIMITS):
            pass
        with night.ledger.transaction() as connection:
            return (*said, found, *contents(connection))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(STATES), st.sampled_from(sorted(READINGS))), min_size=1, max_size=8))
def test_leaving_unchanged_rows_out_changes_no_outcome(orders: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        once, again = Path(folder, "once"), Path(folder, "again")
        once.mkdir()
        with night_in(once, Clock()) as night:
            first = stage_first(night, [state for state, _ in orders])
        shutil.copytree(once, again)
        read = [READINGS[reading](one) for one, (_, reading) in zip(first, orders, strict=True)]
        shown = [one for one in read if one is not None] + [sighting("new", subject=subject("buyer A-0"))]

        ours = outcome(once, shown)
        with mock.patch("conversions.ledger.staging.known_rows.find", look_at_every_row):
            theirs = outcome(again, shown)

    assert ours == theirs


@pytest.mark.parametrize(
    ("state", "reading", "unchanged"),
    [
        (State.RECEIVED, "same", 1),
        (State.UNMATCHED, "same", 0),  # forced here: an exception; a late result leaves it regular
        (State.RECEIVED, "too old", 1),
        (State.RECEIVED, "corrected", 1),
        (State.RECEIVED, "dearer", 0),
        (State.RECEIVED, "denied", 0),
        (State.RECEIVED, "refunded", 0),
        (State.RECEIVED, "bought by another", 0),
        (State.UNKNOWN, "same", 0),
        ("pending", "same", 0),
    ],
)
def test_a_row_is_unchanged_where_each_order_was_received_and_nothing_differs(
    night: Night, state: str, reading: str, unchanged: int
) -> None:
    (one,) = stage_first(night, [str(state)])
    night.begin()
    shown = READINGS[reading](one)
    assert shown is not None
    night.read(shown)

    with night.ledger.transaction() as connection:
        assert connection.execute(text("SELECT sale, unchanged FROM known_row")).all() == [(1, unchanged)]


def test_a_reading_of_unchanged_rows_writes_no_order(night: Night) -> None:
    shown = stage_first(night, ["received"] * 3)
    with night.ledger.transaction() as connection:
        before = list(contents(connection))
    night.stage(*shown)

    with night.ledger.transaction() as connection:
        changed = [query for query, old, new in zip(CONTENTS, before, contents(connection), strict=True) if old != new]
    assert changed == ["SELECT * FROM reading ORDER BY run, page"]
