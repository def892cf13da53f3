"""Verified copies of the store at one moment, for its owner alone; a run may go on meanwhile."""

import mmap
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson
from sqlalchemy import Connection, select

from conversions.errors import LedgerError, Usage
from conversions.ledger import open_read_only, store
from conversions.ledger.log import root_at
from conversions.ledger.log.merkle import leaf_hash
from conversions.ledger.schema import tables
from conversions.ledger.store import Clock, instant
from conversions.process.durable import sync_path
from conversions.settings import Settings

_LEAVES = (
    select(tables.leaf.c.seq, tables.leaf.c.body, tables.node.c.hash)
    .join(tables.node, (tables.node.c.level == 0) & (tables.node.c.position == tables.leaf.c.seq))
    .order_by(tables.leaf.c.seq)
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A verified copy of a store."""

    path: Path
    store_id: str
    size: int
    """Log entries."""
    root: str
    """64 hex characters."""
    newest: datetime
    """Time of its newest log entry, or of the store's creation; aware, UTC."""


def backup(settings: Settings, clock: Clock, target: Path) -> Copy:
    """Copy the store to *target*, which must not exist; a run may go on meanwhile.

    Raises Usage where there is no store or *target* cannot be written, LedgerError where the copy is not valid.
    """
    secrets = [settings.secret_key, *filter(None, [settings.secret_log_key])]
    with open_read_only(settings, clock) as ledger:
        if not settings.store_path.exists():
            raise Usage("There is no store yet, so there is nothing to copy: the first `conversions run` creates it.")
        return write(ledger.connection, target, secrets)


def write(source: Connection, target: Path, secrets: Iterable[bytes] = ()) -> Copy:
    """Write and verify a copy of *source*; delete *target* if that fails. *secrets* must not occur in the copy."""
    _create_file(target)
    try:
        _fill(source, target)
        copy = verify(target)
        _check_prefix(source, copy)
        _check_no_secrets(target, secrets)
    except BaseException:
        target.unlink()
        raise
    return copy


def verify(path: Path) -> Copy:
    """Verify the copy at *path* and describe it. Raises LedgerError where it is not a whole store."""
    try:
        with store.open_unchecked(path, "ro") as connection, connection.begin():
            return _verify(connection, path)
    except LedgerError:
        raise LedgerError(f"{path} is not a whole copy of a store; take another one.") from None


def _create_file(target: Path) -> None:
    try:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        raise Usage(f"{target} exists already, and a backup overwrites nothing; name another file.") from None
    except OSError as error:
        raise Usage(f"{target} cannot be written: {error.strerror}; name another file.") from None


def _fill(source: Connection, target: Path) -> None:
    store.copy(source, target)
    sync_path(target)
    sync_path(target.parent)


def _verify(connection: Connection, path: Path) -> Copy:
    sound = store.is_whole(connection)
    head = connection.execute(
        select(tables.head.c.store_id, tables.head.c.tree_size, tables.head.c.root, tables.head.c.created_us)
    ).one()
    whole = _count_valid_leaves(connection) == head.tree_size and root_at(connection, head.tree_size) == head.root
    if not (sound and whole):
        raise LedgerError("not whole")
    return Copy(path, head.store_id, head.tree_size, head.root.hex(), _newest_entry_time(connection, head.created_us))


def _count_valid_leaves(connection: Connection) -> int:
    """Number of log entries before the first that is missing or differs from its hash."""
    rows = connection.execution_options(yield_per=1000).execute(_LEAVES)
    count = 0
    for count, (seq, body, hashed) in enumerate(rows, start=1):
        if seq != count - 1 or leaf_hash(body.encode()) != hashed:
            return count - 1
    return count


def _newest_entry_time(connection: Connection, created_us: int) -> datetime:
    body = connection.execute(select(tables.leaf.c.body).order_by(tables.leaf.c.seq.desc()).limit(1)).scalar()
    at_us = created_us if body is None else orjson.loads(body)["t"]
    return instant(at_us)


def _check_prefix(source: Connection, copy: Copy) -> None:
    """Raise LedgerError where the copy's log is not the beginning of the store's log, which only grows."""
    if root_at(source, copy.size).hex() != copy.root:
        raise LedgerError("The copy differs from the store; `conversions audit verify` checks the store.")


def _check_no_secrets(target: Path, secrets: Iterable[bytes]) -> None:
    """Raise LedgerError where the copy contains a key: a copy may leave the machine, a key must not."""
    with target.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for secret in secrets:
            if any(content.find(form) >= 0 for form in (secret, secret.hex().encode(), secret.hex().upper().encode())):
                raise LedgerError("The store contains its own key, which is an error; no copy was made. Report this.")
