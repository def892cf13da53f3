"""The log's side of a comparison: what the store has of the orders of some purchase days at one destination."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Connection

from conversions.ledger.queries import sent_totals
from conversions.ledger.queries.sent_totals import Days, DaySum, Sum
from conversions.ledger.states import SENT, State
from conversions.model.conversion import Window

CLICK_DAYS = 90
"""The longest time from a click to its conversion that Google Ads counts."""
ZONE_DAYS = 2
"""Two time zones differ by 26 hours at most."""


@dataclass(frozen=True, slots=True)
class Total:
    """Events and their values."""

    events: int = 0
    values: dict[str, Decimal] = field(default_factory=dict)
    """By currency, in its units."""
    value_unknown: bool = False
    """Whether the value of some of them is no longer known."""

    def value(self, currency: str) -> Decimal:
        """The value in *currency*."""
        return self.values.get(currency, Decimal())


def total(sums: Iterable[Sum]) -> Total:
    """Add up *sums*."""
    events, values, unknown = 0, defaultdict[str, Decimal](Decimal), False
    for each in sums:
        events += each.events
        if each.value is None:
            unknown = unknown or each.events > 0
        else:
            values[each.value.currency] += each.value.amount
    return Total(events, dict(sorted(values.items())), unknown)


@dataclass(frozen=True, slots=True)
class LogTotals:
    """Every order is in the sums of its purchase day once."""

    period: Window
    days: tuple[DaySum, ...] = ()
    """Of the period, and of some days before and after it."""
    unanswered_attempts: Total = Total()
    """Attempts of the period without a conclusive answer; an order may have several."""
    restated_higher: Total = Total()
    """Restated orders of the period whose other value, old or new, is higher than the one that counts, and by what."""
    restated_lower: Total = Total()
    """The same, where it is lower."""

    @property
    def sent(self) -> Total:
        """What the platform has received, by its own answers."""
        return self.of(*SENT)

    def of(self, *states: State) -> Total:
        """The orders of the period in *states*."""
        return self.where(lambda each: self.within(each) and each.state in states)

    def where(self, condition: Callable[[DaySum], bool]) -> Total:
        """The orders for whose day and state *condition* is true."""
        return total(each.sum for each in self.days if condition(each))

    def within(self, each: DaySum) -> bool:
        """Whether *each* is of the period."""
        return self.period.since <= each.day <= self.period.until


def log_totals(connection: Connection, destination: str, period: Window) -> LogTotals:
    """Read the totals of *destination*; all are 0 where nothing was ever staged for it."""
    number = sent_totals.destination_number(connection, destination)
    if number is None:
        return LogTotals(period)
    days = Days(number, period.since, period.until)
    around = replace(
        days, first=days.first - timedelta(days=ZONE_DAYS), last=days.last + timedelta(days=CLICK_DAYS + ZONE_DAYS)
    )
    return LogTotals(
        period,
        tuple(sent_totals.sent_by_day(connection, around)),
        total(sent_totals.unanswered_attempts(connection, days)),
        *(total(sent_totals.restated(connection, days, higher=higher)) for higher in (True, False)),
    )
