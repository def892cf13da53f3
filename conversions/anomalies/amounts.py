"""The level of amounts: whether new orders cost what orders of this shop cost, before anything of them is staged.

One that lies powers of ten away is held back alone until a person decides; where the latest ones do, nothing is sent.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter

from conversions.ledger import Ledger
from conversions.ledger.runs import Run
from conversions.ledger.staging import amount_history, new_orders
from conversions.ledger.staging.new_orders import NewOrder, PastOrder
from conversions.ledger.store import translate_errors
from conversions.model.conversion import Window
from conversions.model.finding import Finding, attention, stop
from conversions.statistics.magnitudes import Basis, Deviation, Shift, power
from conversions.statistics.price_levels import PriceLevels, away

CODE, ALONE = "level", "unusual_amount"
BEFORE = timedelta(days=60)
"""So far back the first levels come from the source."""
TAUGHT = 20_000
"""Orders that teach after they were judged; the newest."""


PastOrders = Callable[[Window], Iterable[list[PastOrder]]]
"""Reads what completed orders of a window cost. Raises SourceError."""


@dataclass(slots=True)
class Judgement:
    """What the new orders of one reading look like beside what was paid before."""

    findings: list[Finding] = field(default_factory=list)
    prices: dict[str, PriceLevels] = field(default_factory=dict)
    """By currency, as of the newest order."""
    shifts: dict[str, Shift] = field(default_factory=dict)
    """By currency: the new orders look like one mistake."""


def judge(ledger: Ledger, shop: str, window: Window, today: date, past_orders: PastOrders) -> Judgement:
    """Judge every order of this reading that was never sent; reads only, and before anything is staged.

    The source is read once more where the store has no figures yet. Raises SourceError where that fails.
    """
    connection, found = amount_history.sqlite_connection(ledger), Judgement()
    with translate_errors():
        if not new_orders.find(connection, shop):
            return found
        amount_history.begin(connection)
        if amount_history.is_empty(connection):
            new_orders.remember_past(connection, past_orders(Window(today - BEFORE, window.until)))
        with new_orders.temp_transaction(connection):
            _look_back(connection, found)
            _look(connection, found)
            _go_on(connection, found)
        found.findings = [_shifted(*one) for one in found.shifts.items()]
        alone = new_orders.count_unreported(connection).items()
        new = sum(
            n for (currency, far), n in alone if currency not in found.shifts or found.shifts[currency].power != far
        )
        found.findings += [_odd(new)] if new else []
    return found


def hold(ledger: Ledger, run: Run, found: Judgement) -> None:
    """Remember what stops this night: it does so until it is mended or accepted."""
    amount_history.keep_open_shifts(ledger, run, {currency: shift.power for currency, shift in found.shifts.items()})


def withhold(ledger: Ledger, shop: str, found: Judgement, accepted: Collection[str] = ()) -> None:
    """Hold back what is odd, in the drafts; not what looks like one mistake in an *accepted* currency."""
    connection = amount_history.sqlite_connection(ledger)
    if not found.prices:
        return
    with translate_errors():
        for currency in found.shifts.keys() & set(accepted):
            new_orders.release(connection, currency, found.shifts[currency].power)
        new_orders.withhold(connection, shop)


def learn(ledger: Ledger, run: Run, shop: str, found: Judgement, accepted: Collection[str] = ()) -> None:
    """Keep what this night's orders say, once they are staged."""
    connection = amount_history.sqlite_connection(ledger)
    amount_history.keep_open_shifts(ledger, run, {})
    if not found.prices:
        return
    with translate_errors():
        for currency, prices in found.prices.items():
            went = list(new_orders.far_orders_not_withheld(connection, currency, TAUGHT))
            _teach(prices, went, found.shifts.get(currency) if currency in accepted else None)
    amount_history.keep(ledger, connection, run, shop, found.prices)


def _teach(prices: PriceLevels, went: Sequence[tuple[bytes, int, Deviation]], shift: Shift | None) -> None:
    """What lay far out and goes all the same: *shift* is what a person has accepted."""
    if shift is not None:
        meant = [one for one in went if power(one[2].deviation) == shift.power]
        prices.accept(shift, [(new_orders.basket(products), amount) for products, amount, _ in meant])
    for products, amount, mark in went if shift is None else ():
        prices.learned(new_orders.basket(products), amount, mark)


def _look_back(connection: sqlite3.Connection, found: Judgement) -> None:
    """The first levels, from orders that are not to be judged."""
    for currency, orders in groupby(new_orders.past_orders(connection), itemgetter(0)):
        prices = found.prices[currency] = amount_history.price_levels(connection, currency)
        for _, amount, products in orders:
            prices.past(new_orders.basket(products), amount)
        amount_history.flush(prices)


def _look(connection: sqlite3.Connection, found: Judgement) -> None:
    for currency, orders in groupby(new_orders.new_orders(connection), attrgetter("currency")):
        prices = found.prices.get(currency) or amount_history.price_levels(connection, currency)
        found.prices[currency] = prices
        new_orders.store_deviations(connection, ((currency, mark) for mark in _marks(prices, orders)))
        if shift := prices.shift():
            found.shifts[currency] = shift
        amount_history.flush(prices)


def _go_on(connection: sqlite3.Connection, found: Judgement) -> None:
    """What stopped the last night stops this one, while there is an order of the kind."""
    for currency, far in amount_history.open_shifts(connection).items():
        orders = new_orders.count_near_power(connection, currency, far)
        if orders and currency not in found.shifts:
            found.shifts[currency] = Shift(far, orders, orders)


def _marks(prices: PriceLevels, orders: Iterable[NewOrder]) -> Iterator[Deviation]:
    """Of what lies far out; what was held back is, as long as it costs the same and nobody has decided."""
    for one in orders:
        basket = new_orders.basket(one.products)
        if one.decided:
            prices.decided(basket, one.magnitude)
        if one.held:
            seen = prices.compare(basket, one.magnitude) or Deviation(0, Basis.SHOP)
            yield seen._replace(order=one.id, odd=True)
        elif not one.decided:
            mark = prices.new(basket, one.magnitude, one.id)
            if mark is not None and away(mark):
                yield mark


def _shifted(currency: str, shift: Shift) -> Finding:
    times, less = 10 ** abs(shift.power), shift.power < 0
    far = f"a {_ORDINAL[times]} of" if less else f"{times} times"
    return stop(
        CODE,
        f"{shift.orders} of the {shift.of} newest orders in {currency} have about {far} the amount that such orders "
        "usually have: has the unit of the amounts, or their decimal mark, changed? Nothing is sent. "
        "Put source.columns.amount right; or, if the amounts are meant, `conversions run --accept "
        f"{CODE}={currency} --reason TEXT`.",
        count=shift.orders,
        accept=f"{CODE}={currency}",
        about=currency,
    )


_ORDINAL = {10: "tenth", 100: "hundredth", 1000: "thousandth"}


def _odd(new: int) -> Finding:
    orders, have = ("1 order", "has") if new == 1 else (f"{new} orders", "have")
    return attention(
        ALONE,
        f"{orders} {have} an amount at least ten times above or below what such orders usually have, and nothing of "
        "the kind is sent: `conversions status` names what is held back. Correct it in the shop; or, if it is right, "
        "`conversions decide send ORDER --destination NAME --reason TEXT`.",
        count=new,
        every_run=True,
    )
