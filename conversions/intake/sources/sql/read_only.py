"""What keeps the operator's query from doing more than reading: one statement, on a read-only session.

A session that is read-only refuses to change tables; a function or ``COPY`` that the login may use can still reach
files of the server. Other databases than those of ``SESSION`` and SQLite rely on the login alone: give it rights to
read, and no others.
"""

import re
import sqlite3
from typing import TYPE_CHECKING, Any

from conversions.errors import SettingsError

if TYPE_CHECKING:
    from sqlalchemy import URL

DRIVERS = {"postgresql": "psycopg", "mysql": "pymysql", "mariadb": "pymysql"}
"""The driver that sends one statement at a time (psycopg: through the cursor of a stream); others send several."""
OFTEN_SEVERAL = frozenset({"psycopg2", "psycopg2cffi"})
"""Drivers of other databases, too, that send several statements."""
MULTI_STATEMENTS = 1 << 16
"""MySQL's client flag CLIENT_MULTI_STATEMENTS."""

SESSION = {
    "postgresql": ("SET TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"),
    "cockroachdb": ("SET TRANSACTION READ ONLY", "SET TIME ZONE 'UTC'"),
    "oracle": ("SET TRANSACTION READ ONLY",),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'"),
    "mariadb": ("SET SESSION TRANSACTION READ ONLY", "SET time_zone = '+00:00'"),
}
"""Statements that make a session read-only and its clock UTC. Other databases rely on the login's own rights."""

_STANDARD = re.compile(r"""'[^']*'|"[^"]*"|`[^`]*`|--[^\n]*|/\*.*?\*/|(;)""", re.DOTALL)
_MYSQL = re.compile(
    r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--(?=\s|\Z)[^\n]*|\#[^\n]*|/\*(?!!).*?\*/|(;)""", re.DOTALL
)
"""Texts, names and comments, in which a semicolon ends no statement; its group is one that does."""
_UNCLEAR = re.compile(r"""\\'|/\*(?:(?!\*/).)*/\*""", re.DOTALL)
"""Outside MySQL: an escaped quote or a comment in a comment, which databases read differently."""


def check_query(query: str, backend: str) -> None:
    """Raise SettingsError where *query* is more than one statement; a semicolon at its end is none."""
    mysql = backend in {"mysql", "mariadb"}
    ends = [match for match in (_MYSQL if mysql else _STANDARD).finditer(query) if match[1]]
    unclear = not mysql and ";" in query and _UNCLEAR.search(query)
    if unclear or any(_MYSQL.sub("", query[match.end() :]).strip() for match in ends):
        raise SettingsError(
            "source.query holds more than one statement, or a semicolon whose meaning is unclear. A source is one "
            "SELECT: remove the others, and write a semicolon in a text as CHAR(59) or CHR(59)."
        )


def check_driver(url: "URL") -> None:
    """Raise SettingsError where the driver of *url* would send several statements."""
    backend, driver = url.get_backend_name(), url.get_driver_name()
    wanted = DRIVERS.get(backend, driver)
    if driver != wanted or driver in OFTEN_SEVERAL:
        better = f"use {backend}+{wanted}://…" if driver != wanted else "use another driver"
        raise SettingsError(
            f"source.url names the driver {driver}, which would run several statements of one query; {better}."
        )
    flags = str(url.query.get("client_flag", 0))
    if not flags.isdigit() or int(flags) & MULTI_STATEMENTS:
        raise SettingsError("source.url allows several statements in one query (client_flag); remove client_flag.")


def restrict_sqlite(connection: Any) -> None:
    """Let a connection of SQLite read its own file, and nothing else: no other file, no setting, no extension."""
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(_authorize)


_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_READING_TABLES = {
    (sqlite3.SQLITE_UPDATE, "sqlite_master"),  # a table function such as json_each; a true update is refused anyway
    (sqlite3.SQLITE_PRAGMA, "data_version"),  # full-text search
}


def _authorize(action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None) -> int:
    reads = action in _READING and not (action == sqlite3.SQLITE_FUNCTION and second == "load_extension")
    declares = (action, first) in _READING_TABLES and (action != sqlite3.SQLITE_PRAGMA or second is None)
    return sqlite3.SQLITE_OK if reads or declares else sqlite3.SQLITE_DENY
