"""The store's file: created, opened, guarded. Explicit transactions, and everything synced before it counts."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, select
from sqlalchemy.pool import NullPool

from conversions.errors import LedgerError, SettingsError
from conversions.ledger import schema
from conversions.ledger.log import head_file
from conversions.ledger.log.merkle import EMPTY
from conversions.ledger.schema import tables
from conversions.ledger.store import files
from conversions.ledger.store.ledger import Clock, Ledger, microseconds, translate_errors

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # in WAL mode, NORMAL may forget a commit when power fails
    "foreign_keys=ON",
    "secure_delete=ON",  # deleting is not erasing without it
    "trusted_schema=OFF",
    "busy_timeout=10000",
    "cache_size=-32768",
    "wal_autocheckpoint=4000",
)


def create(path: Path, tail_path: Path, *, rehearsal: bool, at: datetime) -> None:
    """Make a new store of the newest schema: 0600 in a 0700 directory, and begin its tail file.

    Raises LedgerError where the tail file says that there already was one, SettingsError where it cannot be written.
    """
    refuse_lost(path, tail_path)
    files.private_directory(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    os.close(files.touch(draft))
    store_id = secrets.token_hex(16)
    try:
        _initialise(draft, store_id, rehearsal=rehearsal, at=at)
        _check_folded(draft, path)
        head_file.check_writable(tail_path)
        os.link(draft, path)  # whole or not at all, and never over another's
        head_file.append(tail_path, head_file.TreeHead(store_id, 0, EMPTY.hex(), at.isoformat(timespec="seconds")))
    except FileExistsError:
        return
    finally:
        for suffix in ("", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _check_folded(draft: Path, path: Path) -> None:
    """Raise LedgerError where pages stayed in the WAL: closing swallows a write that failed, and a link leaves it."""
    if draft.with_name(f"{draft.name}-wal").exists():
        raise LedgerError(f"The store {path} could not be made: the disk is full or fails. Mend it, then run again.")


def refuse_lost(path: Path, tail_path: Path) -> None:
    """Raise LedgerError where there is no store and the tail file says that there was one."""
    remembered = head_file.last(tail_path)
    if remembered is not None:
        raise LedgerError(
            f"The store {path} is gone, but {tail_path} remembers one with {remembered.size} log entries: starting "
            "anew would send everything again. Restore its newest copy with `conversions restore FILE`; or, to start "
            "anew on purpose, move that file and the checkpoint directory away."
        )


def _initialise(path: Path, store_id: str, *, rehearsal: bool, at: datetime) -> None:
    with open_unchecked(path) as connection, connection.begin():
        schema.migrate(connection)
        connection.execute(
            insert(tables.head).values(
                id=1,
                store_id=store_id,
                created_us=microseconds(at),
                rehearsal=int(rehearsal),
                epoch=0,
                tree_size=0,
                root=EMPTY,
            )
        )


@contextmanager
def connect(path: Path, tail_path: Path, clock: Clock, *, rehearsal: bool) -> Iterator[Ledger]:
    """Open an existing store for writing, after checking that it is ours, whole, and not behind its tail file."""
    files.check_owner(path)
    files.check_whole(path)
    head_file.check_writable(tail_path)
    with open_unchecked(path) as connection:
        store_id = _check_head(connection, path, rehearsal=rehearsal)
        head_file.check(tail_path, connection, store_id, path)
        connection.rollback()
        yield Ledger(connection, clock, store_id, tail_path)


@contextmanager
def connect_read_only(path: Path, tail_path: Path, clock: Clock, *, rehearsal: bool | None = None) -> Iterator[Ledger]:
    """Open an existing store so that nothing can be written to it; takes no lock. *rehearsal* None: of either sort."""
    files.check_owner(path)
    files.check_readable(path)
    files.check_whole(path)
    with open_unchecked(path, "ro") as connection:
        store_id = _check_head(connection, path, rehearsal=rehearsal)
        head_file.check(tail_path, connection, store_id, path)
        connection.rollback()
        yield Ledger(connection, clock, store_id, tail_path)


@contextmanager
def empty(clock: Clock) -> Iterator[Ledger]:
    """A store in memory, for a plan before the first run."""
    with _connection("file::memory:", read_only=False) as connection:
        tables.metadata.create_all(connection)
        connection.commit()
        yield Ledger(connection, clock, "", Path(os.devnull))


@contextmanager
def open_unchecked(path: Path, mode: Literal["rw", "ro"] = "rw") -> Iterator[Connection]:
    """An existing store, opened without a question: for what looks at it, copies it or brings it to another schema."""
    with _connection(_address(path, mode), read_only=mode == "ro") as connection:
        yield connection


@contextmanager
def _connection(address: str, *, read_only: bool) -> Iterator[Connection]:
    engine = _engine(address, read_only=read_only)
    try:
        with translate_errors(), engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def _address(path: Path, mode: str) -> str:
    return f"file:{quote(str(path))}?mode={mode}"


def _engine(address: str, *, read_only: bool) -> Engine:
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: object, _record: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]  # we say BEGIN ourselves
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in PRAGMAS:
            if not (read_only and pragma.startswith("journal_mode")):
                cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _check_head(connection: Connection, path: Path, *, rehearsal: bool | None) -> str:
    """The store's id, if this program can work on it."""
    schema.check(connection, path)
    head = connection.execute(select(tables.head)).one()
    check_sort(path, was_rehearsal=bool(head.rehearsal), rehearsal=rehearsal)
    return str(head.store_id)


def check_sort(path: Path, *, was_rehearsal: bool, rehearsal: bool | None) -> None:
    """Raise SettingsError where a rehearsal's store meets real endpoints, or a real one loopback."""
    if rehearsal is not None and was_rehearsal != rehearsal:
        was, now = ("a rehearsal", "real endpoints") if was_rehearsal else ("real", "loopback endpoints")
        raise SettingsError(
            f"The store {path} is {was} and the settings name {now}; a store stays what it was. "
            "Give the other its own store.url."
        )
