"""Payloads leave the store, their commitments stay: the log goes on proving what it holds of them.

An event without its payload is legitimate only where a leaf of kind ``erasure`` or ``purge`` names it in ``events``.
"""

import hmac
import sqlite3
from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, text

from conversions.ledger.store import Ledger

_PAYLOADS = text("""
    SELECT e.id, e.salt, e.bytes FROM json_each(:events) j JOIN event e ON e.id = j.value
    WHERE e.salt IS NOT NULL AND e.bytes IS NOT NULL
""")
_REDACT = "UPDATE event SET commitment = ?, subject = NULL, salt = NULL, bytes = NULL WHERE id = ?"
_BETWEEN = text("SELECT 1 FROM event WHERE id > :first AND id < :last LIMIT 1")


def redact(connection: Connection, events: Sequence[int]) -> None:
    """Replace subject, salt and bytes of *events* by the commitment, HMAC-SHA256(salt, bytes)."""
    rows = connection.execute(_PAYLOADS, {"events": orjson.dumps(events).decode()}).all()
    kept = [(hmac.digest(salt, content, "sha256"), event) for event, salt, content in rows]
    if kept:
        connection.exec_driver_sql(_REDACT, kept)


def ranges(connection: Connection, events: Sequence[int]) -> list[list[int]]:
    """*events*, rising, as pairs of first and last; no other event lies within a pair."""
    found: list[list[int]] = []
    for event in events:
        if found and not connection.execute(_BETWEEN, {"first": found[-1][1], "last": event}).first():
            found[-1][1] = event
        else:
            found.append([event, event])
    return found


def wipe(ledger: Ledger) -> bool:
    """Leave no trace of what was taken out in any of the store's files; False where that must be tried again.

    ``secure_delete`` is not enough: SQLite moves rows between pages and leaves copies in the space that it frees, in
    about one of a hundred erasures. Writing the file anew drops them; then the write-ahead file is emptied. Needs room
    for a copy of the store, and no reader that stays.
    """
    driver = ledger.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        driver.execute("VACUUM")
        busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:  # no room, or somebody writes: the store is as it was
        return False
    return not busy
