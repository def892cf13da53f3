"""What became of the purchases of a month or of other days: orders and money by destination, day and outcome."""

from dataclasses import dataclass
from datetime import date, datetime, time

from conversions.audit import open_log
from conversions.audit.period.figures import DestinationFigures, destinations
from conversions.audit.period.outcome import OrderRow, order_rows
from conversions.ledger import Clock
from conversions.ledger.queries.period_orders import period_orders
from conversions.model.run_request import today
from conversions.settings import Settings

__all__ = ["PeriodQuestion", "PeriodReport", "report"]


@dataclass(frozen=True, slots=True)
class PeriodQuestion:
    """Which purchases are asked for, and as of when."""

    since: date
    until: date
    """Last purchase day; both in the shop's zone."""
    as_of_now: bool = False
    """Else as they stood at the end of the last day, where it has ended."""


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """The purchases of some days."""

    since: date
    until: date
    at: datetime
    """The instant at which the orders stood so; aware, in the shop's zone."""
    as_of_now: bool
    ended: bool
    """Whether the last day has ended."""
    destinations: list[DestinationFigures]
    rows: list[OrderRow]
    """One per order that still has a number."""

    @property
    def unnamed(self) -> int:
        """Orders at destinations that are counted and have no row: erased, or past retention."""
        return sum(each.total.read.orders for each in self.destinations) - sum(len(row.results) for row in self.rows)


def report(settings: Settings, clock: Clock, question: PeriodQuestion) -> PeriodReport:
    """Return the report. Raises LedgerError where the store is damaged."""
    now, since, until = clock(), question.since, question.until
    ended = until < today(settings.zone, now)
    as_of_now = question.as_of_now or not ended
    end = datetime.combine(until, time.max.replace(fold=1), settings.zone)
    with open_log(settings, clock) as log:
        orders = period_orders(log, since, until, None if as_of_now else end)
    at = now.astimezone(settings.zone) if as_of_now else end
    return PeriodReport(since, until, at, as_of_now, ended, destinations(orders), order_rows(orders))
