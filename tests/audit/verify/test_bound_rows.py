"""Each column of each bound set altered in one row, each row deleted, and one added: none stays unseen."""

import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from dotenv import dotenv_values

from conversions import settings
from conversions.audit.verify.rows import RowVerifier
from conversions.audit.verify.verify import log_location, verify
from conversions.ledger import open_shared
from conversions.ledger.maintenance.upgrade import upgrade
from conversions.ledger.runs import bound_check
from conversions.ledger.schema.bound_sets import BOUND_SETS
from conversions.ledger.subjects import suppressions
from tests.ledger import forced

RELEASES = Path(__file__).parents[2] / "ledger"
EARLIER = ["second_release", "third_release", "fourth_release", "fifth_release_rights", "sixth_release_rights"]
"""The sixth has upgraded its second store from schema 0005."""
COLUMNS = [(name, column) for name, bound in BOUND_SETS.items() for column in bound.columns]
SALTED = [name for name, bound in BOUND_SETS.items() if bound.salted]


class Upgraded:
    """A store of an earlier release, upgraded."""

    def __init__(self, home: Path, release: str) -> None:
        shutil.copytree(RELEASES / release, home)
        (home / "var").mkdir(mode=0o700)
        (home / "conversions.db").rename(home / "var" / "conversions.db")
        self.path = home / "var" / "conversions.db"
        self.path.chmod(0o600)
        config = home / "conversions.toml"
        config.write_text(re.sub(r":\d+\"", ':1"', config.read_text()))
        secrets = {"CONVERSIONS_KEY": "5e" * 32, "CONVERSIONS_META__ACCESS_TOKEN": "EAAtest"}
        if (home / "secrets.env").exists():
            secrets = {name: value or "" for name, value in dotenv_values(home / "secrets.env").items()}
        with mock.patch.dict(os.environ, secrets):
            self.settings = settings.load(config)
        upgrade(self.settings, self.clock)

    def clock(self) -> datetime:
        return datetime(2026, 11, 30, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Upgraded:
    return Upgraded(tmp_path_factory.mktemp("bound") / "shop", "fifth_release_rights")


@pytest.fixture
def altered(upgraded: Upgraded) -> Iterator[sqlite3.Connection]:
    """The store in a transaction that never ends."""
    with closing(sqlite3.connect(upgraded.path, isolation_level=None)) as store:
        store.execute("BEGIN")
        yield store


def findings(store: sqlite3.Connection) -> list[str]:
    rows = RowVerifier(store)
    for seq, body in store.execute("SELECT seq, body FROM leaf ORDER BY seq"):
        rows.read(seq, body)
    return [str(finding) for finding in [*rows.findings, *rows.remaining()]]


def one_of(name: str) -> str:
    """SQL for one row of the set."""
    bound = BOUND_SETS[name]
    keys = ", ".join(key.name for key in bound.table.primary_key)
    condition = bound.rows.compile(compile_kwargs={"literal_binds": True})
    return f"({keys}) = (SELECT {keys} FROM {bound.table} WHERE {condition} LIMIT 1)"


def another(value: object) -> object:
    match value:
        case None:
            return 1
        case bytes():
            return bytes([value[0] ^ 1]) + value[1:] if value else b"1"
        case str():
            return f"{value}1"
    assert isinstance(value, int | float)
    return value + 1


@pytest.mark.parametrize("release", EARLIER)
def test_an_earlier_store_is_intact_after_its_upgrade_and_says_since_when_rows_are_bound(
    tmp_path: Path, release: str
) -> None:
    shop = Upgraded(tmp_path / "shop", release)
    verdict = verify(log_location(shop.settings))
    assert verdict.findings == []
    assert "rows from before schema 0006 are bound since this entry only" in str(verdict.notes)


@pytest.mark.parametrize("name", BOUND_SETS)
def test_the_fixture_has_a_row_of_each_set(altered: sqlite3.Connection, name: str) -> None:
    assert findings(altered) == []
    assert altered.execute(f"SELECT count(*) FROM {BOUND_SETS[name].table} WHERE {one_of(name)}").fetchone() == (1,)


@pytest.mark.parametrize(("name", "column"), COLUMNS)
def test_an_altered_column_is_found(altered: sqlite3.Connection, name: str, column: str) -> None:
    table, this = BOUND_SETS[name].table, one_of(name)
    altered.execute("PRAGMA ignore_check_constraints = ON")
    (value,) = altered.execute(f"SELECT {column} FROM {table} WHERE {this}").fetchone()
    new = another(value)
    if column in table.primary_key and isinstance(value, int):
        new = 1 << 60
    if value is None:
        new = {"TEXT": "1", "BLOB": b"1"}.get(str(table.c[column].type), 1)
    altered.execute(f"UPDATE {table} SET {column} = ? WHERE {this}", (new,))
    assert f"the set {name!r}" in str(findings(altered))


@pytest.mark.parametrize("name", SALTED)
def test_an_altered_salt_is_found(altered: sqlite3.Connection, name: str) -> None:
    altered.execute(f"UPDATE {BOUND_SETS[name].table} SET salt = zeroblob(16) WHERE {one_of(name)}")
    assert f"the set {name!r}" in str(findings(altered))


def test_an_altered_row_is_named(altered: sqlite3.Connection) -> None:
    altered.execute("UPDATE objection SET subject = zeroblob(16) WHERE id = 3")
    altered.execute("UPDATE rectified_order SET wrong = zeroblob(16)")
    (key,) = altered.execute("SELECT rectification || ' ' || sale FROM rectified_order").fetchone()
    assert {"objection 3 was altered", f"rectified_order {key} was altered"} <= {*findings(altered)}


@pytest.mark.parametrize("name", BOUND_SETS)
def test_a_deleted_row_and_an_added_one_are_found(altered: sqlite3.Connection, name: str) -> None:
    bound = BOUND_SETS[name]
    columns = [column.name for column in bound.table.columns]
    stored = f"SELECT {', '.join(columns)} FROM {bound.table} WHERE {one_of(name)}"
    row = dict(zip(columns, altered.execute(stored).fetchone(), strict=True))
    altered.execute(f"DELETE FROM {bound.table} WHERE {one_of(name)}")
    assert f"the set {name!r}" in str(findings(altered))
    key = next(iter(bound.table.primary_key)).name
    row[key] = another(row[key]) if isinstance(row[key], str) else 1 << 60
    unique = {"name": f"{row.get('name')}1"} if name == "destination" else {}
    marks = ", ".join("?" * len(columns))
    altered.execute(f"INSERT INTO {bound.table} ({', '.join(columns)}) VALUES ({marks})", [*(row | unique).values()])
    assert f"the set {name!r}" in str(findings(altered))


@pytest.mark.parametrize("name", BOUND_SETS)
def test_all_rows_deleted_with_the_stored_sum_are_found(altered: sqlite3.Connection, name: str) -> None:
    altered.execute(f"DELETE FROM {BOUND_SETS[name].table}")
    altered.execute("DELETE FROM bound WHERE name = ?", (name,))
    assert f"the set {name!r}" in str(findings(altered))


@pytest.mark.parametrize(
    ("mark", "decided"),
    [("decision = 'send'", "send"), ("accepted_minor = 100", "send"), ("acknowledged_us = 1000000", "acknowledge")],
)
def test_a_decision_that_nobody_made_is_found(altered: sqlite3.Connection, mark: str, decided: str) -> None:
    forced.allow(altered)
    undecided = f"id NOT IN (SELECT delivery FROM decision WHERE decision = '{decided}')"
    altered.execute(f"UPDATE exception SET {mark} WHERE id = (SELECT min(id) FROM exception WHERE {undecided})")
    assert "no operator has decided it" in str(findings(altered))


@pytest.mark.parametrize("name", [name for name, bound in BOUND_SETS.items() if bound.before_claim])
def test_a_run_notices_what_decides_what_it_sends(tmp_path: Path, upgraded: Upgraded, name: str) -> None:
    with open_shared(upgraded.settings, upgraded.clock) as ledger, ledger.transaction() as connection:
        assert bound_check.differing(connection) == []
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        connection.exec_driver_sql(f"DELETE FROM {BOUND_SETS[name].table} WHERE {one_of(name)}")
        assert name in bound_check.differing(connection)
        connection.rollback()


def test_a_change_by_command_is_bound_and_the_next_leaf_says_so(tmp_path: Path) -> None:
    shop = Upgraded(tmp_path / "shop", "fifth_release_rights")
    with open_shared(shop.settings, shop.clock) as ledger:
        suppressions.add(ledger, (bytes(16),), "by letter")
        suppressions.remove(ledger, (bytes(16),), "by phone")
        with ledger.transaction() as connection:
            assert bound_check.differing(connection) == []
    assert verify(log_location(shop.settings)).findings == []
