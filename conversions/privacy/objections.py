"""Objections to the sending (GDPR art. 21): entered, taken back, listed. They bind from the next attempt on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from conversions import keys
from conversions.ledger import Clock, Ledger, objections, open_read_only, open_shared, pins
from conversions.ledger.objections import Objection
from conversions.settings import Settings


@dataclass(frozen=True, slots=True)
class Change:
    """What a request did to the list, in persons."""

    changed: int
    as_before: int
    """Already entered, or not on the list."""


def enter(settings: Settings, clock: Clock, subjects: Iterable[bytes], reason: str | None) -> Change:
    """Withhold the orders of these people everywhere. Raises SettingsError where the key is not the store's."""
    with _register(settings, clock) as ledger:
        return _change(subjects, lambda subject: objections.add(ledger, subject, reason))


def take_back(settings: Settings, clock: Clock, subjects: Iterable[bytes], reason: str) -> Change:
    """Send the orders of these people again, at their own wish; *reason* says how it was expressed."""
    with _register(settings, clock) as ledger:
        return _change(subjects, lambda subject: objections.remove(ledger, subject, reason))


def entries(settings: Settings, clock: Clock) -> list[Objection]:
    """Every entry ever made, without the person."""
    with open_read_only(settings, clock) as ledger:
        return objections.entries(ledger)


def _change(subjects: Iterable[bytes], change: Callable[[bytes], bool]) -> Change:
    done = [change(subject) for subject in subjects]
    return Change(changed=sum(done), as_before=len(done) - sum(done))


@contextmanager
def _register(settings: Settings, clock: Clock) -> Iterator[Ledger]:
    """The store, under its own key: a subject made with another would never be found."""
    pin = {"key": keys.check_value(settings.secret_key)}
    with open_shared(settings, clock) as ledger:
        pins.check(ledger, pin)
        pins.record(ledger, pin)
        yield ledger
