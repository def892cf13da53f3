"""The amount check: whether new orders cost what orders of this shop usually cost, before they are staged.

An order that is off by a power of ten is withheld until a person decides. Where the latest orders are off by the same
power, the run sends nothing.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter

from sqlalchemy import Connection

from conversions.ledger import Ledger
from conversions.ledger.runs import Run
from conversions.ledger.staging import amount_history, new_orders
from conversions.ledger.staging.new_orders import NewOrder, PastOrder
from conversions.model.conversion import Window
from conversions.model.finding import Finding, attention, stop
from conversions.statistics.magnitudes import Basis, Deviation, Shift, power
from conversions.statistics.price_levels import PriceLevels, is_outlier

CODE, ALONE = "level", "unusual_amount"
HISTORY = timedelta(days=60)
"""The first levels come from orders of the source up to so long ago."""
MAX_LEARNED_ORDERS = 20_000
"""The newest sent orders that change the levels after they were judged."""


PastOrders = Callable[[Window], Iterable[list[PastOrder]]]
"""Reads the amounts of the completed orders of a window. Raises SourceError."""


@dataclass(slots=True)
class Judgement:
    """How the amounts of the new orders compare with earlier amounts."""

    findings: list[Finding] = field(default_factory=list)
    prices: dict[str, PriceLevels] = field(default_factory=dict)
    """By currency, after the newest order."""
    shifts: dict[str, Shift] = field(default_factory=dict)
    """By currency, where the new orders look like one mistake."""


def judge(ledger: Ledger, window: Window, today: date, past_orders: PastOrders) -> Judgement:
    """Judge every order that was read and never sent, before staging; this changes no order.

    Where the store has no levels yet, it reads earlier orders from the source. Raises SourceError where that fails.
    """
    judgement = Judgement()
    with ledger.temporary() as connection:
        if not new_orders.find(connection):
            return judgement
        knows_amounts = not amount_history.is_empty(connection)
    if not knows_amounts:
        new_orders.remember_past(ledger, past_orders(Window(today - HISTORY, window.until)))
    with ledger.temporary() as connection:
        _learn_past_orders(connection, judgement)
        _judge_new_orders(connection, judgement)
        _add_open_shifts(connection, judgement)
        unusual = new_orders.count_unreported(connection).items()
    shifts = judgement.shifts
    judgement.findings = [_shift_finding(currency, shift) for currency, shift in shifts.items()]
    new = sum(n for (currency, far), n in unusual if currency not in shifts or shifts[currency].power != far)
    judgement.findings += [_unusual_finding(new)] if new else []
    return judgement


def keep_open(ledger: Ledger, run: Run, judgement: Judgement) -> None:
    """Record the shifts that stop this run: they stop every run until they are corrected or accepted."""
    amount_history.keep_open_shifts(
        ledger, run, {currency: shift.power for currency, shift in judgement.shifts.items()}
    )


def withhold(ledger: Ledger, judgement: Judgement, accepted: Collection[str] = ()) -> None:
    """Withhold unusual orders before staging, except those of a shift in an *accepted* currency."""
    if not judgement.prices:
        return
    with ledger.temporary() as connection:
        for currency in judgement.shifts.keys() & set(accepted):
            new_orders.release(connection, currency, judgement.shifts[currency].power)
        new_orders.withhold(connection)


def learn(ledger: Ledger, run: Run, judgement: Judgement, accepted: Collection[str] = ()) -> None:
    """Update the levels from the orders of this run, after staging."""
    amount_history.keep_open_shifts(ledger, run, {})
    if not judgement.prices:
        return
    with ledger.temporary() as connection:
        for currency, prices in judgement.prices.items():
            sent = list(new_orders.far_orders_not_withheld(connection, currency, MAX_LEARNED_ORDERS))
            _learn(prices, sent, judgement.shifts.get(currency) if currency in accepted else None)
    amount_history.keep(ledger, run, judgement.prices)


def _learn(prices: PriceLevels, sent: Sequence[tuple[bytes, int, Deviation]], shift: Shift | None) -> None:
    """Update the levels from outliers that are sent nevertheless; *shift* is the one that a person has accepted."""
    if shift is not None:
        accepted = [order for order in sent if power(order[2].deviation) == shift.power]
        prices.accept(shift, [(new_orders.basket(products), amount) for products, amount, _ in accepted])
    for products, amount, mark in sent if shift is None else ():
        prices.learn(new_orders.basket(products), amount, mark)


def _learn_past_orders(connection: Connection, judgement: Judgement) -> None:
    """Set the first levels from past orders, which are not judged."""
    for currency, orders in groupby(new_orders.past_orders(connection), itemgetter(0)):
        prices = judgement.prices[currency] = amount_history.price_levels(connection, currency)
        for _, amount, products in amount_history.with_levels(
            prices, orders, lambda order: new_orders.basket(order[2])
        ):
            prices.add_past(new_orders.basket(products), amount)
        amount_history.flush(prices)


def _judge_new_orders(connection: Connection, judgement: Judgement) -> None:
    for currency, orders in groupby(new_orders.new_orders(connection), attrgetter("currency")):
        prices = judgement.prices.get(currency) or amount_history.price_levels(connection, currency)
        judgement.prices[currency] = prices
        new_orders.store_deviations(connection, ((currency, mark) for mark in _marks(prices, orders)))
        if shift := prices.shift():
            judgement.shifts[currency] = shift
        amount_history.flush(prices)


def _add_open_shifts(connection: Connection, judgement: Judgement) -> None:
    """Add the shifts that stopped the last run, if this run still has such orders."""
    for currency, far in amount_history.open_shifts(connection).items():
        orders = new_orders.count_near_power(connection, currency, far)
        if orders and currency not in judgement.shifts:
            judgement.shifts[currency] = Shift(far, orders, orders)


def _marks(prices: PriceLevels, orders: Iterable[NewOrder]) -> Iterator[Deviation]:
    """Yield the deviation of each outlier, and of each withheld order that has the same amount and no decision."""
    for order in amount_history.with_levels(prices, orders, lambda order: new_orders.basket(order.products)):
        basket = new_orders.basket(order.products)
        if order.decided:
            prices.add_decided(basket, order.magnitude)
        if order.withheld:
            deviation = prices.compare(basket, order.magnitude) or Deviation(0, Basis.SHOP)
            yield deviation._replace(order=order.id, odd=True)
        elif not order.decided:
            mark = prices.judge(basket, order.magnitude, order.id)
            if mark is not None and is_outlier(mark):
                yield mark


def _shift_finding(currency: str, shift: Shift) -> Finding:
    times, less = 10 ** abs(shift.power), shift.power < 0
    far = f"a {_ORDINAL[times]} of" if less else f"{times} times"
    return stop(
        CODE,
        f"{shift.orders} of the {shift.of} newest orders in {currency} have about {far} the amount that such orders "
        "usually have: has the unit of the amounts, or their decimal mark, changed? Nothing is sent. "
        "Correct source.columns.amount; or, if the amounts are right, `conversions run --accept "
        f"{CODE}={currency} --reason TEXT`.",
        count=shift.orders,
        accept=f"{CODE}={currency}",
        about=currency,
    )


_ORDINAL = {10: "tenth", 100: "hundredth", 1000: "thousandth"}


def _unusual_finding(new: int) -> Finding:
    orders, have, are = ("1 order", "has", "It is") if new == 1 else (f"{new} orders", "have", "They are")
    return attention(
        ALONE,
        f"{orders} {have} an amount at least ten times above or below what such orders usually have. "
        f"{are} not sent: `conversions status` lists the withheld orders. Correct the amount in the shop; or, if it is "
        "right, `conversions decide send ORDER --destination NAME --reason TEXT`.",
        count=new,
        every_run=True,
    )
