"""Orders and money by destination, day and outcome."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from conversions.audit.period.outcome import SENT, Outcome, result
from conversions.ledger.queries.period_orders import PeriodOrders

if TYPE_CHECKING:
    from pandas import DataFrame

COLUMNS = ("destination", "day", "outcome", "reason", "restated", "currency", "amount", "orders")


@dataclass(frozen=True, slots=True)
class Figure:
    """Orders, and their money by currency. Erased orders have none."""

    orders: int = 0
    money: dict[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of some orders: ``read`` is the sum of all outcomes, ``sent`` of those that the platform has."""

    read: Figure
    sent: Figure
    outcomes: dict[Outcome, Figure]
    withheld: dict[str, Figure]
    """The outcome withheld, by reason."""
    restated: Figure
    """Those of which the platform has a changed value; each has its outcome, too."""

    @property
    def match_rate(self) -> Decimal | None:
        """Recorded orders by recorded and unmatched ones; None where the platform has reported neither."""
        recorded = self.outcomes[Outcome.RECORDED].orders
        told = recorded + self.outcomes[Outcome.UNMATCHED].orders
        return (Decimal(recorded) / told).quantize(Decimal("0.0001")) if told else None


@dataclass(frozen=True, slots=True)
class DestinationFigures:
    """The figures of one destination."""

    name: str
    total: Figures
    days: dict[str, Figures]
    """By day of purchase; days without an order are not among them."""


def destinations(orders: Sequence[PeriodOrders]) -> list[DestinationFigures]:
    """Return the figures of each destination, by name."""
    from pandas import DataFrame

    frame = DataFrame([_record(order) for order in orders], columns=[*COLUMNS], dtype=object)
    return [
        DestinationFigures(str(name), _figures(own), {str(day): _figures(of) for day, of in own.groupby("day")})
        for name, own in frame.groupby("destination")
    ]


def _record(order: PeriodOrders) -> tuple[object, ...]:
    became, value = result(order.standing), order.value
    money = (value.currency, value.amount) if value else ("", Decimal())
    return (order.destination, order.day, became.outcome, became.reason, order.restated, *money, order.orders)


def _figures(frame: "DataFrame") -> Figures:
    withheld = frame[frame["outcome"] == Outcome.WITHHELD]
    return Figures(
        read=_figure(frame),
        sent=_figure(frame[frame["outcome"].isin(SENT)]),
        outcomes={outcome: _figure(frame[frame["outcome"] == outcome]) for outcome in Outcome},
        withheld={str(reason): _figure(own) for reason, own in withheld.groupby("reason")},
        restated=_figure(frame[frame["restated"].astype(bool)]),
    )


def _figure(frame: "DataFrame") -> Figure:
    with_money = frame[frame["currency"] != ""]
    money = {str(code): sum(own["amount"], Decimal()) for code, own in with_money.groupby("currency")}
    return Figure(int(sum(frame["orders"])), money)
