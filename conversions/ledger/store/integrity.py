"""What only SQLite does with its file: checks of all pages, and a copy at one moment."""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection

from conversions.errors import Usage


def is_whole(connection: Connection) -> bool:
    """Whether every page and every index is right, and no row refers to a row that is missing."""
    sound = connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    return sound and connection.exec_driver_sql("PRAGMA foreign_key_check").first() is None


def is_readable(connection: Connection) -> bool:
    """Whether every page is right; indexes are not compared with their rows."""
    return connection.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"


def copy(source: Connection, target: Path) -> None:
    """Copy in one step, because SQLite starts a copy anew when a run writes meanwhile.

    Raises Usage where *target* cannot be written.
    """
    driver = source.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        with closing(sqlite3.connect(target)) as file:
            driver.backup(file)
            file.execute("PRAGMA journal_mode=DELETE")  # one file without -wal and -shm
    except sqlite3.Error as error:
        raise Usage(f"{target} could not be written ({error}); make room, or name another file.") from None
