"""A copy takes the place of a store that is gone, another, or behind what is remembered of it."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, select

from conversions import keys
from conversions.errors import LedgerError, Usage
from conversions.ledger import checkpoints, log, open_read_only, open_shared, outbox, runs, schema, store
from conversions.ledger.log import head_file
from conversions.ledger.maintenance import backup
from conversions.ledger.maintenance.backup import Copy
from conversions.ledger.runs import bindings
from conversions.ledger.schema import tables
from conversions.ledger.staging import gaps
from conversions.ledger.store import Clock, Ledger, files, run_lock
from conversions.ledger.subjects import erasure, redaction, suppression_journal, suppressions
from conversions.ledger.subjects.suppression_journal import JournalEntry
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.process.durable import sync_path
from conversions.settings import Settings

BESIDE = ("", "-wal", "-shm")
"""The files of one store."""
REPLAYED = "replayed from the journal"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done."""

    copy: Copy
    remembered: int
    """Log entries that the tail file remembers; more than the copy's are lost, but for what left to the platforms."""
    replayed: int
    """Wishes of persons that the copy did not know."""
    aside: Path | None
    """Where the store is now that was there."""


def restore(settings: Settings, clock: Clock, file: Path, reason: str | None) -> Restored:
    """Put the copy *file* where the store belongs, brought up to date with what is known beside it.

    Raises Usage where nothing is to be restored, LedgerError where *file* is not a copy of what was there,
    SettingsError where the settings are not the store's, AnotherRun where one is under way.
    """
    path, draft = settings.store_path, settings.store_path.with_name(f"{settings.store_path.name}.{os.getpid()}.new")
    files.private_directory(path.parent)
    head_file.check_writable(settings.tail_path)
    with run_lock.hold(settings, clock, wait=0):
        _check_needed(settings, clock)
        remembered = head_file.last(settings.tail_path)
        try:
            copy = _taken(file, draft)
            head, replayed = _brought_up_to_date(settings, clock, draft, copy, reason)
            aside = _put_in_place(draft, path, f"{clock():%Y%m%dT%H%M%SZ}")
        finally:
            for end in BESIDE:
                draft.with_name(draft.name + end).unlink(missing_ok=True)
        checkpoints.set_aside(settings.checkpoints_path, copy.size)
        head_file.append(settings.tail_path, head)
        with open_shared(settings, clock) as ledger:
            checkpoints.keep(settings, ledger)
    return Restored(copy, remembered.size if remembered else copy.size, replayed, aside)


def _check_needed(settings: Settings, clock: Clock) -> None:
    """Raise Usage where a store is there that is whole, and the newest that is remembered."""
    if not settings.store_path.exists():
        return
    try:
        with open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger, ledger.transaction() as found:
            sound = found.exec_driver_sql("PRAGMA quick_check").scalar() == "ok"
    except LedgerError:
        return
    if sound:
        raise Usage(
            f"The store {settings.store_path} is whole and the newest that is remembered: there is nothing to restore. "
            "To go back on purpose, move it away first."
        )


def _taken(file: Path, draft: Path) -> Copy:
    """*file*, copied to *draft* and verified. Raises Usage where there is no such file."""
    if not file.is_file():
        raise Usage(f"There is no file {file}; name a copy that `conversions backup` made.")
    draft.unlink(missing_ok=True)
    try:
        with store.open_unchecked(file, "ro") as source:
            return replace(backup.write(source, draft), path=file)
    except LedgerError:
        raise LedgerError(f"{file} is not a whole copy of a store; take another one.") from None


def _brought_up_to_date(
    settings: Settings, clock: Clock, draft: Path, copy: Copy, reason: str | None
) -> tuple[head_file.TreeHead, int]:
    """What the copy cannot know: that it was put back, since when runs are missing, and what people asked for since."""
    with store.open_unchecked(draft) as connection:
        schema.check_not_newer(connection, draft)
        _check_ours(settings, connection, copy)
        connection.rollback()
        with connection.begin():
            schema.migrate(connection)
        ledger = Ledger(connection, clock, copy.store_id, settings.tail_path)
        bindings.check(ledger, {"key": keys.check_value(settings.secret_key)})
        runs.acquire_epoch(ledger)
        _record(ledger, settings, copy, reason)
        outbox.recover(ledger)
        replayed = [_replay(ledger, latest) for latest in _latest_entries(settings.journal_path)]
        if any(replayed):
            redaction.wipe(ledger)
        with ledger.transaction() as found:
            size, root = found.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
    at = clock().isoformat(timespec="seconds")
    return head_file.TreeHead(copy.store_id, size, root.hex(), at), sum(replayed)


def _check_ours(settings: Settings, connection: Connection, copy: Copy) -> None:
    """Raise where the copy is not an earlier state of the store that is remembered, or not of this sort."""
    rehearsal = connection.execute(select(tables.head.c.rehearsal)).scalar_one()
    store.check_sort(copy.path, was_rehearsal=bool(rehearsal), rehearsal=settings.rehearsal)
    remembered = list(head_file.newest_first(settings.tail_path))
    if remembered and remembered[0].store != copy.store_id:
        raise LedgerError(f"The copy is of another store than {settings.tail_path} remembers; take one of this store.")
    earlier = next((head for head in remembered if head.size <= copy.size), None)
    if earlier is not None and log.root_at(connection, earlier.size).hex() != earlier.root:
        raise LedgerError(f"The copy's log differs from what {settings.tail_path} remembers of it; take another one.")


def _record(ledger: Ledger, settings: Settings, copy: Copy, reason: str | None) -> None:
    """The first log entry after the copy's: from here on another story is told than the one that is lost."""
    remembered = head_file.last(settings.tail_path)
    facts = {
        "operator": runs.operator(),
        "reason": reason,
        "size": copy.size,
        "remembered_size": remembered.size if remembered else None,
        "remembered_root": remembered.root if remembered else None,
    }
    with ledger.transaction() as connection:
        gaps.mark_gap(connection, store.microseconds(copy.newest), ledger.now_us)
        log.append(connection, "restored", ledger.now_us, facts, epoch=ledger.epoch)


def _latest_entries(path: Path) -> list[JournalEntry]:
    """Of each person and kind only the last counts: what came before may be in the copy, or not."""
    return list({(entry.subject, entry.kind): entry for entry in suppression_journal.read(path)}.values())


def _replay(ledger: Ledger, latest: JournalEntry) -> bool:
    """Do again what a person asked for; False where the copy knows it."""
    if latest.change == "removed":
        return suppressions.remove(ledger, latest.person, REPLAYED, latest.kind)
    if latest.kind is not SuppressionKind.ERASURE:
        return suppressions.add(ledger, latest.person, REPLAYED, latest.kind, latest.case)
    known = any(
        one.kind is SuppressionKind.ERASURE and one.removed is None
        for one in suppressions.entries(ledger, latest.person)
    )
    erasure.erase(ledger, latest.person, latest.case or REPLAYED)
    return not known


def _put_in_place(draft: Path, path: Path, stamp: str) -> Path | None:
    """Each step leaves a store that is refused, and can be restored again, or the new one."""
    aside = path.with_name(f"{path.name}.replaced-{stamp}")
    there = path.exists()
    for end in BESIDE:
        old = path.with_name(path.name + end)
        if old.exists():
            old.rename(aside.with_name(aside.name + end))
    draft.rename(path)
    sync_path(path.parent)
    return aside if there else None
