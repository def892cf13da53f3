"""Scrub: remove the traces of deleted data from the store's files.

The transaction that deletes data writes a row of ``scrub``; the row goes once the files are free of traces. Until then
every run and every erasure tries again. Traces stay in memory: a process that has none of them rewrites the store.
"""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, delete, insert, select

from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.ledger.store.remnants import Remnants


class Deletion(StrEnum):
    """Why data were deleted."""

    ERASURE = "erasure"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class Traces:
    """What no file may hold after one deletion."""

    scrub: int
    """The deletion's row."""
    gone: Collection[bytes] = field(repr=False)
    listed: Mapping[bytes, Sequence[bytes]] = field(repr=False)
    """Subjects that stay on the suppression list, and what may follow them there."""


@dataclass(frozen=True, slots=True)
class OpenScrub:
    """A deletion whose traces may be left in the store's files."""

    since: datetime
    """Aware, UTC."""
    why: str


def demand(connection: Connection, now_us: int, why: Deletion) -> int:
    """Record, in the transaction that deletes data, that their traces must go; return the row's key."""
    new = insert(tables.scrub).values(at_us=now_us, why=why).returning(tables.scrub.c.id)
    return int(connection.execute(new).scalar_one())


def open_scrubs(connection: Connection) -> list[OpenScrub]:
    """Return the deletions whose traces may be left, oldest first."""
    rows = connection.execute(select(tables.scrub.c.at_us, tables.scrub.c.why).order_by(tables.scrub.c.id)).all()
    return [OpenScrub(instant(at), why) for at, why in rows]


def scrub(ledger: Ledger, traces: Sequence[Traces] = ()) -> bool:
    """Remove what deletions left in the store's files; False where a later run must try again.

    *traces* are those of the deletions of this process. A reader that stays open is in the way, or a full disk.
    """
    with ledger.transaction() as connection:
        rows = connection.execute(select(tables.scrub.c.id, tables.scrub.c.why)).all()
    known = {each.scrub for each in traces}
    without_traces = any(why == Deletion.ERASURE and number not in known for number, why in rows)
    try:
        if rows and not _clean(Remnants(ledger), traces, rewrite=without_traces):
            return False
    except sqlite3.OperationalError:  # no disk space, or another writer: the store is as it was
        return False
    with ledger.transaction() as connection:
        connection.execute(delete(tables.scrub).where(tables.scrub.c.id.in_([number for number, _ in rows])))
    return True


def remove_remnants(ledger: Ledger) -> bool:
    """Rewrite the store's file without its free pages; False where a reader or a full disk is in the way."""
    remnants = Remnants(ledger)
    try:
        remnants.rewrite()
        return remnants.empty_wal()
    except sqlite3.OperationalError:
        return False


def _clean(remnants: Remnants, traces: Sequence[Traces], *, rewrite: bool) -> bool:
    """Return whether the files are free of traces; the cheapest remedy that suffices is taken."""
    if not remnants.empty_wal():
        return False
    gone = {trace for each in traces for trace in each.gone}
    listed = {subject: endings for each in traces for subject, endings in each.listed.items()}
    for remedy in (remnants.rewrite,) if rewrite else (None, remnants.rebuild_indexes, remnants.rewrite):
        if remedy is not None:
            remedy()
            if not remnants.empty_wal():
                return False
        if remedy == remnants.rewrite or not (gone and remnants.hold(gone, listed)):
            break  # a store that was rewritten has no free space with copies
    return True
