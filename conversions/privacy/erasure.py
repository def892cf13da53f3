"""The right to be forgotten (GDPR art. 17): in the store, its files and later exports; whom to tell (art. 19)."""

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
"""By recipient, as the platforms' means were in 2026-11."""


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """What a request for erasure did."""

    persons: int
    orders: int
    events: int
    tasks: int
    """Opened: recipients to be told."""
    wiped: bool
    """Whether every trace is gone from the store's files; if not, ``retention.purge`` tries again."""
    copies: list[str]
    """Other files beside the store, made by an upgrade or a restoration: they hold what they held."""


def erase(settings: Settings, clock: Clock, people: Iterable[Person], case: str) -> ErasureResult:
    """Erase these people, and withhold whatever they order next.

    Raises AnotherRun while a run is under way, SettingsError where the key is not the store's.
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
        suppression_journal.append(
            settings.journal_path, entries
        )  # first: a restored backup must not know more than we do
        done = [erasure.erase(ledger, subject, case) for subject in subjects]
        wiped = redaction.wipe(ledger)
        runs.record_tree_head(ledger)
    opened = sum(len(one.recipients) for one in done)
    return ErasureResult(
        persons=len(people),
        orders=sum(one.orders for one in done),
        events=sum(one.events for one in done),
        tasks=opened,
        wiped=wiped,
        copies=_copies(settings.store_path),
    )


def _copies(store: Path) -> list[str]:
    """The names of copies beside *store*."""
    own = {store.name + end for end in ("", "-wal", "-shm", ".lock")}
    return sorted(path.name for path in store.parent.glob(f"{store.name}*") if path.name not in own)


def open_notices(settings: Settings, clock: Clock) -> list[RecipientNotice]:
    """Every task, open and closed."""
    with open_read_only(settings, clock) as ledger:
        return recipient_notices.notices(ledger)


def close_notice(settings: Settings, clock: Clock, task: int, reason: str) -> None:
    """Close a task. Raises Usage where none of that number is open."""
    with exclusive_ledger(settings, clock) as ledger:
        recipient_notices.close(ledger, task, reason)
        runs.record_tree_head(ledger)


@contextmanager
def exclusive_ledger(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The store under its own key and the run lock, for whoever changes it and sends nothing."""
    pin = {"key": keys.check_value(settings.secret_key)}
    with open_ledger(settings, clock) as ledger:
        bindings.check(ledger, pin)
        bindings.record(ledger, pin)
        runs.acquire_epoch(ledger)
        suppression_journal.begin(settings.journal_path, ledger)
        yield ledger
