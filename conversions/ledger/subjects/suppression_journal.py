"""The suppression journal: additions to and removals from the suppression list, outside the store's directory.

A restored backup lacks the entries since it was made; `conversions restore` adds them from the journal. A line contains
the keyed subject and the case, never an address.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Row, func, select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.subject import Person
from conversions.process.durable import sync_file, sync_path

_table = tables.objection.c

JournalAction = Literal["added", "removed"]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line of the journal. To replay an entry that the store has already changes nothing."""

    at: datetime
    """Aware, UTC."""
    change: JournalAction
    kind: SuppressionKind
    subject: str
    """32 lower-case hex characters."""
    case: str | None = None
    others: tuple[str, ...] = ()
    """The same person's subjects under former keys."""

    @property
    def person(self) -> Person:
        """The subjects as bytes, as in the store."""
        return tuple(map(bytes.fromhex, (self.subject, *self.others)))


def entry(at: datetime, change: JournalAction, kind: SuppressionKind, person: Person, case: str | None) -> JournalEntry:
    """One line about *person*."""
    subject, *others = (each.hex() for each in person)
    return JournalEntry(at, change, kind, subject, case, tuple(others))


_line = TypeAdapter(JournalEntry)


def append(path: Path, entries: Iterable[JournalEntry]) -> None:
    """Append lines; they are on disk when this returns. Raises SettingsError where they cannot be written."""
    lines = b"".join(orjson.dumps(entry) + b"\n" for entry in entries)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        existed = path.exists()
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _cut_unfinished(file)
            file.write(lines)
            sync_file(file)
        if not existed:
            sync_path(path.parent)
    except OSError as error:
        raise SettingsError(
            f"The journal {path} cannot be written: {error.strerror}; correct store.checkpoints, then try again."
        ) from None


def create_journal(path: Path, ledger: Ledger) -> None:
    """If there is no journal, create it with the active entries of the suppression list."""
    if path.exists():
        return
    first = func.coalesce(_table.person, _table.id).label("first")
    listed = select(tables.objection, first).where(_table.removed_us.is_(None)).order_by(_table.id)
    with ledger.transaction() as connection:
        rows = connection.execute(listed).all()
    people: dict[int, list[Row[Any]]] = {}
    for row in rows:
        people.setdefault(row.first, []).append(row)
    append(path, [_listed(rows) for rows in people.values()])


def _listed(rows: Sequence[Row[Any]]) -> JournalEntry:
    """The line of one person, from the rows of the entry."""
    first, person = rows[0], tuple(row.subject for row in rows)
    return entry(instant(first.since_us), "added", SuppressionKind(first.kind), person, first.case_no)


def read_entries(path: Path) -> list[JournalEntry]:
    """Every entry, oldest first; empty if there is no file. Skips a last line that a crash left incomplete.

    Raises LedgerError where another line cannot be read, because a person's request would be lost.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise SettingsError(
            f"The journal {path} cannot be read: {error.strerror}; correct store.checkpoints."
        ) from None
    return [_entry(path, number, line) for number, line in enumerate(lines[:-1], start=1) if line]


def _entry(path: Path, number: int, line: bytes) -> JournalEntry:
    try:
        return _line.validate_json(line)
    except ValidationError:
        raise LedgerError(
            f"Line {number} of the journal {path} cannot be read; restore that file from a backup."
        ) from None


def _cut_unfinished(file: BinaryIO) -> None:
    """Remove an incomplete last line: its command crashed before it reported success, so the operator repeats it."""
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)
