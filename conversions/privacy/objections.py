"""Who may not be sent any more: entered, taken back, listed. It binds from the next attempt on."""

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
    """What a request did to the list, in persons."""

    changed: int
    as_before: int
    """Already entered, or not on the list."""


def add(
    settings: Settings,
    clock: Clock,
    people: Iterable[Person],
    kind: SuppressionKind,
    reason: str | None,
    case: str | None = None,
) -> ListChange:
    """Withhold the orders of these people everywhere. Raises SettingsError where the key is not the store's.

    The journal knows first: cut short, it errs towards not sending; and who is on the list already is written there
    once more, so that giving the command again mends it.
    """
    people = list(people)
    with list_entries(settings, clock) as ledger:
        suppression_journal.append(
            settings.journal_path,
            (_line(clock, "added", kind, subject, case) for person in people for subject in person),
        )
        return _change(people, lambda subject: suppressions.add(ledger, subject, reason, kind, case))


def remove(
    settings: Settings, clock: Clock, people: Iterable[Person], kind: SuppressionKind, reason: str
) -> ListChange:
    """Send the orders of these people again, at their own wish; *reason* says how it was expressed.

    The journal knows last: cut short, it errs towards not sending.
    """
    people = list(people)
    with list_entries(settings, clock) as ledger:
        change = _change(people, lambda subject: suppressions.remove(ledger, subject, reason, kind))
        suppression_journal.append(
            settings.journal_path, (_line(clock, "removed", kind, subject) for person in people for subject in person)
        )
        return change


def entries(settings: Settings, clock: Clock) -> list[Suppression]:
    """Every entry ever made, without the person."""
    with open_read_only(settings, clock) as ledger:
        return suppressions.entries(ledger)


@contextmanager
def list_entries(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The store, under its own key: a subject made with another would never be found."""
    pin = {"key": keys.check_value(settings.secret_key)}
    with open_shared(settings, clock) as ledger:
        bindings.check(ledger, pin)
        bindings.record(ledger, pin)
        suppression_journal.begin(settings.journal_path, ledger)
        yield ledger


def _line(
    clock: Clock,
    change: suppression_journal.JournalAction,
    kind: SuppressionKind,
    subject: bytes,
    case: str | None = None,
) -> suppression_journal.JournalEntry:
    return suppression_journal.JournalEntry(clock(), change, kind, subject.hex(), case)


def _change(people: Iterable[Person], change: Callable[[bytes], bool]) -> ListChange:
    done = [sum(map(change, person)) > 0 for person in people]
    return ListChange(changed=sum(done), as_before=len(done) - sum(done))
