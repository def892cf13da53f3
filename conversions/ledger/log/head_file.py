"""The tail file: the log's size and root after each run, kept outside the store's directory.

It is how a store that is missing, another, or an older copy is noticed before everything is sent again.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from conversions.errors import LedgerError, SettingsError
from conversions.ledger.log.entries import root_at
from conversions.ledger.schema import tables
from conversions.process.durable import sync_file

WAYS_OUT = (
    "Restore the newest copy of the store with `conversions restore FILE`; or, if this one is right, "
    "`conversions adopt --store --reason TEXT`, and tell your auditor why."
)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """One line of the file."""

    store: str
    size: int
    root: str
    """64 hex characters."""
    at: str


_line = TypeAdapter(TreeHead)


def last(path: Path) -> TreeHead | None:
    """The newest line, or None where there is no file. A last line that a crash cut short is passed over.

    Raises LedgerError where no line can be read: what it remembered may be a store that is gone.
    """
    newest = next(newest_first(path), None)
    if newest is None and path.exists():
        raise LedgerError(
            f"The tail file {path} is damaged: no line of it can be read. Restore it from a backup. {WAYS_OUT}"
        )
    return newest


def newest_first(path: Path) -> Iterator[TreeHead]:
    """Every line that can be read."""
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise SettingsError(f"The tail file {path} cannot be read: {error.strerror}; correct store.tail.") from None
    for line in reversed(lines):
        with suppress(ValidationError):
            yield _line.validate_json(line)


def check_writable(path: Path) -> None:
    """Raise SettingsError where the file could not be appended to after a run."""
    place = path if path.exists() else path.parent
    if not os.access(place, os.W_OK):
        raise SettingsError(f"The tail file {path} cannot be written; correct store.tail, or the rights of {place}.")


def append(path: Path, head: TreeHead) -> None:
    """Add a line, on disk when this returns."""
    line = orjson.dumps(asdict(head)) + b"\n"
    try:
        if path.exists():
            _add(path, b"\n" * _unfinished(path) + line)
        else:
            _begin(path, line)
    except OSError as error:
        raise SettingsError(f"The tail file {path} cannot be written: {error.strerror}; correct store.tail.") from None


def _begin(path: Path, line: bytes) -> None:
    """Whole or not at all: a file without a line would stand for a store that is gone."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _add(draft, line)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _add(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        sync_file(file)


def check(path: Path, connection: Connection, store_id: str, store: Path) -> None:
    """Raise LedgerError where the store is not the one that the tail file remembers, or is behind it."""
    remembered = last(path)
    if remembered is None:
        return
    if remembered.store != store_id:
        raise LedgerError(f"The store {store} is another one than {path} remembers. {WAYS_OUT}")
    size = connection.execute(select(tables.head.c.tree_size)).scalar_one()
    if size < remembered.size:
        raise LedgerError(
            f"The store {store} is an older copy: its log has {size} entries, {path} remembers {remembered.size} "
            f"({remembered.at}). Orders sent since would be sent again. {WAYS_OUT}"
        )
    if root_at(connection, remembered.size).hex() != remembered.root:
        raise LedgerError(f"The log of {store} differs from what {path} remembers of {remembered.at}. {WAYS_OUT}")


def _unfinished(path: Path) -> bool:
    """Whether a crash left a line without its end."""
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")
