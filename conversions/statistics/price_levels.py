"""The usual amounts of the orders of one currency, updated order by order, and the judgement of each new order.

Pure: the caller keeps the levels of the products. An outlier does not change the levels while it may be the beginning
of a mistake.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from conversions.statistics.magnitudes import (
    MIN_ORDERS,
    NEAR_DISTANCE,
    TENFOLD,
    AmountLevel,
    Basis,
    Deviation,
    Shift,
    Spread,
    find_shift,
    magnitude_of_sum,
    power,
)

PRODUCT_LEVEL_ORDERS, SHOP_LEVEL_ORDERS = 15, 63
"""How many latest amounts make a level: eight orders at a new price move the level of a product."""
FOLLOWING_ORDERS = 6
"""If at most one of so many following orders is an outlier, an earlier outlier was not the first of many."""
LATEST_ORDERS = 64
"""New orders that are judged together."""
ONE_IN = 100
"""A deviation is usual if more than one in so many earlier orders has it."""
MIN_SPREAD_ORDERS = 30
"""With fewer orders the standard deviation is ``DEFAULT_DEVIATION``."""
DEFAULT_DEVIATION = 20
MAX_DEVIATIONS = 5
"""The limit of usual amounts, in standard deviations."""
MAX_DEVIATIONS_FEW_ORDERS = 7
"""The same, where fewer than eight orders make the level, because such a level varies itself."""
MIN_ORDERS_TENFOLD = 300
"""Ten times as much is unusual only after so many orders without it: a buyer may order ten of one product."""


class ProductLevels(Protocol):
    """The levels of products; a product is 8 bytes that do not reveal it."""

    def find(self, product: bytes) -> AmountLevel | None:
        """Return the level of a product that was sold before."""

    def sold(self, product: bytes, amount: int) -> None:
        """Add an amount at which the product was sold."""


@dataclass(slots=True)
class PriceLevels:
    """The levels of one currency, after its latest order."""

    products: ProductLevels
    shop: AmountLevel = field(default_factory=lambda: AmountLevel(SHOP_LEVEL_ORDERS))
    spread: Spread = field(default_factory=Spread)
    latest: deque[Deviation] = field(default_factory=lambda: deque(maxlen=LATEST_ORDERS))

    def add_past(self, basket: Sequence[bytes], amount: int) -> None:
        """Add a past order: an outlier that was not the first of many counts as usual."""
        mark = self._judge(basket, amount)
        if mark is not None:
            self._follow(mark._replace(odd=False))
            if is_outlier(mark):
                self.learn(basket, amount, mark)

    def judge(self, basket: Sequence[bytes], amount: int, order: int) -> Deviation | None:
        """Judge and add a new order; None where there is no level yet."""
        mark = self._judge(basket, amount, order)
        if mark is not None:
            self._follow(mark)
        return mark

    def add_decided(self, basket: Sequence[bytes], amount: int) -> None:
        """Add a new order with an amount that a person has confirmed."""
        mark = self.compare(basket, amount)
        if mark is not None:
            self.spread.add(mark.deviation, mark.basis)
        self._sold(basket, amount)

    def learn(self, basket: Sequence[bytes], amount: int, mark: Deviation) -> None:
        """Add an outlier that was judged and not withheld, as the price of a new product may be right."""
        if not power(mark.deviation):
            self._sold(basket, amount)
        elif mark.basis is not Basis.PRODUCT:
            self.products.sold(basket[0], amount)

    def accept(self, shift: Shift, orders: Iterable[tuple[Sequence[bytes], int]]) -> None:
        """Add the *orders* of an accepted *shift*, the latest last, for products with enough orders to make a level.

        Fewer orders of a product do not predict its next orders: the person accepted only these orders.
        """
        orders = list(orders)
        sold = Counter(basket[0] for basket, _ in orders)
        for basket, amount in orders:
            if sold[basket[0]] >= MIN_ORDERS:
                self._sold(basket, amount)
        latest = [m._replace(deviation=0) if power(m.deviation) == shift.power else m for m in self.latest]
        self.latest = deque(latest, LATEST_ORDERS)

    def shift(self) -> Shift | None:
        """Return the shift of the latest new orders, if they look like one mistake."""
        novel = self.spread.orders(Basis.SHOP) >= self.spread.orders(Basis.PRODUCT)
        return find_shift(self.latest, novel=novel)

    def compare(self, basket: Sequence[bytes], amount: int, order: int = 0) -> Deviation | None:
        """Return the deviation of *amount* from the level of *basket*: of all its products, of each, or of the shop."""
        known = self.products.find(basket[0])
        level, orders = (known.median, len(known)) if known else self._sum_of_levels(basket)
        if not orders:
            return self._by_shop(amount, order)
        mark = Deviation(amount - level, Basis.PRODUCT, order=order)
        if not power(mark.deviation):
            return mark
        if known and known.accepted_before(amount):
            return Deviation(0, Basis.PRODUCT, order=order)
        by_shop = self._by_shop(amount, order)
        if orders < MIN_ORDERS and not _is_conclusive(mark, by_shop, orders):
            return mark._replace(basis=Basis.FEW)
        return mark._replace(
            odd=self._is_unusual(mark.deviation, MAX_DEVIATIONS if orders >= MIN_ORDERS else MAX_DEVIATIONS_FEW_ORDERS)
        )

    def _by_shop(self, amount: int, order: int) -> Deviation | None:
        return Deviation(amount - self.shop.median, Basis.SHOP, order=order) if len(self.shop) >= MIN_ORDERS else None

    def _judge(self, basket: Sequence[bytes], amount: int, order: int = 0) -> Deviation | None:
        mark = self.compare(basket, amount, order)
        if mark is None or not is_outlier(mark):
            self._sold(basket, amount)
        elif len(self.shop) < MIN_ORDERS:
            self.shop.add(amount)
        return mark

    def _sold(self, basket: Sequence[bytes], amount: int) -> None:
        self.products.sold(basket[0], amount)
        self.shop.add(amount)

    def _sum_of_levels(self, basket: Sequence[bytes]) -> tuple[int, int]:
        """Return the sum of the products' own levels, and the fewest orders of one of these levels."""
        levels = [self.products.find(product) for product in basket[1:]]
        known = [level for level in levels if level]
        if not known or len(known) < len(levels):
            return 0, 0
        return magnitude_of_sum(level.median for level in known), min(map(len, known))

    def _is_unusual(self, deviation: int, times: int) -> bool:
        """Return whether this shop hardly ever had an order with such a deviation."""
        orders, spread = self.spread.orders(Basis.PRODUCT), self.spread
        alike = spread.as_far(deviation, Basis.PRODUCT)
        withheld, others = spread.as_far(deviation, Basis.WITHHELD), (Basis.SHOP, Basis.FEW)
        new = sum(spread.beyond(deviation, basis) for basis in others)
        if (alike + withheld + new) * ONE_IN > orders + sum(map(spread.orders, others)):
            return False
        if alike > 0.45 * orders ** (1 / 3):  # a smooth tail shows earlier than at one in a hundred
            return False
        if abs(power(deviation)) == 1 and (alike or orders < MIN_ORDERS_TENFOLD):
            return False
        return abs(deviation) > times * (
            DEFAULT_DEVIATION if orders < MIN_SPREAD_ORDERS else max(spread.deviation(), 1)
        )

    def _follow(self, mark: Deviation) -> None:
        """Add the deviation to the latest ones; count an outlier only when it was not the first of many."""
        self.latest.append(mark)
        if not power(mark.deviation):
            self.spread.add(mark.deviation, mark.basis)
        if len(self.latest) > FOLLOWING_ORDERS and power((early := self.latest[-FOLLOWING_ORDERS - 1]).deviation):
            after = list(self.latest)[-FOLLOWING_ORDERS:]
            if sum(power(each.deviation) != 0 for each in after) <= 1:
                self.spread.add(early.deviation, Basis.WITHHELD if early.odd else early.basis)


def is_outlier(mark: Deviation) -> bool:
    """Return whether it does not change the level before all orders are judged, because it may be a mistake."""
    return abs(mark.deviation) > NEAR_DISTANCE


def _is_conclusive(mark: Deviation, by_shop: Deviation | None, orders: int) -> bool:
    """Return whether a level of few orders is conclusive: a hundred times as much, or the shop's level agrees."""
    if abs(power(mark.deviation)) == 1:
        return by_shop is not None and power(by_shop.deviation) == power(mark.deviation)
    close = (mark.deviation + NEAR_DISTANCE) % TENFOLD <= 2 * NEAR_DISTANCE
    return close and (orders > 2 or by_shop is None or abs(by_shop.deviation) >= TENFOLD - NEAR_DISTANCE)
