"""Create and open the store's SQLite file: explicit transactions, and every commit is synced to disk."""

import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, select, text
from sqlalchemy.pool import NullPool

from conversions.errors import LedgerError, SettingsError
from conversions.ledger import schema
from conversions.ledger.log import head_file
from conversions.ledger.log.merkle import EMPTY
from conversions.ledger.schema import tables
from conversions.ledger.schema.definitions import foreign_objects
from conversions.ledger.schema.views import CREATE_DELIVERY
from conversions.ledger.store import files
from conversions.ledger.store.ledger import Clock, Ledger, microseconds, translate_errors
from conversions.process.sqlite_files import keep_temporary_files

PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # in WAL mode, NORMAL may lose a commit in a power cut
    "foreign_keys=ON",
    "secure_delete=ON",  # without it, deleted data stay in the file
    "trusted_schema=OFF",
    "busy_timeout=10000",
    "cache_size=-32768",
    "wal_autocheckpoint=4000",
)


def create(path: Path, tail_path: Path, *, rehearsal: bool, at: datetime) -> None:
    """Create a store with the newest schema, 0600 in a 0700 directory, and its tail file.

    Raises LedgerError where the tail file records an earlier store, SettingsError where a file cannot be written.
    """
    refuse_lost(path, tail_path)
    files.private_directory(path.parent)
    keep_temporary_files(path.parent)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    os.close(files.create_file(draft))
    store_id = secrets.token_hex(16)
    try:
        _initialise(draft, store_id, rehearsal=rehearsal, at=at)
        _check_wal_merged(draft, path)
        head_file.check_writable(tail_path)
        os.link(draft, path)  # in one step, and never over an existing store
        head_file.append(tail_path, head_file.TreeHead(store_id, 0, EMPTY.hex(), at.isoformat(timespec="seconds")))
    except FileExistsError:
        return
    finally:
        for suffix in ("", "-wal", "-shm"):
            draft.with_name(draft.name + suffix).unlink(missing_ok=True)


def _check_wal_merged(draft: Path, path: Path) -> None:
    """Raise LedgerError where pages stay in the WAL: SQLite hides a failed write at close, and a link omits the WAL."""
    if draft.with_name(f"{draft.name}-wal").exists():
        raise LedgerError(f"The store {path} could not be created: the disk is full or fails. Repair it; run again.")


def refuse_lost(path: Path, tail_path: Path) -> None:
    """Raise LedgerError where there is no store and the tail file records one."""
    newest = head_file.last(tail_path)
    if newest is not None:
        raise LedgerError(
            f"The store {path} is gone, but {tail_path} records one with {newest.size} log entries: a new store "
            "would send everything again. Restore its newest copy with `conversions restore FILE`; or, to start anew "
            "on purpose, move that file and the checkpoint directory (store.checkpoints; by default beside it) away."
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
    """Open an existing store for writing; check its owner, its size, its schema and its tail file first."""
    files.check_owner(path)
    files.check_file_size(path)
    keep_temporary_files(path.parent)
    head_file.check_writable(tail_path)
    with open_unchecked(path) as connection:
        store_id = _check_head(connection, path, rehearsal=rehearsal)
        head_file.check_head_file(tail_path, connection, store_id, path)
        connection.rollback()
        yield Ledger(connection, clock, store_id, tail_path)


@contextmanager
def connect_read_only(path: Path, tail_path: Path, clock: Clock, *, rehearsal: bool | None = None) -> Iterator[Ledger]:
    """Open an existing store read-only, without a lock. *rehearsal* None accepts rehearsal stores and real ones."""
    files.check_owner(path)
    files.check_readable(path)
    files.check_file_size(path)
    keep_temporary_files(path.parent)
    with open_unchecked(path, "ro") as connection:
        store_id = _check_head(connection, path, rehearsal=rehearsal)
        head_file.check_head_file(tail_path, connection, store_id, path)
        connection.rollback()
        yield Ledger(connection, clock, store_id, tail_path)


@contextmanager
def empty(clock: Clock) -> Iterator[Ledger]:
    """An empty store in memory, for a plan before the first run."""
    with _temporary_directory() as home, _connection("file::memory:", read_only=False) as connection:
        keep_temporary_files(Path(home))
        tables.metadata.create_all(connection)
        connection.execute(text(CREATE_DELIVERY))
        connection.commit()
        yield Ledger(connection, clock, "", Path(os.devnull))


def _temporary_directory() -> TemporaryDirectory[str]:
    try:
        return TemporaryDirectory(prefix="conversions-")
    except OSError as error:
        raise LedgerError(
            f"Temporary files cannot be written ({error.strerror}). Make room in /tmp, or set TMPDIR to another folder."
        ) from None


@contextmanager
def open_unchecked(path: Path, mode: Literal["rw", "ro"] = "rw") -> Iterator[Connection]:
    """Open an existing store without any check, to verify, copy or migrate it."""
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
        connection.isolation_level = None  # type: ignore[attr-defined]  # _begin sends BEGIN
        cursor = connection.cursor()  # type: ignore[attr-defined]
        for pragma in PRAGMAS:
            if not (read_only and pragma.startswith("journal_mode")):
                cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes_store = not read_only and connection.get_execution_options().get("writes_store", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes_store else "BEGIN")

    return engine


def _check_head(connection: Connection, path: Path, *, rehearsal: bool | None) -> str:
    """Check the schema and the kind of store; return the store's id."""
    schema.check_version(connection, path)
    head = connection.execute(select(tables.head)).one()
    check_rehearsal(path, was_rehearsal=bool(head.rehearsal), rehearsal=rehearsal)
    if rehearsal is not None:
        _check_objects(connection, path)
    return str(head.store_id)


def _check_objects(connection: Connection, path: Path) -> None:
    """Raise LedgerError where a trigger or an unknown object is in the store: it may change what a run reads."""
    if unknown := foreign_objects(connection):
        raise LedgerError(
            f"The store {path} has the {unknown[0]}, which this program did not create; it may change what is sent, so "
            "nothing was done. `conversions audit verify` lists all. Remove it, or put the newest copy back with "
            "`conversions restore FILE`."
        )


def check_rehearsal(path: Path, *, was_rehearsal: bool, rehearsal: bool | None) -> None:
    """Raise SettingsError where a rehearsal store meets real endpoints, or a real store loopback endpoints."""
    if rehearsal is not None and was_rehearsal != rehearsal:
        was, now = ("a rehearsal", "real endpoints") if was_rehearsal else ("real", "loopback endpoints")
        raise SettingsError(
            f"The store {path} is {was} and the settings name {now}; a store is for one kind only. "
            "Give the other kind its own store.url."
        )
