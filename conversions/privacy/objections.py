"""Who may not be sent any more: entered, taken back, listed. It binds from the next attempt on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conversions import keys
from conversions.ledger import Clock, Ledger, open_read_only, open_shared
from conversions.ledger.runs import bindings
from conversions.ledger.subjects import suppression_journal, suppressions
from conversions.ledger.subjects.suppressions import Kind, Objection
from conversions.model.subject import Person
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """What a request did to the list, in persons."""

    changed: int
    as_before: int
    """Already entered, or not on the list."""


def enter(
    settings: Settings, clock: Clock, people: Iterable[Person], kind: Kind, reason: str | None, case: str | None = None
) -> Change:
    """Withhold the orders of these people everywhere. Raises SettingsError where the key is not the store's.

    The journal knows first: cut short, it errs towards not sending; and who is on the list already is written there
    once more, so that giving the command again mends it.
    """
    people = list(people)
    with register(settings, clock) as ledger:
        suppression_journal.append(
            settings.journal_path,
            (_line(clock, "added", kind, subject, case) for person in people for subject in person),
        )
        return _change(people, lambda subject: suppressions.add(ledger, subject, reason, kind, case))


def take_back(settings: Settings, clock: Clock, people: Iterable[Person], kind: Kind, reason: str) -> Change:
    """Send the orders of these people again, at their own wish; *reason* says how it was expressed.

    The journal knows last: cut short, it errs towards not sending.
    """
    people = list(people)
    with register(settings, clock) as ledger:
        change = _change(people, lambda subject: suppressions.remove(ledger, subject, reason, kind))
        suppression_journal.append(
            settings.journal_path, (_line(clock, "removed", kind, subject) for person in people for subject in person)
        )
        return change


def entries(settings: Settings, clock: Clock) -> list[Objection]:
    """Every entry ever made, without the person."""
    with open_read_only(settings, clock) as ledger:
        return suppressions.entries(ledger)


@contextmanager
def register(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The store, under its own key: a subject made with another would never be found."""
    pin = {"key": keys.check_value(settings.secret_key)}
    with open_shared(settings, clock) as ledger:
        bindings.check(ledger, pin)
        bindings.record(ledger, pin)
        suppression_journal.begin(settings.journal_path, ledger)
        yield ledger


def _line(
    clock: Clock, change: suppression_journal.Change, kind: Kind, subject: bytes, case: str | None = None
) -> suppression_journal.Entry:
    return suppression_journal.Entry(clock(), change, kind, subject.hex(), case)


def _change(people: Iterable[Person], change: Callable[[bytes], bool]) -> Change:
    done = [sum(map(change, person)) > 0 for person in people]
    return Change(changed=sum(done), as_before=len(done) - sum(done))
