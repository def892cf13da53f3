"""Copies of the store: of one moment, whole or not there."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import select

from conversions.errors import LedgerError, Usage
from conversions.ledger import log
from conversions.ledger.maintenance import backup
from conversions.ledger.schema import tables
from tests.ledger.builders import Night, another_look, sighting


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def changed(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as copy, copy:
        copy.execute(statement)


def test_it_describes_the_copy(night: Night, target: Path) -> None:
    copy = backup.write(night.ledger.connection, target)

    night.ledger.connection.rollback()
    head = night.one(select(tables.head))
    assert (copy.store_id, copy.size, copy.root) == (head.store_id, head.tree_size, head.root.hex())
    assert copy.newest == night.clock()
    assert backup.verify(target) == copy


def test_uncommitted_rows_are_not_in_it_and_no_connection_waits(night: Night, target: Path) -> None:
    with night.ledger.transaction() as connection, another_look(night.path) as beside:
        before = connection.execute(select(tables.head.c.tree_size)).scalar_one()
        log.append(connection, "test", 0, {})
        assert backup.write(beside, target).size == before


def test_it_is_on_disk_when_it_is_said_to_be(night: Night, target: Path) -> None:
    with mock.patch.object(os, "fsync") as synced:
        backup.write(night.ledger.connection, target)

    assert synced.call_count >= 2


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM leaf WHERE seq = (SELECT max(seq) FROM leaf)",
        "UPDATE leaf SET body = replace(body, 'meta', 'Meta')",
        "UPDATE head SET root = zeroblob(32)",
        "UPDATE head SET tree_size = tree_size + 1",
        "UPDATE node SET hash = zeroblob(32) WHERE level = 0",
        "DROP TABLE head",
        "DELETE FROM head",
        "INSERT INTO request_part VALUES (99, 0, 99, 1)",
        "DELETE FROM node",
    ],
)
def test_what_is_not_whole_is_noticed(night: Night, target: Path, statement: str) -> None:
    night.stage(sighting("1"))
    night.intend(night.outbox())
    backup.write(night.ledger.connection, target)

    changed(target, statement)

    with pytest.raises(LedgerError, match="not a whole copy of a store"):
        backup.verify(target)


def test_of_a_copy_that_fails_nothing_is_left(night: Night, target: Path) -> None:
    with mock.patch.object(backup, "verify", side_effect=LedgerError("no")), pytest.raises(LedgerError):
        backup.write(night.ledger.connection, target)

    assert not target.exists()


def test_an_existing_file_stays(night: Night, target: Path) -> None:
    target.write_text("mine")

    with pytest.raises(Usage, match="exists already"):
        backup.write(night.ledger.connection, target)

    assert target.read_text() == "mine"


@pytest.mark.parametrize("form", ["lower", "upper"])
def test_a_secret_is_found_in_any_form(night: Night, target: Path, form: str) -> None:
    secret = bytes(range(0xA0, 0xC0))
    with night.ledger.transaction() as connection:
        body = getattr(secret.hex(), form)()
        connection.execute(tables.document.insert().values(sha256="x", kind="settings", body=body))

    with pytest.raises(LedgerError, match="its own key"):
        backup.write(night.ledger.connection, target, [secret])

    assert not target.exists()
