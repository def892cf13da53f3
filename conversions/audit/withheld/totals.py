"""Control totals of withheld orders: orders and money by destination, state, reason and what became of them."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from conversions.ledger.queries.withheld_order import WithheldOrder
from conversions.ledger.states import UNANSWERED, WAITING


class Result(StrEnum):
    """What became of an order that stood against sending."""

    NOT_SENT = "not_sent"
    WAITING = "waiting"
    """Nothing stands against it any more, and it is not sent yet."""
    UNANSWERED = "unanswered"
    """It was sent later, and no answer is known."""
    SENT_LATER = "sent_later"


@dataclass(frozen=True, slots=True)
class Total:
    """Orders and money of one kind."""

    destination: str
    result: Result
    state: str
    reason: str | None
    currency: str
    orders: int
    amount: Decimal
    """What the source states, in currency units."""


def result(order: WithheldOrder) -> Result:
    """Return what became of *order*."""
    if order.is_sent:
        return Result.SENT_LATER
    if order.state in WAITING:
        return Result.WAITING
    return Result.UNANSWERED if order.state in UNANSWERED else Result.NOT_SENT


def totals(orders: Iterable[WithheldOrder]) -> list[Total]:
    """Return the totals of *orders*, by the last judgement that stood against each."""
    amounts = defaultdict[tuple[str, str, str, str, str], list[Decimal]](list)
    for order in orders:
        judged = order.judgement
        key = (order.destination, result(order), judged.state, judged.reason or "", order.value.currency)
        amounts[key].append(order.value.amount)
    return [
        Total(destination, Result(then), state, reason or None, currency, len(each), sum(each, Decimal()))
        for (destination, then, state, reason, currency), each in sorted(amounts.items())
    ]
