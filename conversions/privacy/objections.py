"""The suppression list: add, remove and list its entries. A change applies from the next attempt on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conversions import keys
from conversions.ledger import Clock, Ledger, open_read_only, open_shared
from conversions.ledger.runs import bindings
from conversions.ledger.subjects import suppression_journal, suppressions
from conversions.ledger.subjects.suppressions import Suppression, SuppressionKind
from conversions.model.subject import Person
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class ListChange:
    """How many persons a change concerned."""

    changed: int
    as_before: int
    """Persons who were already on the list (add) or not on it (remove)."""


@dataclass(frozen=True, slots=True)
class ListEntry:
    """What an entry of the list says, but for the person."""

    kind: SuppressionKind
    reason: str | None = None
    case: str | None = None


def add(settings: Settings, clock: Clock, people: Iterable[Person], entry: ListEntry) -> ListChange:
    """Withhold the orders of these people everywhere. Raises SettingsError where the key is not the store's key.

    The journal is written first, so that after a crash the orders are withheld. People already on the list are written
    to it again, so that repeating the command completes it.
    """
    people = list(people)
    with shared_ledger(settings, clock) as ledger:
        suppression_journal.append(
            settings.journal_path,
            [suppression_journal.entry(clock(), "added", entry.kind, person, entry.case) for person in people],
        )
        return _apply(people, lambda person: suppressions.add(ledger, person, entry.reason, entry.kind, entry.case))


def remove(
    settings: Settings, clock: Clock, people: Iterable[Person], kind: SuppressionKind, reason: str
) -> ListChange:
    """Allow sending the orders of these people again, at their request; *reason* says how they made it.

    The journal is written last, so that after a crash the orders are still withheld.
    """
    people = list(people)
    with shared_ledger(settings, clock) as ledger:
        change = _apply(people, lambda person: suppressions.remove(ledger, person, reason, kind))
        lines = [suppression_journal.entry(clock(), "removed", kind, person, None) for person in people]
        suppression_journal.append(settings.journal_path, lines)
        return change


def list_entries(settings: Settings, clock: Clock) -> list[Suppression]:
    """Every entry, also removed ones, one for each person, without the person."""
    with open_read_only(settings, clock) as ledger:
        return suppressions.entries(ledger)


@contextmanager
def shared_ledger(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """Open the store; its key must match, because another key gives a person another subject."""
    binding = {"key": keys.check_value(settings.secret_key)}
    with open_shared(settings, clock) as ledger:
        bindings.check_bindings(ledger, binding)
        bindings.record_bindings(ledger, binding)
        suppression_journal.create_journal(settings.journal_path, ledger)
        yield ledger


def _apply(people: Iterable[Person], change: Callable[[Person], bool]) -> ListChange:
    changed = [change(person) for person in people]
    return ListChange(changed=sum(changed), as_before=len(changed) - sum(changed))
