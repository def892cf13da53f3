"""The tail file (setting store.tail): the log's tree head after each run, kept outside the store's directory.

A run compares the store with it. A missing store, another store or an older copy would send orders again.
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

REMEDY = (
    "Restore the newest copy of the store with `conversions restore FILE`; or, if this one is right, "
    "`conversions adopt --store --reason TEXT`, and tell your auditor why."
)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """One line of the tail file."""

    store: str
    size: int
    root: str
    """64 hex characters."""
    at: str


_line = TypeAdapter(TreeHead)


def last(path: Path) -> TreeHead | None:
    """The newest tree head, or None if there is no file. Skips a last line that a crash left incomplete.

    Raises LedgerError where no line can be read: the file may belong to a store that is lost.
    """
    newest = next(newest_first(path), None)
    if newest is None and path.exists():
        raise LedgerError(
            f"The tail file {path} is damaged: no line of it can be read. Restore it from a backup. {REMEDY}"
        )
    return newest


def newest_first(path: Path) -> Iterator[TreeHead]:
    """Every line that can be read, newest first. Raises SettingsError where the file cannot be read."""
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
    """Raise SettingsError where a run could not append to the file."""
    target = path if path.exists() else path.parent
    if not os.access(target, os.W_OK):
        raise SettingsError(f"The tail file {path} cannot be written; correct store.tail, or the rights of {target}.")


def append(path: Path, head: TreeHead) -> None:
    """Append a line; it is on disk when this returns. Raises SettingsError where the file cannot be written."""
    line = orjson.dumps(asdict(head)) + b"\n"
    try:
        if path.exists():
            _append_line(path, b"\n" * _ends_mid_line(path) + line)
        else:
            _create(path, line)
    except OSError as error:
        raise SettingsError(f"The tail file {path} cannot be written: {error.strerror}; correct store.tail.") from None


def _create(path: Path, line: bytes) -> None:
    """Create the file in one step, because an empty file would mean a lost store."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        _append_line(draft, line)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _append_line(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        file.write(line)
        sync_file(file)


def check_head_file(path: Path, connection: Connection, store_id: str, store: Path) -> None:
    """Raise LedgerError where the tail file belongs to another store, or the store is older than its last line."""
    newest = last(path)
    if newest is None:
        return
    if newest.store != store_id:
        raise LedgerError(f"The store {store} is another one than {path} belongs to. {REMEDY}")
    size = connection.execute(select(tables.head.c.tree_size)).scalar_one()
    if size < newest.size:
        raise LedgerError(
            f"The store {store} is an older copy: its log has {size} entries, {path} records {newest.size} "
            f"({newest.at}). Orders sent since would be sent again. {REMEDY}"
        )
    if root_at(connection, newest.size).hex() != newest.root:
        raise LedgerError(f"The log of {store} differs from the line of {newest.at} in {path}. {REMEDY}")


def _ends_mid_line(path: Path) -> bool:
    """Whether a crash left the last line incomplete."""
    content = path.read_bytes()
    return bool(content) and not content.endswith(b"\n")
