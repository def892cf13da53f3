"""The right to erasure (GDPR art. 17) in the store and its files, and the recipient notices (art. 19)."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from conversions import keys
from conversions.errors import Usage
from conversions.ledger import Clock, Ledger, open_ledger, open_read_only, outbox, runs
from conversions.ledger.runs import bindings
from conversions.ledger.subjects import (
    erasure,
    recipient_notices,
    rectification,
    suppression_journal,
    suppressions,
)
from conversions.ledger.subjects.recipient_notices import RecipientNotice
from conversions.ledger.subjects.scrub import scrub
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.subject import Person
from conversions.settings import Settings

_ERASE = {
    "Google Ireland Limited": (
        "Upload a retraction for these transaction IDs (Google Ads, Conversions, Uploads): it takes the sales back; for"
        " the identifiers ask Google's data protection contact in writing."
    ),
    "Meta Platforms Ireland Limited": (
        "Write to Meta's data protection contact with these event IDs and the dataset's number: the API deletes no"
        " single event."
    ),
}
"""How to notify each recipient of an erasure; state of the platforms in 2026-11."""
_RECTIFY = {
    "Google Ireland Limited": (
        "Upload a retraction for these transaction IDs (Google Ads, Conversions, Uploads), and tell Google's data"
        " protection contact in writing that their identifier was of another person."
    ),
    "Meta Platforms Ireland Limited": (
        "Tell Meta's data protection contact in writing, with these event IDs and the dataset's number, that their"
        " identifier was of another person: the API corrects no event."
    ),
}
"""How to notify each recipient of a rectification."""
WITHOUT_IDS = (
    "Where a task lists no order, retention has purged the IDs, so the recipient can only search by the person's"
    " address: ask the person whether you may name it."
)


def how_to_notify(what: str, recipient: str) -> str:
    """How to notify *recipient* of an erasure (*what* is ``erase``) or a rectification (``rectify``)."""
    instructions = _RECTIFY if what == rectification.NOTICE else _ERASE
    return instructions.get(recipient, "Write to its data protection contact.")


@dataclass(frozen=True, slots=True)
class ErasureResult:
    """Counts and state after an erasure."""

    persons: int
    orders: int
    events: int
    tasks: int
    """Recipient notices that were opened."""
    wiped: bool
    """Whether no trace is left in the store's files; if not, every run, every erasure and
    ``retention.purge`` tries again."""
    copies: list[str]
    """Copies beside the store, made by an upgrade or a restore; the erasure does not change them."""


def erase(settings: Settings, clock: Clock, people: Iterable[Person], case: str) -> ErasureResult:
    """Erase these people, and withhold their future orders.

    Raises AnotherRun during a run, SettingsError where the key is not the store's key, and Usage, before it changes
    anything, where one of them asked for restriction: what is restricted may only be stored.
    """
    with exclusive_ledger(settings, clock) as ledger:
        people = list(dict.fromkeys(people))
        _check_not_restricted(ledger, people)
        outbox.recover(ledger)
        now = ledger.clock()
        # The journal comes first, so that the erasure also survives the restore of an older backup.
        suppression_journal.append(
            settings.journal_path,
            [suppression_journal.entry(now, "added", SuppressionKind.ERASURE, person, case) for person in people],
        )
        erasures = [erasure.erase_person(ledger, person, case) for person in people]
        wiped = scrub(ledger, [erased.traces for erased in erasures if erased.traces])
        runs.record_tree_head(ledger)
    return ErasureResult(
        persons=len(people),
        orders=sum(erased.orders for erased in erasures),
        events=sum(erased.events for erased in erasures),
        tasks=sum(len(erased.recipients) for erased in erasures),
        wiped=wiped,
        copies=_copies(settings.store_path),
    )


def _check_not_restricted(ledger: Ledger, people: Iterable[Person]) -> None:
    with ledger.transaction() as connection:
        restricted = set(suppressions.restricted(connection))
    count = sum(not restricted.isdisjoint(person) for person in people)
    if count:
        raise Usage(
            f"Nothing was erased: {count} of these persons asked that their data are only stored (GDPR article 18). If"
            " they ask for erasure now, lift the restriction first: `conversions privacy restrict --remove --reason"
            " TEXT`."
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
