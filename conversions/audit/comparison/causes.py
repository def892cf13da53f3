"""The usual causes of a difference between a platform's totals and the log's, each with its figure from the log.

Google counts a conversion only where it finds a click on an ad, and tells so later for each request; Meta counts what
it received, and tells nothing later.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from conversions.audit.comparison.log_totals import CLICK_DAYS, LogTotals, Total
from conversions.ledger.states import SENT, State


class Effect(StrEnum):
    """What a cause does to the platform's totals, compared with what the log says was received."""

    NOT_COUNTED = "not_counted"
    """The platform has said that it does not count these events."""
    FEWER = "fewer"
    """It may leave out any of them."""
    MORE = "more"
    """It may count any of them in addition."""
    HIGHER = "higher"
    """It may show their values higher by this amount; they count all the same."""
    LOWER = "lower"
    """It may show their values lower by this amount."""


class CauseCode(StrEnum):
    """A usual cause; ``catalogue`` has the words for people."""

    UNMATCHED = "unmatched"
    DUPLICATE = "duplicate"
    OPEN = "open"
    UNANSWERED = "unanswered"
    RESTATED = "restated"
    ERASED = "erased"
    EARLIER_CLICK = "earlier_click"
    LATER_PURCHASE = "later_purchase"
    ZONE_OUT = "zone_out"
    ZONE_IN = "zone_in"


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause that applies to this comparison."""

    code: CauseCode
    effect: Effect
    total: Total


@dataclass(frozen=True, slots=True)
class AccountDays:
    """How the platform's account puts purchases into days."""

    by_click_date: bool = False
    leaving: frozenset[date] = frozenset()
    """Days of the period that may count outside it, by the account's zone."""
    entering: frozenset[date] = frozenset()
    """Days outside it that may count in it."""


def causes_of(kind: str, log: LogTotals, account: AccountDays) -> list[Cause]:
    """Return the causes with at least one event, for a platform of *kind*: google | meta."""
    found = _of_google(log) if kind == "google" else _of_meta(log)
    every = (*found, Cause(CauseCode.ERASED, Effect.MORE, log.of(State.ERASED)), *_of_account(log, account))
    return [cause for cause in every if cause.total.events]


def _of_google(log: LogTotals) -> Iterable[Cause]:
    """Its transaction ids let an order count once, however often it was sent."""
    return (
        Cause(CauseCode.UNMATCHED, Effect.NOT_COUNTED, log.of(State.UNMATCHED)),
        Cause(CauseCode.DUPLICATE, Effect.FEWER, log.of(State.DUPLICATE)),
        Cause(CauseCode.OPEN, Effect.FEWER, log.of(State.RECEIVED)),
        Cause(CauseCode.UNANSWERED, Effect.MORE, log.of(State.UNKNOWN)),
        Cause(CauseCode.RESTATED, Effect.HIGHER, log.restated_higher),
        Cause(CauseCode.RESTATED, Effect.LOWER, log.restated_lower),
    )


def _of_meta(log: LogTotals) -> Iterable[Cause]:
    """What it received twice it may show twice."""
    return (Cause(CauseCode.UNANSWERED, Effect.MORE, log.unanswered_attempts),)


def _of_account(log: LogTotals, account: AccountDays) -> Iterator[Cause]:
    counted = SENT - {State.UNMATCHED}
    if account.by_click_date:
        last = log.period.until + timedelta(days=CLICK_DAYS)
        later = log.where(lambda each: log.period.until < each.day <= last and each.state in counted)
        yield Cause(CauseCode.EARLIER_CLICK, Effect.FEWER, log.of(*counted))
        yield Cause(CauseCode.LATER_PURCHASE, Effect.MORE, later)
    leaving = log.where(lambda each: each.day in account.leaving and each.state in counted)
    entering = log.where(lambda each: each.day in account.entering and each.state in counted)
    yield Cause(CauseCode.ZONE_OUT, Effect.FEWER, leaving)
    yield Cause(CauseCode.ZONE_IN, Effect.MORE, entering)
