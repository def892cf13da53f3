"""Remove payloads from the store and keep their commitments, so that the log's proofs stay valid.

An event without a payload is valid only where a leaf of kind ``erasure`` or ``purge`` names it in ``events``.
"""

import sqlite3
from collections.abc import Collection, Sequence

from sqlalchemy import Connection, text

from conversions.ledger.batches.blank import blank
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.store import Ledger
from conversions.model.subject import Person

_ZEROS = bytes(16)
"""As long as a subject. Before a subject goes it is overwritten in its length: SQLite may keep the rest of a row that
became shorter in free space."""
_FORGET_EARLIER = text_with_lists("UPDATE earlier_person SET subject = :value WHERE event IN :events", "events")
_FORGET_BUYER = text_with_lists(
    "UPDATE sale SET subject = :value WHERE id IN :sales AND subject IN :gone", "sales", "gone"
)
_BETWEEN = text("SELECT 1 FROM event WHERE id > :first AND id < :last LIMIT 1")


def redact(connection: Connection, events: Sequence[int]) -> None:
    """Replace the bytes and salts of *events* with their commitments, and forget earlier buyers of theirs."""
    blank(connection, events)
    for value in (_ZEROS, None):
        connection.execute(_FORGET_EARLIER, {"value": value, "events": events})


def forget_buyers(connection: Connection, sales: Collection[int], person: Person) -> None:
    """Forget that *person* is the buyer of *sales*; their events must be redacted before."""
    sales = [*sales]
    connection.execute(_FORGET_BUYER, {"value": _ZEROS, "sales": sales, "gone": [*person]})
    connection.execute(_FORGET_BUYER, {"value": None, "sales": sales, "gone": [_ZEROS]})


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
