"""Restore a copy in the place of a store that is missing, damaged, another one, or too old."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from conversions import keys
from conversions.errors import LedgerError, Usage
from conversions.ledger import checkpoints, judgements, log, open_read_only, open_shared, outbox, runs, schema, store
from conversions.ledger.log import head_file
from conversions.ledger.maintenance import backup, migration
from conversions.ledger.maintenance.backup import Copy
from conversions.ledger.runs import bindings, bound_check
from conversions.ledger.schema import tables
from conversions.ledger.staging import gaps
from conversions.ledger.store import Clock, Ledger, files, run_lock
from conversions.ledger.subjects import erasure, suppression_journal, suppressions
from conversions.ledger.subjects.scrub import scrub
from conversions.ledger.subjects.suppression_journal import JournalEntry
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.observe.progress import SILENT
from conversions.process.durable import sync_path
from conversions.process.sqlite_files import keep_temporary_files
from conversions.settings import Settings

STORE_FILE_SUFFIXES = ("", "-wal", "-shm")
"""File name endings of the files of one store."""
REPLAY_REASON = "restored"
"""A code; ``catalogue`` has the words for people."""


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """Result of a restore."""

    copy: Copy
    remembered: int
    """Log entries in the tail file; those beyond the copy are lost, but the platforms keep what was sent."""
    replayed: int
    """Journal entries (objections, withdrawals, erasures) that were not in the copy."""
    aside: Path | None
    """New path of the replaced store; None if there was none."""


def restore(settings: Settings, clock: Clock, file: Path, reason: str | None) -> RestoreResult:
    """Put the copy *file* in the place of the store and apply the suppression journal to it.

    Raises Usage where no restore is needed, LedgerError where *file* is not a copy of this store, SettingsError where
    the settings do not fit the store, AnotherRun where a run is active.
    """
    path, draft = settings.store_path, settings.store_path.with_name(f"{settings.store_path.name}.{os.getpid()}.new")
    if not file.is_file():
        raise Usage(f"There is no file {file}; name a copy that `conversions backup` made.")
    with files.store_directory(path), run_lock.hold(settings, clock, wait=0):
        keep_temporary_files(path.parent)
        head_file.check_writable(settings.tail_path)
        _check_needed(settings, clock)
        former = head_file.last(settings.tail_path)
        try:
            copy = _copy_to_draft(file, draft)
            head, replayed = _bring_up_to_date(settings, clock, draft, copy, reason)
            aside = _put_in_place(draft, path, f"{clock():%Y%m%dT%H%M%SZ}")
        finally:
            for suffix in STORE_FILE_SUFFIXES:
                draft.with_name(draft.name + suffix).unlink(missing_ok=True)
        checkpoints.set_aside(settings.checkpoints_path, copy.size)
        head_file.append(settings.tail_path, head)
        with open_shared(settings, clock) as ledger:
            checkpoints.write(settings, ledger)
    return RestoreResult(copy, former.size if former else copy.size, replayed, aside)


def _check_needed(settings: Settings, clock: Clock) -> None:
    """Raise Usage where the present store is whole and not older than its tail file."""
    if not settings.store_path.exists():
        return
    try:
        with open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger, ledger.transaction() as reading:
            sound = store.is_readable(reading) and not bound_check.differing(reading)
    except LedgerError:
        return
    if sound:
        raise Usage(
            f"The store {settings.store_path} is whole and not older than its tail file: there is nothing to restore. "
            "To go back on purpose, move it away first."
        )


def _copy_to_draft(file: Path, draft: Path) -> Copy:
    """Copy *file* to *draft* and verify it. Raises LedgerError where it is not whole."""
    draft.unlink(missing_ok=True)
    try:
        with store.open_unchecked(file, "ro") as source:
            return replace(backup.write(source, draft), path=file)
    except LedgerError:
        raise LedgerError(f"{file} is not a whole copy of a store; take another one.") from None


def _bring_up_to_date(
    settings: Settings, clock: Clock, draft: Path, copy: Copy, reason: str | None
) -> tuple[head_file.TreeHead, int]:
    """Migrate the copy, log the restore, mark lost runs, replay the journal; return tree head and replayed entries."""
    with store.open_unchecked(draft) as connection:
        schema.check_not_newer(connection, draft)
        _check_ours(settings, connection, copy)
        connection.rollback()
        with connection.begin():
            older = schema.current(connection) != schema.REVISION
            upgraded = migration.migrate(connection, SILENT) if older else None
        ledger = Ledger(connection, clock, copy.store_id, settings.tail_path)
        bindings.check_bindings(ledger, {"key": keys.check_value(settings.secret_key)})
        runs.acquire_epoch(ledger)
        _record(ledger, settings, copy, reason, upgraded)
        outbox.recover(ledger)
        replayed = [_replay(ledger, latest) for latest in _latest_entries(settings.journal_path)]
        if upgraded or any(replayed):
            scrub(ledger)
        with ledger.transaction() as reading:
            size, root = reading.execute(select(tables.head.c.tree_size, tables.head.c.root)).one()
    at = clock().isoformat(timespec="seconds")
    return head_file.TreeHead(copy.store_id, size, root.hex(), at), sum(replayed)


def _check_ours(settings: Settings, connection: Connection, copy: Copy) -> None:
    """Raise LedgerError where the copy is not an earlier state of this store, SettingsError where its kind differs."""
    rehearsal = connection.execute(select(tables.head.c.rehearsal)).scalar_one()
    store.check_rehearsal(copy.path, was_rehearsal=bool(rehearsal), rehearsal=settings.rehearsal)
    heads = list(head_file.newest_first(settings.tail_path))
    if heads and heads[0].store != copy.store_id:
        raise LedgerError(f"The copy is of another store than {settings.tail_path} belongs to; take one of this store.")
    earlier = next((head for head in heads if head.size <= copy.size), None)
    if earlier is not None and log.root_at(connection, earlier.size).hex() != earlier.root:
        raise LedgerError(f"The copy's log differs from the tree head in {settings.tail_path}; take another one.")


def _record(
    ledger: Ledger, settings: Settings, copy: Copy, reason: str | None, upgraded: dict[str, Any] | None
) -> None:
    """Append the log entry "restored": the log continues from the copy, and entries after the copy are lost.

    It names the former origin, size and root; the log has a new origin from here on.

    The entry of an upgrade comes next, because "restored" says which sizes of the log are lost. "restored" also binds
    the rows of a copy whose schema did not bind them.
    """
    former = head_file.last(settings.tail_path)
    facts = {
        "operator": runs.operator(),
        "reason": reason,
        "size": copy.size,
        "remembered_size": former.size if former else None,
        "remembered_root": former.root if former else None,
        checkpoints.FORMER_ORIGIN: checkpoints.newest_origin(settings.checkpoints_path),
    }
    with ledger.transaction() as connection:
        if upgraded:
            migration.bind_rows(connection, upgraded)
        gaps.mark_gap(connection, store.microseconds(copy.newest), ledger.now_us)
        log.append(connection, "restored", ledger.now_us, facts, epoch=ledger.epoch)
        if upgraded:
            log.append(connection, "upgraded", ledger.now_us, upgraded, epoch=ledger.epoch)
            judgements.record_standing(connection, ledger.now_us)


def _latest_entries(path: Path) -> list[JournalEntry]:
    """The last journal entry of each person and kind, oldest first: earlier ones no longer apply."""
    entries = suppression_journal.read_entries(path)
    latest = {(subject, entry.kind): at for at, entry in enumerate(entries) for subject in entry.person}
    return [entries[at] for at in sorted(set(latest.values()))]


def _replay(ledger: Ledger, latest: JournalEntry) -> bool:
    """Apply a journal entry to the copy; False where the copy has it already."""
    if latest.change == "removed":
        return suppressions.remove(ledger, latest.person, REPLAY_REASON, latest.kind)
    if latest.kind is not SuppressionKind.ERASURE:
        return suppressions.add(ledger, latest.person, REPLAY_REASON, latest.kind, latest.case)
    known = any(
        entry.kind is SuppressionKind.ERASURE and entry.removed is None
        for entry in suppressions.entries(ledger, latest.person)
    )
    erasure.erase_person(ledger, latest.person, latest.case or REPLAY_REASON)
    return not known


def _put_in_place(draft: Path, path: Path, stamp: str) -> Path | None:
    """Replace the store; a crash between two steps leaves a store that is refused and can be restored again."""
    aside = path.with_name(f"{path.name}.replaced-{stamp}")
    existed = path.exists()
    for suffix in STORE_FILE_SUFFIXES:
        old = path.with_name(path.name + suffix)
        if old.exists():
            old.rename(aside.with_name(aside.name + suffix))
    draft.rename(path)
    sync_path(path.parent)
    return aside if existed else None
