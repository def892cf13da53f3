"""Temporary tables of a large night: nothing of them lies outside the store's own directory."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conversions.ledger import store
from conversions.process.sqlite_files import keep_temporary_files
from tests.ledger.builders import NOW, Clock


def open_files() -> set[Path]:
    """Files that this process has open, also those without a name."""
    links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return {Path(str(link.readlink()).removesuffix(" (deleted)")) for link in links}


def spill(connection: sqlite3.Connection) -> set[Path]:
    """The temporary files of a table that is larger than the cache."""
    before = open_files()
    connection.execute("PRAGMA temp.cache_size = 1")
    connection.execute("CREATE TEMP TABLE large AS SELECT randomblob(1000) AS blob FROM generate")
    return open_files() - before


def filled(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute(
        "CREATE TEMP TABLE generate AS WITH RECURSIVE n(i) AS (SELECT 1 UNION SELECT i + 1 FROM n WHERE i < 9000) SELECT i FROM n"
    )
    return connection


@pytest.mark.parametrize("name", ["var", "b c/Købmand's æøå 100%"])
def test_temporary_files_lie_in_the_directory_without_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    keep_temporary_files(tmp_path / name)
    with closing(sqlite3.connect(":memory:")) as connection:
        files = spill(filled(connection))
        assert files
        assert {file.parent for file in files} == {tmp_path / name}
        assert not list((tmp_path / name).iterdir())


def test_an_open_store_keeps_them_beside_itself(tmp_path: Path) -> None:
    path, tail = tmp_path / "var" / "conversions.db", tmp_path / "tail"
    store.create(path, tail, rehearsal=False, at=NOW)
    for opened in (store.connect(path, tail, Clock(), rehearsal=False), store.connect_read_only(path, tail, Clock())):
        keep_temporary_files(tmp_path)
        with opened as ledger:
            connection = ledger.connection.connection.driver_connection
            assert isinstance(connection, sqlite3.Connection)
            assert {file.parent for file in spill(filled(connection))} == {path.parent}


def test_without_a_store_they_lie_in_a_private_directory_that_goes_away() -> None:
    with store.empty(Clock()) as ledger:
        connection = ledger.connection.connection.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        (folder,) = {file.parent for file in spill(filled(connection))}
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
