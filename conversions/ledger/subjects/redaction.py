"""Remove payloads from the store and keep their commitments, so that the log's proofs stay valid.

An event without a payload is valid only where a leaf of kind ``erasure`` or ``purge`` names it in ``events``.
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
    """Replace subject, salt and bytes of *events* with the commitment, HMAC-SHA256(salt, bytes)."""
    rows = connection.execute(_PAYLOADS, {"events": orjson.dumps(events).decode()}).all()
    commitments = [(hmac.digest(salt, content, "sha256"), event) for event, salt, content in rows]
    if commitments:
        connection.exec_driver_sql(_REDACT, commitments)


def ranges(connection: Connection, events: Sequence[int]) -> list[list[int]]:
    """*events*, ascending, as pairs of first and last; no other event of the store is within a pair."""
    pairs: list[list[int]] = []
    for event in events:
        if pairs and not connection.execute(_BETWEEN, {"first": pairs[-1][1], "last": event}).first():
            pairs[-1][1] = event
        else:
            pairs.append([event, event])
    return pairs


def wipe(ledger: Ledger) -> bool:
    """Remove every trace of redacted data from the store's files; False if the caller must try again later.

    ``secure_delete`` is not enough: in about 1 % of erasures SQLite moves rows between pages and leaves copies in free
    space. VACUUM rewrites the file without them; then the write-ahead file is emptied. It needs disk space for
    a copy of the store, and no long-running reader.
    """
    driver = ledger.connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        driver.execute("VACUUM")
        busy, *_ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:  # no disk space, or another writer: the store is unchanged
        return False
    return not busy
