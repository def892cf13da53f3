"""Migrate a store to this program's schema: first a copy, then the migration in one transaction."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from conversions import __version__
from conversions.ledger import judgements, log, open_shared, require_store, runs, schema, store
from conversions.ledger.log import bound, head_file
from conversions.ledger.maintenance import backup
from conversions.ledger.schema import tables
from conversions.ledger.store import Clock, files, run_lock
from conversions.process.sqlite_files import keep_temporary_files
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class UpgradeResult:
    """Result of an upgrade."""

    before: str
    """Schema version, as in ``after``."""
    after: str
    backup: Path | None
    """Copy of the store before the upgrade; None if no upgrade was needed."""


def upgrade(settings: Settings, clock: Clock) -> UpgradeResult:
    """Migrate the store to this program's schema, under the run lock.

    Raises Usage where there is no store, LedgerError where it is newer than this program or older than its tail file,
    AnotherRun where a run is active.
    """
    path = settings.store_path
    require_store(settings, ": the first `conversions run` creates one with the newest schema")
    files.check_owner(path)
    keep_temporary_files(path.parent)
    head_file.check_writable(settings.tail_path)
    with run_lock.hold(settings, clock, wait=0):
        with store.open_unchecked(path) as connection:
            before = _check_upgradable(settings, connection)
            if before == schema.REVISION:
                return UpgradeResult(before, before, None)
            copy = path.with_name(f"{path.name}.schema-{before}-{clock():%Y%m%dT%H%M%SZ}")
            backup.write(connection, copy)
            connection.rollback()
            _migrate(connection, store.microseconds(clock()), before)
        with open_shared(settings, clock) as ledger:
            backup.verify(path)
            runs.record_tree_head(ledger)
    return UpgradeResult(before, schema.REVISION, copy)


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


def _migrate(connection: Connection, now_us: int, before: str) -> None:
    with store.translate_errors(), connection.begin():
        schema.migrate(connection)
        bound.bind_everything(connection)
        judgements.record_standing(connection, now_us)
        facts = {"from": before, "to": schema.REVISION, "version": __version__, "operator": runs.operator()}
        log.append(connection, "upgraded", now_us, facts)
