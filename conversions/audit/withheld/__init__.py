"""Why orders did not go: the orders of some purchase days that stood against sending, by the history alone."""

from dataclasses import dataclass
from datetime import date, datetime, time

from conversions.audit import looks, open_log
from conversions.audit.attempts.model import Selection
from conversions.audit.attempts.queries import validate_selection
from conversions.ledger import Clock
from conversions.ledger.queries.blanked_orders import BlankedOrders, blanked_orders
from conversions.ledger.queries.withheld_order import WithheldOrder
from conversions.ledger.queries.withheld_orders import withheld_orders
from conversions.ledger.subjects.access_log import Look, LookKind
from conversions.settings import Settings

__all__ = ["PurchaseDays", "WithheldReport", "report"]


@dataclass(frozen=True, slots=True)
class PurchaseDays:
    """The orders that are asked for."""

    since: date
    until: date
    """Last day; both in the shop's zone."""
    destination: str | None = None
    """The name of the only destination; None: all."""


@dataclass(frozen=True, slots=True)
class WithheldReport:
    """The orders of some purchase days that stood against sending."""

    days: PurchaseDays
    not_sent: list[WithheldOrder]
    """Also those that wait to be sent now, or have no answer."""
    sent_later: list[WithheldOrder]
    blanked: BlankedOrders

    @property
    def orders(self) -> list[WithheldOrder]:
        """All of them, each once at each destination."""
        return [*self.not_sent, *self.sent_later]


def report(settings: Settings, clock: Clock, days: PurchaseDays, purpose: str) -> WithheldReport:
    """Return the report, after the look at these orders is recorded.

    Raises Usage where no store knows the destination, and LedgerError where the look cannot be recorded.
    """
    name = days.destination
    with open_log(settings, clock) as log:
        validate_selection(log, Selection(settings.zone, destination=name), settings.destinations)
        about = ", ".join(str(each) for each in (days.since, days.until, name) if each)
        looks.record(settings, clock, [Look(LookKind.WITHHELD, purpose, about=about)])
        orders = withheld_orders(log, days.since, days.until, name)
        midnight = datetime.combine(days.since, time(), settings.zone)
        blanked = blanked_orders(log, days.since, days.until, midnight, name)
    sent = [order for order in orders if order.is_sent]
    return WithheldReport(days, [order for order in orders if not order.is_sent], sent, blanked)
