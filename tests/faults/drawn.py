"""A shop's year, drawn: how many orders each day has, and what they are. The seed decides everything.

A year knows sixty days before its first night, as a new store does that reads what the source still has. Orders are
drawn a night at a time, since a year of 3,000 a day is a million.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

SIZES = {"3 a week": 3 / 7, "8 a day": 8.0, "45 a day": 45.0, "3,000 a day": 3000.0}
FIRST = date(2026, 1, 1)
BEFORE, NIGHTS = 60, 365
HOLIDAYS = {
    date(2026, month, day)
    for month, day in [(1, 1), (4, 2), (4, 3), (4, 5), (4, 6), (5, 14), (5, 24), (5, 25), (12, 24), (12, 25), (12, 26)]
}
QUIET = 0.7
"""Of the usual orders on a public holiday."""
SUMMER = frozenset(date(2026, 7, 6) + timedelta(n) for n in range(21))
BLACK_FRIDAY = frozenset(date(2026, 11, 27) + timedelta(n) for n in range(4))
CHANGE = date(2026, 8, 17)
"""When prices rise, a product line or a currency comes."""
PRODUCTS, NEW = 40, 8
BAD = 0.003
"""Of all rows."""
STATUSES = ("completed", "cancelled", "pending")
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Situation:
    """What is special about a year; it is all as it should be."""

    rate: Callable[[date], float] = lambda _: 1.0
    """Of the usual orders."""
    closed: frozenset[date] = frozenset()
    """What the settings name."""
    trade: float = 0.0
    """The share of orders at 200 times the price."""
    rise: float = 1.0
    """Of prices, from ``CHANGE`` on."""
    new_products: float = 0.0
    """Their share of orders, from ``CHANGE`` on."""
    new_currency: float = 0.0
    """Its share of orders, from ``CHANGE`` on."""


def _shut(day: date) -> float:
    return 0.0 if day in SUMMER else 1.0


SITUATIONS = {
    "ordinary": Situation(),
    "trade orders": Situation(trade=0.05),
    "closed, declared": Situation(_shut, SUMMER),
    "closed, not declared": Situation(_shut),
    "Black Friday": Situation(lambda day: 6.0 if day in BLACK_FRIDAY else 1.0),
    "price rise": Situation(rise=1.08),
    "new products": Situation(new_products=0.3),
    "new currency": Situation(new_currency=0.3),
}


@dataclass(frozen=True, slots=True)
class Orders:
    """A day's orders, one place in each array for each."""

    minor: Ints
    """What was paid, in hundredths."""
    product: Ints
    currency: Ints
    """0: the shop's own; 1: the one that is new."""
    status: Ints
    """A place in ``STATUSES``."""
    buyer: Ints
    bad_rows: int
    """Rows besides that are no orders."""


@dataclass(frozen=True)
class Year:
    """One shop's days: ``BEFORE`` that are known already, then ``NIGHTS``."""

    size: float
    situation: Situation
    seed: int
    _dice: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_dice", np.random.default_rng([self.seed, round(self.size * 7)]))

    @property
    def days(self) -> list[date]:
        """All of them; the night of a day comes after it."""
        return [FIRST + timedelta(n) for n in range(-BEFORE, NIGHTS)]

    @cached_property
    def counts(self) -> dict[date, int]:
        """Orders by day: chance, and on top of it this shop's own week, season, growth and dispersion."""
        dice = self._dice
        week = dice.dirichlet(np.full(7, 60.0)) * 7
        swing, phase, growth, dispersion = dice.uniform([0, 0, -0.2, 0.01], [0.25, 6.28, 0.4, 0.08])
        counts = {}
        for n, day in enumerate(self.days):
            season = 1 + swing * np.sin(6.28 * n / 365 + phase) + growth * n / 365
            special = self.situation.rate(day) * (QUIET if day in HOLIDAYS else 1.0)
            mean = self.size * week[day.weekday()] * season * special
            counts[day] = int(dice.poisson(dice.gamma(1 / dispersion, mean * dispersion)))
        return counts

    @cached_property
    def prices(self) -> NDArray[np.float64]:
        """Of every product: what an order of it is worth about, in hundredths."""
        return np.exp(np.random.default_rng([self.seed, 1]).normal(np.log(29_900), 0.7, PRODUCTS + NEW))

    def orders(self, day: date) -> Orders:
        """The orders of one day: baskets are lognormal around their product's price."""
        dice, count, later = np.random.default_rng([self.seed, day.toordinal()]), self.counts[day], day >= CHANGE
        its, chosen = self.situation, np.arange(PRODUCTS)
        product = dice.choice(chosen, count, p=(weight := 1 / (chosen + 1)) / weight.sum())
        new = dice.random(count) < (its.new_products if later else 0)
        product = np.where(new, PRODUCTS + product % NEW, product)
        price = self.prices[product] * np.exp(dice.normal(0, 0.25, count)) * (its.rise if later else 1)
        price = np.where(dice.random(count) < its.trade, 200 * price, price)
        currency = (dice.random(count) < (its.new_currency if later else 0)).astype(np.int64)
        price = np.where(currency == 1, price / 7.46, price)
        status = dice.choice(len(STATUSES), count, p=[0.94, 0.03, 0.03])
        buyer = dice.integers(0, 40 + 200 * int(self.size), count)
        return Orders(np.rint(price).astype(np.int64), product, currency, status, buyer, int(dice.binomial(count, BAD)))
