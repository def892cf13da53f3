"""The store's file: private, whole or not at all, synced before anything counts, and only ever its owner's."""

import os
import re
import signal
import sqlite3
import stat
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, select, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

from conversions.audit.verify.verify import LogLocation, check_store
from conversions.errors import LedgerError, SettingsError, Stopped
from conversions.ledger.schema import tables
from conversions.ledger.store import microseconds
from conversions.ledger.store import sqlite as store
from conversions.process.signals import SIGNALS, raise_on_signal
from tests.ledger.builders import NOW, Clock, Night, another_look

FORCED = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL
    "foreign_keys": 1,
    "secure_delete": 1,
    "trusted_schema": 0,
    "busy_timeout": 10_000,
}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def connected(path: Path, *, rehearsal: bool = False) -> None:
    with store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=rehearsal):
        pass


@pytest.mark.parametrize(("name", "value"), FORCED.items())
def test_pragma_is_in_force(night: Night, name: str, value: object) -> None:
    assert night.ledger.connection.exec_driver_sql(f"PRAGMA {name}").scalar() == value


def test_a_look_is_just_as_careful(night: Night) -> None:
    with another_look(night.path) as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in FORCED}

    assert found == FORCED


def test_every_table_is_strict_so_that_no_value_changes_its_type(night: Night) -> None:
    rows = night.all(text("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"))

    ours = {row.name: row.strict for row in rows if row.name in tables.metadata.tables}
    assert set(ours) == set(tables.metadata.tables)
    assert set(ours.values()) == {1}


@pytest.mark.filterwarnings("ignore:.*expression-based index")  # the next test has it
def test_the_migrations_make_the_tables_that_the_program_works_on(night: Night) -> None:
    with night.ledger.transaction() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_constraints_and_partial_indexes_are_those_of_the_tables(night: Night) -> None:
    with closing(sqlite3.connect(":memory:")) as bare:
        for table in tables.metadata.sorted_tables:
            bare.executescript(ddl(table))
        wanted = {name: clauses(sql) for name, sql in bare.execute("SELECT name, sql FROM sqlite_schema")}

    found = {row.name: clauses(row.sql) for row in night.all(text("SELECT name, sql FROM sqlite_schema"))}
    assert {name: found.get(name) for name in wanted} == wanted
    assert set(found) - set(wanted) <= {"alembic_version", "sqlite_autoindex_alembic_version_1", "delivery"}


def clauses(sql: str | None) -> list[str]:
    """A statement's parts, in any order: what a migration added stands last."""
    return sorted(" ".join(part.split()) for part in re.split(r"[,()\n]", sql or "") if part.strip())


def ddl(table: Table) -> str:
    made: list[DDLElement] = [CreateTable(table), *map(CreateIndex, table.indexes)]
    return ";".join(str(one.compile(dialect=sqlite.dialect())) for one in made)


def test_a_transaction_is_all_or_nothing(night: Night) -> None:
    with suppress(ZeroDivisionError), night.ledger.transaction() as connection:
        connection.execute(tables.pin.insert().values(name="half", value="", since_us=0))
        raise ZeroDivisionError

    assert night.all(select(tables.pin)) == []


@pytest.mark.parametrize("told", SIGNALS)
def test_told_to_stop_in_the_middle_of_a_transaction_it_is_whole_and_the_store_goes_on(
    night: Night, told: signal.Signals
) -> None:
    def write() -> None:
        with night.ledger.transaction() as connection:
            connection.execute(text("UPDATE sale SET shop = 'a'"))
            os.kill(os.getpid(), told)
            connection.execute(text("INSERT INTO sale(shop, order_no) VALUES ('whole', 'A-9')"))

    with pytest.raises(Stopped), raise_on_signal():
        write()
    with night.ledger.transaction() as connection:
        assert connection.execute(text("SELECT order_no FROM sale WHERE shop = 'whole'")).scalars().all() == ["A-9"]


def test_a_transaction_takes_the_write_lock_before_it_reads(night: Night) -> None:
    with (
        closing(sqlite3.connect(night.path, timeout=0)) as other,
        night.ledger.transaction(),
        pytest.raises(sqlite3.OperationalError, match="locked"),
    ):
        other.execute("BEGIN IMMEDIATE")


def test_foreign_keys_hold(night: Night) -> None:
    with pytest.raises(LedgerError, match="FOREIGN KEY"), night.ledger.transaction() as connection:
        connection.execute(tables.request_part.insert().values(request=1, first=0, place=1, events=1))


def test_a_failure_is_one_sentence_without_the_values_at_hand(night: Night) -> None:
    twice = [{"name": "anna@example.com", "value": "secret", "since_us": 0}] * 2

    with pytest.raises(LedgerError) as failed, night.ledger.transaction() as connection:
        connection.execute(tables.pin.insert(), twice)

    said = str(failed.value)
    assert said.startswith("The store failed (UNIQUE constraint failed: pin.name).")
    assert "conversions run" in said
    assert "anna" not in said
    assert "secret" not in said
    assert failed.value.__suppress_context__


def test_what_is_deleted_is_gone_from_the_file(path: Path) -> None:
    word = b"a digest that somebody wants erased"
    with store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=False) as ledger:
        with ledger.transaction() as connection:
            connection.execute(tables.pin.insert().values(name=word.decode(), value="", since_us=0))
        with ledger.transaction() as connection:
            connection.execute(tables.pin.delete())

    assert word not in path.read_bytes()


def test_store_and_its_companions_are_for_the_owner_alone(night: Night) -> None:
    found = {file.name: mode(file) for file in night.path.parent.iterdir()}

    assert found == {"conversions.db": 0o600, "conversions.db-wal": 0o600, "conversions.db-shm": 0o600}
    assert mode(night.path.parent) == 0o700


def test_where_nothing_can_be_written_not_even_reading_is_possible_and_that_is_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, tail = tmp_path / "var" / "c.db", tmp_path / "tail"
    store.create(path, tail, rehearsal=False, at=NOW)
    monkeypatch.setattr(os, "access", lambda place, _: place != path.parent)  # as on a disk mounted read-only
    with (
        pytest.raises(SettingsError, match="needs an index file beside it"),
        store.connect_read_only(path, tail, Clock()),
    ):
        pass
    with pytest.raises(SettingsError, match="conversions backup"):
        check_store(LogLocation(path, tail, tmp_path / "checkpoints"))


def test_a_wide_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store.create(tmp_path / "var" / "c.db", tmp_path / "tail", rehearsal=False, at=NOW)
    finally:
        os.umask(before)

    assert [mode(tmp_path / name) for name in ("var", "var/c.db", "tail")] == [0o700, 0o600, 0o600]


def test_an_empty_directory_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir(mode=0o755)

    store.create(tmp_path / "var" / "c.db", tmp_path / "tail", rehearsal=False, at=NOW)

    assert mode(tmp_path / "var") == 0o700


def test_no_draft_is_left_beside_the_store(path: Path) -> None:
    assert [file.name for file in path.parent.iterdir()] == ["conversions.db"]


@pytest.mark.parametrize("name", ["a b", "a#b", "a%41", "a?b", "a?mode=memory", "æøå", "a&b", "a'b"])
def test_any_name_of_a_directory_holds_the_store_and_nothing_beside_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / "conversions.db"

    store.create(path, tmp_path / "tail", rehearsal=False, at=NOW)
    connected(path)

    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([name, "tail"])
    assert path.read_bytes().startswith(b"SQLite format 3")


def test_a_second_creator_uses_the_store_of_the_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two first runs at once: the second one's draft is ready when the first one's store appears."""
    before = path.read_bytes()
    monkeypatch.setattr(store, "refuse_lost", lambda path, tail_path: None)

    store.create(path, path.parents[1] / "tail", rehearsal=False, at=NOW)

    assert path.read_bytes() == before
    connected(path)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(SettingsError, match=r"directory .* cannot be created: .*correct store\.url"):
        store.create(tmp_path / "file" / "c.db", tmp_path / "tail", rehearsal=False, at=NOW)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + b"\xff" * 4096, b"order_id,email\n"])
def test_a_file_that_is_no_store_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "var").mkdir(mode=0o700)
    path = tmp_path / "var" / "conversions.db"
    path.write_bytes(content)

    with pytest.raises(LedgerError):
        connected(path)

    assert path.read_bytes().startswith(content)


def test_a_store_of_another_version_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(LedgerError, match=r"has schema 9999, this version of conversions works on \d{4}: use a newer"):
        connected(path)


def test_a_store_on_a_read_only_disk_is_one_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = store._address
    monkeypatch.setattr(store, "_address", lambda path, mode: address(path, "ro"))

    with (
        pytest.raises(LedgerError, match="readonly"),
        store.connect(path, path.parents[1] / "tail", Clock(), rehearsal=False) as ledger,
        ledger.transaction() as connection,
    ):
        connection.execute(tables.pin.insert().values(name="n", value="v", since_us=0))


@pytest.mark.parametrize("hours", [0, 2, -7])
def test_instants_are_exact_to_the_microsecond_in_any_zone(hours: int) -> None:
    instant = datetime(2026, 11, 22, 5, 15, 0, 999_999, timezone(timedelta(hours=hours)))

    assert microseconds(instant) == (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
