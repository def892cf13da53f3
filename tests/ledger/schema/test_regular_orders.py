"""Orders of schema 0008 in schema 0009: the view says of each what its row said, and most have no row of their own."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import pytest
from sqlalchemy import Connection

from conversions.ledger import schema, store
from conversions.ledger.batches import contents
from conversions.ledger.schema import version
from conversions.ledger.standing import readings

RELEASES = Path(__file__).parents[1]
LEAST = {
    "first_release": 0,
    "second_release": 46,
    "third_release": 27,
    "fourth_release": 26,
    "fifth_release": 41,
    "fifth_release_rights": 60,
    "sixth_release": 81,
    "sixth_release_rights": 60,
}
"""By release, how many orders need no row of their own."""
OF_RUNS = {"run", "judged_run"}
"""What a batch says of the run that sealed it; ``reading`` has the last run that read an order."""


@contextmanager
def of_0008(release: str) -> Iterator[Connection]:
    """A release's store, migrated to schema 0008, in a transaction."""
    with tempfile.TemporaryDirectory() as home:
        path = Path(shutil.copy(RELEASES / release / "conversions.db", home))
        with store.open_unchecked(path) as connection, connection.begin():
            with mock.patch.object(version, "REVISION", "0008"):
                schema.migrate(connection, lambda _: None)
            yield connection


def orders(connection: Connection) -> dict[int, dict[str, Any]]:
    """Every row of ``delivery``, by key."""
    found = connection.exec_driver_sql("SELECT * FROM delivery ORDER BY id").mappings().all()
    return {row["id"]: dict(row) for row in found}


def assert_told_alike(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The view says what the row said; of an order that was sent it does not say when exactly it was ready."""
    if after["place"] is not None:
        assert (before["attempted"], after["due_minor"]) == (1, before["stated_minor"])
        before = before | ({"due_minor": before["stated_minor"]} if before["due_minor"] is None else {})
        assert (after["ready_at"] or 0) <= (before["ready_at"] or 1 << 62)
        before = before | {name: after[name] for name in ("ready_at", *OF_RUNS)}
    assert {name: after[name] for name in before} == before


def assert_batches_agree(connection: Connection) -> None:
    """Counts, letters and fingerprints are those of the orders that have a place."""
    placed = connection.exec_driver_sql("SELECT place, id, state, fingerprint FROM delivery WHERE place IS NOT NULL")
    by_place = {row.place: row for row in placed}
    batches = connection.exec_driver_sql("""
        SELECT b.id, b.state, b.regular, b.verdicts, b.attempted, o.members, f.digests
        FROM batch b JOIN blob o ON o.batch = b.id LEFT JOIN fingerprint f ON f.batch = b.id
    """)
    for batch in batches.all():
        events = contents.members(batch.members)
        here = [by_place.pop(batch.id << 12 | position, None) for position in range(len(events))]
        assert (batch.state, batch.regular) == ("received", sum(row is not None for row in here))
        assert (batch.digests is not None) == bool(batch.attempted) == bool(batch.regular)
        for position, row in enumerate(here):
            letter = (batch.verdicts or "-" * len(events))[position]
            assert letter == {"recorded": "c", "unmatched": "u", "duplicate": "d"}.get(row.state if row else "", "-")
            assert row is None or row.id << 8 == events[position]
            if batch.digests is not None and row is None:
                assert batch.digests[position * 8 : position * 8 + 8] == bytes(8)
        bodies = contents.read(connection, [batch.id])[batch.id].bodies
        assert all(body is not None for body, row in zip(bodies, here, strict=True) if row is not None)
    assert by_place == {}
    erased = connection.exec_driver_sql("SELECT sale FROM delivery WHERE state = 'erased'").scalars()
    stated = connection.exec_driver_sql("SELECT id FROM sale WHERE minor IS NOT NULL").scalars()
    assert {*erased}.isdisjoint(stated)


def migrated(connection: Connection) -> int:
    """Compare every order before and after the migration; return how many have no row of their own."""
    before = orders(connection)
    schema.migrate(connection, lambda _: None)
    after = orders(connection)
    assert after.keys() == before.keys()
    for key, row in before.items():
        assert_told_alike(row, after[key])
    assert_batches_agree(connection)
    own = {key for (key,) in connection.exec_driver_sql("SELECT id FROM exception").all()}
    assert own == {key for key, row in after.items() if row["place"] is None}
    return len(after) - len(own)


@pytest.mark.parametrize("release", LEAST)
def test_every_order_stands_as_it_stood(release: str) -> None:
    with of_0008(release) as connection:
        assert migrated(connection) >= LEAST[release]


def test_the_last_run_that_read_an_order_is_kept() -> None:
    with of_0008("sixth_release") as connection:
        last = {row["sale"]: 0 for row in orders(connection).values()}
        for row in orders(connection).values():
            last[row["sale"]] = max(last[row["sale"]], row["run"])
        migrated(connection)
        assert {sale: readings.last_run(connection, sale) for sale in last} == last


NUMBERS = (0, 1, 19_900, 2_000_000_000)
STATES = ["received", "recorded", "unmatched", "duplicate", "rejected", "unknown", "withheld", "pending", "erased"]
CHANGES: dict[str, Sequence[object]] = {
    "state": STATES,
    "day": ["2026-11-20", "2026-11-01"],
    "run": [1, 14],
    "revision": [0, 1],
    "attempted": [0, 1],
    "stated_currency": ["DKK", "EUR"],
    "stated_exponent": [0, 2],
    "fingerprint": [None, b"", bytes(7), bytes(8), b"12345678", bytes(9)],
    **dict.fromkeys(("reason", "detail", "wire_id", "decision"), (None, "no_product", "send")),
    **dict.fromkeys(("stated_minor", "first_attempt_us"), NUMBERS),
    **dict.fromkeys(("value_minor", "due_minor", "ready_at", "expires_at", "settled_run"), (None, *NUMBERS)),
    **dict.fromkeys(("acknowledged_us", "accepted_minor"), (None, *NUMBERS)),
}


_OTHER_VALUE = "UPDATE delivery SET stated_minor = 7, value_minor = 7, due_minor = NULL"


@pytest.mark.parametrize("seed", range(8))
def test_any_row_is_told_alike(seed: int) -> None:
    """One in three rows has another value in a column, some events are gone, some are followed by another one."""
    draw = Random(seed)
    with of_0008("sixth_release") as connection:
        for key, row in orders(connection).items():
            if row["attempted"] and draw.random() < 1 / 3:
                name = draw.choice(sorted(CHANGES))
                value = draw.choice(CHANGES[name])
                connection.exec_driver_sql(f"UPDATE delivery SET {name} = ? WHERE id = ?", (value, key))
            elif draw.random() < 1 / 8:
                connection.exec_driver_sql(f"{_OTHER_VALUE} WHERE id = ?", (key,))
        sent = [key for key, row in orders(connection).items() if row["attempted"]]
        gone, followed, batch = draw.sample(sent, 5), draw.sample(sent, 5), draw.randint(1, 38)
        for key in gone:
            connection.exec_driver_sql("DELETE FROM event WHERE id >> 8 = ?", (key,))
        for key in followed:
            connection.exec_driver_sql("INSERT OR IGNORE INTO event VALUES (? << 8 | 9, 0)", (key,))
        connection.exec_driver_sql("UPDATE blob SET bytes = NULL WHERE batch = ?", (batch,))
        assert migrated(connection) > 10
        placed = {key for (key,) in connection.exec_driver_sql("SELECT id FROM delivery WHERE place IS NOT NULL")}
        assert placed.isdisjoint({*gone, *followed})
