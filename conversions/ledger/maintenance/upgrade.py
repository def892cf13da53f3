"""Bringing a store to this program's schema: a copy first, then all of it in one transaction, or nothing."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from conversions import __version__
from conversions.errors import Usage
from conversions.ledger import log, open_shared, runs, schema, store
from conversions.ledger.log import head_file
from conversions.ledger.maintenance import backup as copies
from conversions.ledger.schema import tables
from conversions.ledger.store import Clock, files, run_lock
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What was done."""

    before: str
    """Schema."""
    after: str
    backup: Path | None
    """The copy of how it was; None where nothing was to be done."""


def upgrade(settings: Settings, clock: Clock) -> Upgraded:
    """Bring the store to this program's schema, under the run lock.

    Raises Usage where there is no store, LedgerError where it is newer than this program or behind its tail file,
    AnotherRun where one is under way.
    """
    path = settings.store_path
    if not path.exists():
        store.refuse_lost(path, settings.tail_path)
        raise Usage("There is no store yet: the first `conversions run` makes one of the newest schema.")
    files.check_owner(path)
    head_file.check_writable(settings.tail_path)
    with run_lock.hold(settings, clock, wait=0):
        with store.open_unchecked(path) as connection:
            before = _checked(settings, connection)
            if before == schema.REVISION:
                return Upgraded(before, before, None)
            backup = path.with_name(f"{path.name}.schema-{before}-{clock():%Y%m%dT%H%M%SZ}")
            copies.write(connection, backup)
            connection.rollback()
            _migrate(connection, store.microseconds(clock()), before)
        with open_shared(settings, clock) as ledger:
            copies.verified(path)
            runs.remember(ledger)
    return Upgraded(before, schema.REVISION, backup)


def _checked(settings: Settings, connection: Connection) -> str:
    """The store's schema, if it may be upgraded: a store that is behind what is remembered is to be restored first."""
    path = settings.store_path
    schema.check_not_newer(connection, path)
    head = connection.execute(select(tables.head.c.store_id, tables.head.c.rehearsal)).one()
    store.check_sort(path, was_rehearsal=bool(head.rehearsal), rehearsal=settings.rehearsal)
    head_file.check(settings.tail_path, connection, head.store_id, path)
    before = schema.current(connection)
    connection.rollback()
    return before


def _migrate(connection: Connection, now_us: int, before: str) -> None:
    with store.translate_errors(), connection.begin():
        schema.migrate(connection)
        facts = {"from": before, "to": schema.REVISION, "version": __version__, "operator": runs.operator()}
        log.append(connection, "upgraded", now_us, facts)
