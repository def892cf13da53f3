"""Accept a replaced store, or a log entry dated in the future, so that runs can continue."""

from datetime import datetime

from sqlalchemy import select

from conversions.ledger import checkpoints, log, open_shared, runs, schema, store
from conversions.ledger.log import bound, head_file
from conversions.ledger.maintenance import backup
from conversions.ledger.runs import bound_check
from conversions.ledger.schema import tables
from conversions.ledger.staging import gaps
from conversions.ledger.store import Clock, Ledger, files
from conversions.process.sqlite_files import keep_temporary_files
from conversions.settings import Settings


def adopt_store(settings: Settings, clock: Clock, reason: str) -> None:
    """Accept the present store; tail file and checkpoints continue from it. The caller holds the run lock.

    The log records *reason* and the former tree head. Raises LedgerError where the store is damaged.
    """
    files.check_owner(settings.store_path)
    keep_temporary_files(settings.store_path.parent)
    copy = backup.verify(settings.store_path)
    former = head_file.last(settings.tail_path)
    with store.open_unchecked(settings.store_path) as connection:
        schema.check_version(connection, settings.store_path)
        connection.rollback()
        ledger = Ledger(connection, clock, copy.store_id, settings.tail_path)
        runs.acquire_epoch(ledger)
        with ledger.transaction() as writing:
            gaps.mark_gap(writing, store.microseconds(copy.newest), ledger.now_us)
            altered = bound_check.differing(writing)
            bound.bind_everything(writing)
            facts = {
                "operator": runs.operator(),
                "reason": reason,
                "size": copy.size,
                "remembered_size": former.size if former else None,
                "remembered_root": former.root if former else None,
                "remembered_store": former.store if former else None,
                checkpoints.FORMER_ORIGIN: checkpoints.newest_origin(settings.checkpoints_path),
                "altered": altered,
            }
            log.append(writing, "restored", ledger.now_us, facts, epoch=ledger.epoch)
        with ledger.transaction() as reading:
            size, root = reading.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
    checkpoints.set_aside(settings.checkpoints_path, copy.size if _is_same_store(former, copy.store_id) else 0)
    head_file.append(
        settings.tail_path, head_file.TreeHead(copy.store_id, size, root.hex(), clock().isoformat(timespec="seconds"))
    )
    with open_shared(settings, clock) as ledger:
        checkpoints.write(settings, ledger)


def adopt_clock(ledger: Ledger, reason: str) -> datetime | None:
    """Accept a newest log entry that is dated in the future; return its time, or None if there is no such entry."""
    with ledger.transaction() as connection:
        if written := runs.future_entry(connection, ledger.clock()):
            facts = {"operator": runs.operator(), "reason": reason, "newest": store.microseconds(written)}
            log.append(connection, "clock adopted", ledger.now_us, facts, epoch=ledger.epoch)
    return written


def _is_same_store(former: head_file.TreeHead | None, store_id: str) -> bool:
    return former is None or former.store == store_id
