"""The level of amounts: whether new orders cost what orders of this shop cost, before anything of them is staged.

One that lies powers of ten away is held back alone until a person decides; where the latest ones do, nothing is sent.
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from operator import attrgetter, itemgetter

from conversions.conversion import Money, Window
from conversions.currency import money
from conversions.finding import Finding, attention, stop
from conversions.house import House
from conversions.ledger import Ledger, figures, fresh
from conversions.ledger.fresh import Fresh, Past
from conversions.ledger.runs import Run
from conversions.ledger.store import microseconds, trusted
from conversions.magnitudes import Basis, Mark, Shift, magnitude, power
from conversions.order import Order
from conversions.prices import Prices, away

CODE, ALONE = "level", "unusual_amount"
BEFORE = timedelta(days=60)
"""So far back the first levels come from the source."""
TAUGHT = 20_000
"""Orders that teach after they were judged; the newest."""


@dataclass(slots=True)
class Judgement:
    """What the new orders of one reading look like beside what was paid before."""

    findings: list[Finding] = field(default_factory=list)
    prices: dict[str, Prices] = field(default_factory=dict)
    """By currency, as of the newest order."""
    shifts: dict[str, Shift] = field(default_factory=dict)
    """By currency: the new orders look like one mistake."""


def judge(house: House, ledger: Ledger, window: Window, today: date) -> Judgement:
    """Judge every order of this reading that was never sent; reads only, and before anything is staged.

    The source is read once more where the store has no figures yet. Raises SourceError where that fails.
    """
    connection, found = figures.raw(ledger), Judgement()
    with trusted():
        if not fresh.find(connection, house.settings.shop):
            return found
        figures.begin(connection)
        if figures.unknown(connection):
            fresh.remember_past(connection, _bought_before(house, Window(today - BEFORE, window.until)))
        with fresh.together(connection):
            _look_back(connection, found)
            _look(connection, found)
            _go_on(connection, found)
        found.findings = [_shifted(*one) for one in found.shifts.items()]
        alone = fresh.odd(connection).items()
        new = sum(
            n for (currency, far), n in alone if currency not in found.shifts or found.shifts[currency].power != far
        )
        found.findings += [_odd(new)] if new else []
    return found


def hold(ledger: Ledger, run: Run, found: Judgement) -> None:
    """Remember what stops this night: it does so until it is mended or accepted."""
    figures.keep_open(ledger, run, {currency: shift.power for currency, shift in found.shifts.items()})


def withhold(house: House, ledger: Ledger, found: Judgement, accepted: Collection[str] = ()) -> None:
    """Hold back what is odd, in the drafts; not what looks like one mistake in an *accepted* currency."""
    connection = figures.raw(ledger)
    if not found.prices:
        return
    with trusted():
        for currency in found.shifts.keys() & set(accepted):
            fresh.release(connection, currency, found.shifts[currency].power)
        fresh.withhold(connection, house.settings.shop)


def learn(house: House, ledger: Ledger, run: Run, found: Judgement, accepted: Collection[str] = ()) -> None:
    """Keep what this night's orders say, once they are staged."""
    connection = figures.raw(ledger)
    figures.keep_open(ledger, run, {})
    if not found.prices:
        return
    with trusted():
        for currency, prices in found.prices.items():
            went = list(fresh.went(connection, currency, TAUGHT))
            _teach(prices, went, found.shifts.get(currency) if currency in accepted else None)
    figures.keep(ledger, connection, run, house.settings.shop, found.prices)


def _teach(prices: Prices, went: Sequence[tuple[bytes, int, Mark]], shift: Shift | None) -> None:
    """What lay far out and goes all the same: *shift* is what a person has accepted."""
    if shift is not None:
        meant = [one for one in went if power(one[2].deviation) == shift.power]
        prices.accept(shift, [(fresh.basket(products), amount) for products, amount, _ in meant])
    for products, amount, mark in went if shift is None else ():
        prices.went(fresh.basket(products), amount, mark)


def _look_back(connection: sqlite3.Connection, found: Judgement) -> None:
    """The first levels, from orders that are not to be judged."""
    for currency, orders in groupby(fresh.past(connection), itemgetter(0)):
        prices = found.prices[currency] = figures.prices(connection, currency)
        for _, amount, products in orders:
            prices.past(fresh.basket(products), amount)
        figures.flush(prices)


def _look(connection: sqlite3.Connection, found: Judgement) -> None:
    for currency, orders in groupby(fresh.fresh(connection), attrgetter("currency")):
        prices = found.prices.get(currency) or figures.prices(connection, currency)
        found.prices[currency] = prices
        fresh.mark(connection, ((currency, mark) for mark in _marks(prices, orders)))
        if shift := prices.shift():
            found.shifts[currency] = shift
        figures.flush(prices)


def _go_on(connection: sqlite3.Connection, found: Judgement) -> None:
    """What stopped the last night stops this one, while there is an order of the kind."""
    for currency, far in figures.open_shifts(connection).items():
        orders = fresh.near(connection, currency, far)
        if orders and currency not in found.shifts:
            found.shifts[currency] = Shift(far, orders, orders)


def _marks(prices: Prices, orders: Iterable[Fresh]) -> Iterator[Mark]:
    """Of what lies far out; what was held back is, as long as it costs the same and nobody has decided."""
    for one in orders:
        basket = fresh.basket(one.products)
        if one.decided:
            prices.decided(basket, one.magnitude)
        if one.held:
            seen = prices.look(basket, one.magnitude) or Mark(0, Basis.SHOP)
            yield seen._replace(order=one.id, odd=True)
        elif not one.decided:
            mark = prices.new(basket, one.magnitude, one.id)
            if mark is not None and away(mark):
                yield mark


def _bought_before(house: House, window: Window) -> Iterator[list[Past]]:
    """Completed orders of the source, as figures."""
    for chunk in house.source.chunks(window):
        orders = (one for one in chunk if isinstance(one, Order) and one.completed and one.product_ids)
        inside = (one for one in orders if window.since <= one.purchase_day <= window.until)
        yield [past for past in (_past(house, one) for one in inside) if past is not None]


def _past(house: House, order: Order) -> Past | None:
    paid = money(order.amount - order.refunded, order.currency)
    if not isinstance(paid, Money) or paid.minor <= 0:
        return None
    bought, products = microseconds(order.purchased_at), house.disguise.products(order.product_ids)
    return Past(order.number, order.currency, bought, magnitude(paid.minor, paid.exponent), products)


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
        every_night=True,
    )
