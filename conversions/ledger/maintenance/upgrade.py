"""Migrate a store to this program's schema: first a copy, then the migration in one transaction, then a new file."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from conversions.ledger import judgements, log, open_shared, require_store, runs, schema, store
from conversions.ledger.log import head_file
from conversions.ledger.maintenance import backup, migration, schema_copies
from conversions.ledger.schema import tables
from conversions.ledger.store import Clock, Ledger, files, run_lock
from conversions.ledger.subjects.scrub import remove_remnants
from conversions.observe.progress import SILENT, Progress
from conversions.process.sqlite_files import keep_temporary_files
from conversions.settings import Settings

BYTES_PER_SECOND = 50_000_000
"""Of a store that is copied and verified, or rewritten: about, to say how long it takes."""


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """Result of an upgrade."""

    before: str
    """Schema version, as in ``after``."""
    after: str
    backup: Path | None
    """Copy of the store before the upgrade; None if no upgrade was needed."""
    wiped: bool = True
    """Whether the old tables are gone from the store's files; if not, the next upgrade tries again."""


def upgrade(settings: Settings, clock: Clock, progress: Progress = SILENT) -> UpgradeResult:
    """Migrate the store to this program's schema, under the run lock. It can be started again after any interruption.

    Raises Usage where there is no store, LedgerError where it is newer than this program or older than its tail file,
    or where control totals would change, AnotherRun where a run is active.
    """
    path = settings.store_path
    require_store(settings, ": the first `conversions run` creates one with the newest schema")
    files.check_owner(path)
    keep_temporary_files(path.parent)
    head_file.check_writable(settings.tail_path)
    with run_lock.hold(settings, clock, wait=0):
        with store.open_unchecked(path) as connection:
            before = _check_upgradable(settings, connection)
            copy = None
            if before != schema.REVISION:
                copy = _copy(connection, path, before, clock, progress)
                _migrate(connection, store.microseconds(clock()), progress)
        with open_shared(settings, clock) as ledger:
            wiped = _wipe(ledger, path, progress)
            if copy is not None:
                backup.verify(path)
            runs.record_tree_head(ledger)
    return UpgradeResult(before, schema.REVISION, copy, wiped)


def _check_upgradable(settings: Settings, connection: Connection) -> str:
    """Return the store's schema. Raises where the store cannot be upgraded, or must be restored first."""
    path = settings.store_path
    schema.check_not_newer(connection, path)
    head = connection.execute(select(tables.head.c.store_id, tables.head.c.rehearsal)).one()
    store.check_rehearsal(path, was_rehearsal=bool(head.rehearsal), rehearsal=settings.rehearsal)
    head_file.check_head_file(settings.tail_path, connection, head.store_id, path)
    before = schema.current(connection)
    connection.rollback()
    return before


def _copy(connection: Connection, path: Path, before: str, clock: Clock, progress: Progress) -> Path:
    """Write a copy of the store, in the place of those that interrupted upgrades have left."""
    schema_copies.delete_interrupted(path, before)
    copy = schema_copies.new_path(path, before, clock())
    with progress.wait("copying the store", path.stat().st_size / BYTES_PER_SECOND):
        backup.write(connection, copy)
    connection.rollback()
    return copy


def _migrate(connection: Connection, now_us: int, progress: Progress) -> None:
    with store.translate_errors(), connection.begin():
        facts = migration.migrate(connection, progress)
        migration.bind_rows(connection, facts)
        log.append(connection, "upgraded", now_us, facts)
        judgements.record_standing(connection, now_us)


def _wipe(ledger: Ledger, path: Path, progress: Progress) -> bool:
    """Rewrite the file, because the pages of the old tables may hold personal data."""
    with progress.wait("rewriting the store", path.stat().st_size / BYTES_PER_SECOND):
        return remove_remnants(ledger)
