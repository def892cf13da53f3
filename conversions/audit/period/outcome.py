"""What became of an order at a destination, in words for a shop's owner: no reason says what a buyer has chosen."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from conversions.ledger.queries.period_orders import PeriodOrders, Standing
from conversions.ledger.states import State
from conversions.model.conversion import Reason

CHOICE = "buyer_choice"
"""In place of every reason that says something of a person."""
_CHOICES = frozenset(
    {
        Reason.DENIED,
        Reason.NO_CONSENT,
        Reason.OBJECTION,
        Reason.WITHDRAWN,
        Reason.RESTRICTED,
        Reason.ERASED,
        Reason.WRONG_ADDRESS,
    }
)


class Outcome(StrEnum):
    """What became of an order; each order has one per destination."""

    RECORDED = "recorded"
    """Matched with a click or a view, or counted."""
    UNMATCHED = "unmatched"
    DUPLICATE = "duplicate"
    RECEIVED = "received"
    """Sent and received; no late result is known."""
    WITHHELD = "withheld"
    """Also quarantined, and erased."""
    REFUSED = "refused"
    EXPIRED = "expired"
    WAITING = "waiting"
    UNKNOWN = "unknown"


SENT = (Outcome.RECORDED, Outcome.UNMATCHED, Outcome.DUPLICATE, Outcome.RECEIVED)
"""The platform has the event."""
_OF_STATE = {
    State.PENDING: Outcome.WAITING,
    State.DEFERRED: Outcome.WAITING,
    State.IN_FLIGHT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.RECEIVED: Outcome.RECEIVED,
    State.RECORDED: Outcome.RECORDED,
    State.UNMATCHED: Outcome.UNMATCHED,
    State.DUPLICATE: Outcome.DUPLICATE,
    State.REJECTED: Outcome.REFUSED,
    State.EXPIRED: Outcome.EXPIRED,
    State.WITHHELD: Outcome.WITHHELD,
    State.QUARANTINED: Outcome.WITHHELD,
    State.ERASED: Outcome.WITHHELD,
}


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an order at one destination."""

    outcome: Outcome
    reason: str
    """Why it is withheld; empty for every other outcome."""


@dataclass(frozen=True, slots=True)
class OrderRow:
    """One order."""

    order_no: str
    day: str
    amount: Decimal
    """In currency units."""
    currency: str
    results: dict[str, Result] = field(default_factory=dict)
    """By destination."""


def result(standing: Standing) -> Result:
    """Return what became of an order that stands so."""
    if standing.state == State.ERASED or standing.reason in _CHOICES:
        return Result(Outcome.WITHHELD, CHOICE)
    if standing.reason == Reason.REFUSED_BY_PLATFORM:
        return Result(Outcome.REFUSED, "")
    outcome = _OF_STATE[standing.state]
    return Result(outcome, standing.reason or "" if outcome == Outcome.WITHHELD else "")


def order_rows(orders: Iterable[PeriodOrders]) -> list[OrderRow]:
    """Return one row per order that has a number; erased orders and those past retention are only counted."""
    rows: dict[int | None, OrderRow] = {}
    for order in orders:
        if order.order_no is not None and order.value is not None:
            new = OrderRow(order.order_no, order.day, order.value.amount, order.value.currency)
            rows.setdefault(order.sale, new).results[order.destination] = result(order.standing)
    return [*rows.values()]
