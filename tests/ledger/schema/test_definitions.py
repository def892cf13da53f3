"""The objects of a store are those of the migrations, whichever release made it; a run refuses any other."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conversions.errors import LedgerError
from conversions.ledger import store
from conversions.ledger.maintenance import upgrade
from conversions.ledger.schema.definitions import SELECT_OBJECTS, SchemaObject, definitions, differences
from conversions.ledger.schema.tables import metadata
from conversions.settings import Settings
from tests.ledger.builders import Clock
from tests.ledger.maintenance.test_upgrade import kept, old, schema_of  # noqa: F401


def differing(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        stored = [SchemaObject(*row) for row in connection.execute(SELECT_OBJECTS)]
    return [(item.name, difference) for item, difference in differences(stored, definitions())]


def altered(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


def test_a_new_store_has_these_and_no_others(path: Path) -> None:
    assert differing(path) == []
    assert {name for kind, name in definitions() if kind == "table"} == {*metadata.tables, "alembic_version"}


def test_so_has_an_upgraded_one(old: Settings) -> None:  # noqa: F811
    upgrade.upgrade(old, Clock())

    assert differing(old.store_path) == []


TRIGGER = "CREATE TRIGGER void BEFORE INSERT ON objection BEGIN SELECT RAISE(IGNORE); END"
FOREIGN = {
    TRIGGER: "void",
    "CREATE VIEW copies AS SELECT * FROM event": "copies",
    "CREATE TABLE copies AS SELECT * FROM event": "copies",
    "CREATE INDEX extra ON exception (revision)": "extra",
    "CREATE TRIGGER objection AFTER UPDATE ON sale BEGIN DELETE FROM objection; END": "objection",
    "CREATE TABLE sqliteautoindex_copies (bytes BLOB)": "sqliteautoindex_copies",
}


@pytest.mark.parametrize(("sql", "name"), FOREIGN.items(), ids=map(str, range(len(FOREIGN))))
def test_a_foreign_object_is_named_and_no_command_that_writes_opens_the_store(path: Path, sql: str, name: str) -> None:
    altered(path, sql)

    assert differing(path) == [(name, "does not belong in the store")]
    with (
        pytest.raises(LedgerError, match=f"'{name}'.*conversions audit verify"),
        store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=False),
    ):
        pass


@pytest.mark.parametrize(
    ("sql", "name", "difference"),
    [
        ("DROP INDEX uq_objection_in_force", "uq_objection_in_force", "is missing"),
        ("DROP TABLE score", "score", "is missing"),
        ("ALTER TABLE score ADD COLUMN extra TEXT", "score", "has another definition than this program gave it"),
        (
            "DROP TABLE score; CREATE TABLE score (destination INTEGER, name TEXT, value REAL, at_us INTEGER)",
            "score",
            "has another definition than this program gave it",
        ),
    ],
)
def test_what_is_missing_or_defined_otherwise_is_named(path: Path, sql: str, name: str, difference: str) -> None:
    altered(path, sql)

    assert differing(path) == [(name, difference)]


def test_statistics_of_sqlite_belong_to_sqlite(path: Path) -> None:
    altered(path, "ANALYZE")

    assert differing(path) == []
    with store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=False):
        pass


def test_a_look_at_a_store_with_a_foreign_object_is_still_possible(path: Path) -> None:
    altered(path, TRIGGER)

    with store.connect_read_only(path, path.parents[1] / "tail", Clock()):
        pass
