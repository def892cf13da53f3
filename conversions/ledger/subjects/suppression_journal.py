"""The journal: who came onto the list of objections and who left it, kept outside the store's directory.

A restored backup has forgotten what people asked for since it was made; the journal brings it up to date. A line holds
the keyed subject and the case, never an address.
"""

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.process.durable import sync_file, sync_path

_table = tables.objection.c

JournalAction = Literal["added", "removed"]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line. To replay one that is in the store already changes nothing."""

    at: datetime
    """Aware, UTC."""
    change: JournalAction
    kind: SuppressionKind
    subject: str
    """32 lower-case hex characters."""
    case: str | None = None

    @property
    def person(self) -> bytes:
        """The subject as the store keeps it."""
        return bytes.fromhex(self.subject)


_line = TypeAdapter(JournalEntry)


def append(path: Path, entries: Iterable[JournalEntry]) -> None:
    """Add lines, on disk when this returns. Raises SettingsError where they cannot be written."""
    lines = b"".join(orjson.dumps(entry) + b"\n" for entry in entries)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        begun = path.exists()
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _cut_unfinished(file)
            file.write(lines)
            sync_file(file)
        if not begun:
            sync_path(path.parent)
    except OSError as error:
        raise SettingsError(
            f"The journal {path} cannot be written: {error.strerror}; correct store.checkpoints, then try again."
        ) from None


def begin(path: Path, ledger: Ledger) -> None:
    """Where there is no journal yet, or no longer, write down who is on the list of *ledger*."""
    if path.exists():
        return
    listed = select(_table.since_us, _table.kind, _table.subject, _table.case_no).where(_table.removed_us.is_(None))
    with ledger.transaction() as connection:
        rows = connection.execute(listed.order_by(_table.id)).all()
    append(
        path,
        [JournalEntry(instant(at), "added", SuppressionKind(kind), who.hex(), case) for at, kind, who, case in rows],
    )


def read(path: Path) -> list[JournalEntry]:
    """Every line, oldest first; none where there is no file. A last line that a crash cut short is passed over.

    Raises LedgerError where another one cannot be read: somebody's wish would be lost.
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
    """A line that a crash cut short: its command has not returned, and would have been given again."""
    file.seek(0)
    content = file.read()
    file.truncate(content.rfind(b"\n") + 1)
