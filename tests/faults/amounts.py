"""Seeded years of a shop's amounts, held against the guard of levels: how often it calls somebody for nothing.

``year`` draws the orders and asks ``Prices`` as a night does; no store, no source.
"""

import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from math import log10

from conversions.statistics.magnitudes import TENFOLD, AmountLevel, Deviation
from conversions.statistics.price_levels import LATEST_ORDERS, PRODUCT_LEVEL_ORDERS, PriceLevels, is_outlier

SIZES = (3 / 7, 8.0, 45.0, 3000.0)
"""Orders a day."""
SITUATIONS = ("ordinary", "trade orders", "closing", "Black Friday", "price rise", "new line", "new currency")
BEFORE, BEGINS, FRIDAY, CLOSED = 60, 100, 300, range(180, 201)
"""Days of the source before the first night; days of the year."""


@dataclass(frozen=True, slots=True)
class Called:
    """How many nights of a year the guard raised an exit code for."""

    alone: int
    """1: an odd order was held back."""
    stopped: int
    """65, which is always wrong here."""


class Memory:
    """The levels of products, in memory."""

    def __init__(self) -> None:
        self.levels: dict[bytes, AmountLevel] = {}

    def find(self, product: bytes) -> AmountLevel | None:
        return self.levels.get(product)

    def sold(self, product: bytes, amount: int) -> None:
        self.levels.setdefault(product, AmountLevel(PRODUCT_LEVEL_ORDERS)).add(amount)


def year(situation: str, per_day: float, seed: int, *, spread: float = 0.15, products: int = 30) -> Called:
    """One year of nights after 60 days of history; *spread* is a basket's standard deviation, in powers of ten."""
    draw, alone, stopped = random.Random(f"{situation} {per_day} {seed}"), 0, 0
    shop = _Shop(draw, situation, per_day, spread, [draw.gauss(2.3, 0.3) for _ in range(products)])
    prices: dict[str, PriceLevels] = {}
    for day in range(-BEFORE, 365):
        odd, wrong = night(prices, list(shop.orders(day)), first=day < 0)
        alone, stopped = alone + odd, stopped + wrong
    return Called(alone, stopped)


@dataclass(slots=True)
class _Shop:
    draw: random.Random
    situation: str
    per_day: float
    spread: float
    base: list[float]

    def orders(self, day: int) -> Iterator[tuple[str, bytes, int]]:
        """Currency, product and magnitude of each order of *day*."""
        rate = self.per_day
        if self.situation == "closing" and day in CLOSED:
            return
        friday = self.situation == "Black Friday" and day == FRIDAY
        for _ in range(_poisson(self.draw, rate * 6 if friday else rate)):
            yield self._order(day, friday=friday)

    def _order(self, day: int, *, friday: bool) -> tuple[str, bytes, int]:
        draw, currency = self.draw, "DKK"
        number = draw.randrange(len(self.base))
        size = self.base[number] + log10(draw.choices([1, 2, 3, 10], [80, 15, 4, 1])[0])
        product = number.to_bytes(2)
        begun = day >= BEGINS
        if self.situation == "trade orders" and draw.random() < 0.05:
            size += log10(200)
        if self.situation == "price rise" and begun:
            size += log10(1.08)
        if self.situation == "new line" and begun and draw.random() < 0.3:
            number = draw.randrange(5)
            product, size = (1000 + number).to_bytes(2), 3.3 + 0.2 * number
        if self.situation == "new currency" and begun and draw.random() < 0.2:
            currency, size = "EUR", size - log10(7.46)
        return currency, product, round(TENFOLD * (size - (0.3 if friday else 0) + draw.gauss(0, self.spread)))


def night(prices: dict[str, PriceLevels], orders: list[tuple[str, bytes, int]], *, first: bool) -> tuple[bool, bool]:
    """Whether an order is held back alone, and whether all are; *first*: they only teach."""
    went: list[tuple[PriceLevels, bytes, int, Deviation]] = []
    odd = False
    for number, (currency, product, amount) in enumerate(orders, 1):
        one = prices.get(currency) or prices.setdefault(currency, PriceLevels(Memory()))
        if first:
            one.add_past((product,), amount)
        elif mark := one.judge((product,), amount, number):
            odd |= mark.odd
            went += [(one, product, amount, mark)] if is_outlier(mark) and not mark.odd else []
    stopped = any(one.shift() for one in prices.values())
    for one, product, amount, mark in went:
        one.learn((product,), amount, mark)
    for one in prices.values():
        one.latest = deque((mark._replace(order=-1) for mark in one.latest), LATEST_ORDERS)
    return odd, stopped


def _poisson(draw: random.Random, mean: float) -> int:
    """Counted by waiting times."""
    found, waited = 0, draw.expovariate(1)
    while waited < mean:
        found, waited = found + 1, waited + draw.expovariate(1)
    return found
