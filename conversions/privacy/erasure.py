"""The right to erasure (GDPR art. 17) in the store and its files, and the recipient notices (art. 19)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conversions import keys
from conversions.ledger import Clock, Ledger, open_ledger, open_read_only, outbox, runs
from conversions.ledger.runs import bindings
from conversions.ledger.subjects import erasure, recipient_notices, redaction, suppression_journal
from conversions.ledger.subjects.recipient_notices import RecipientNotice
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.subject import Person
from conversions.settings import Settings

RECIPIENT_INSTRUCTIONS = {
    "Google Ireland Limited": (
        "Upload a retraction for these transaction IDs (Google Ads, Conversions, Uploads): it takes the sales back; for"
        " the identifiers ask Google's data protection contact in writing."
    ),
    "Meta Platforms Ireland Limited": (
        "Write to Meta's data protection contact with these event IDs and the dataset's number: the API deletes no"
        " single event."
    ),
}
"""How to notify each recipient; state of the platforms in 2026-11."""


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """Counts and state after an erasure."""

    persons: int
    orders: int
    events: int
    tasks: int
    """Recipient notices that were opened."""
    wiped: bool
    """Whether no trace is left in the store's files; if not, ``retention.purge`` tries again."""
    copies: list[str]
    """Copies beside the store, made by an upgrade or a restore; the erasure does not change them."""


def erase(settings: Settings, clock: Clock, people: Iterable[Person], case: str) -> ErasureResult:
    """Erase these people, and withhold their future orders.

    Raises AnotherRun during a run, and SettingsError where the key is not the store's key.
    """
    with exclusive_ledger(settings, clock) as ledger:
        outbox.recover(ledger)
        people = list(dict.fromkeys(people))
        subjects = [subject for person in people for subject in person]
        now = ledger.clock()
        entries = [
            suppression_journal.JournalEntry(now, "added", SuppressionKind.ERASURE, subject.hex(), case)
            for subject in subjects
        ]
        # The journal comes first, so that the erasure also survives the restore of an older backup.
        suppression_journal.append(settings.journal_path, entries)
        erasures = [erasure.erase_subject(ledger, subject, case) for subject in subjects]
        wiped = redaction.wipe(ledger)
        runs.record_tree_head(ledger)
    return ErasureResult(
        persons=len(people),
        orders=sum(erased.orders for erased in erasures),
        events=sum(erased.events for erased in erasures),
        tasks=sum(len(erased.recipients) for erased in erasures),
        wiped=wiped,
        copies=_copies(settings.store_path),
    )


def _copies(store: Path) -> list[str]:
    """Names of the copies beside *store*."""
    own = {store.name + suffix for suffix in ("", "-wal", "-shm", ".lock")}
    return sorted(path.name for path in store.parent.glob(f"{store.name}*") if path.name not in own)


def open_notices(settings: Settings, clock: Clock) -> list[RecipientNotice]:
    """Every recipient notice, open and closed."""
    with open_read_only(settings, clock) as ledger:
        return recipient_notices.notices(ledger)


def close_notice(settings: Settings, clock: Clock, task: int, reason: str) -> None:
    """Close a recipient notice. Raises Usage where no open notice has that number."""
    with exclusive_ledger(settings, clock) as ledger:
        recipient_notices.close(ledger, task, reason)
        runs.record_tree_head(ledger)


@contextmanager
def exclusive_ledger(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """Open the store under the run lock, for commands that change it and send nothing; its key must match."""
    binding = {"key": keys.check_value(settings.secret_key)}
    with open_ledger(settings, clock) as ledger:
        bindings.check_bindings(ledger, binding)
        bindings.record_bindings(ledger, binding)
        runs.acquire_epoch(ledger)
        suppression_journal.create_journal(settings.journal_path, ledger)
        yield ledger
