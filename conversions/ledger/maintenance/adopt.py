"""What stops a log from going on is said to be right: a store in the place of another, an entry of a false time."""

from datetime import datetime

from sqlalchemy import select

from conversions.ledger import checkpoints, log, open_shared, runs, schema, store
from conversions.ledger.log import head_file
from conversions.ledger.maintenance import backup
from conversions.ledger.schema import tables
from conversions.ledger.staging import gaps
from conversions.ledger.store import Clock, Ledger, files
from conversions.settings import Settings


def adopt_store(settings: Settings, clock: Clock, reason: str) -> None:
    """Record it, for a *reason*, and let tail file and checkpoints begin anew; the caller holds the run lock.

    What they remembered stays where an auditor finds it. Raises LedgerError where the store itself is not whole.
    """
    files.check_owner(settings.store_path)
    found = backup.verified(settings.store_path)
    remembered = head_file.last(settings.tail_path)
    with store.open_unchecked(settings.store_path) as connection:
        schema.check(connection, settings.store_path)
        connection.rollback()
        ledger = Ledger(connection, clock, found.store_id, settings.tail_path)
        runs.acquire_epoch(ledger)
        with ledger.transaction() as writing:
            gaps.mark_gap(writing, store.microseconds(found.newest), ledger.now_us)
            facts = {
                "operator": runs.operator(),
                "reason": reason,
                "size": found.size,
                "remembered_size": remembered.size if remembered else None,
                "remembered_root": remembered.root if remembered else None,
                "remembered_store": remembered.store if remembered else None,
            }
            log.append(writing, "restored", ledger.now_us, facts, epoch=ledger.epoch)
        with ledger.transaction() as reading:
            size, root = reading.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
    checkpoints.set_aside(settings.checkpoints_path, found.size if _same(remembered, found.store_id) else 0)
    head_file.append(
        settings.tail_path, head_file.TreeHead(found.store_id, size, root.hex(), clock().isoformat(timespec="seconds"))
    )
    with open_shared(settings, clock) as ledger:
        checkpoints.keep(settings, ledger)


def adopt_clock(ledger: Ledger, reason: str) -> datetime | None:
    """Record that the newest entry is of a false time, for a *reason*, and which; None where it is not to come yet."""
    with ledger.transaction() as connection:
        if written := runs.future_entry(connection, ledger.clock()):
            facts = {"operator": runs.operator(), "reason": reason, "newest": store.microseconds(written)}
            log.append(connection, "clock adopted", ledger.now_us, facts, epoch=ledger.epoch)
    return written


def _same(remembered: head_file.TreeHead | None, store_id: str) -> bool:
    return remembered is None or remembered.store == store_id
