"""What orders of one currency usually cost, order by order as they were bought: the judgement of each, and of all.

Pure: where the levels of products are kept is the caller's. What lies far out teaches nothing while it may be the
beginning of a mistake.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from conversions.statistics.magnitudes import (
    ENOUGH,
    NEAR,
    TEN,
    Basis,
    Deviation,
    Level,
    Shift,
    Spread,
    power,
    shifted,
    together,
)

OF_PRODUCT, OF_SHOP = 15, 63
"""The latest amounts that make a level: eight at a new one move a product's."""
AFTER = 6
"""New orders, and at most one of them far out, say that an earlier one was not the first of many."""
LATEST = 64
"""New orders that are looked at together."""
ONE_IN = 100
"""Amounts as far out as those of more earlier orders are usual."""
FEW = 30
"""Orders say nothing of their spread; then this is it:"""
SPREAD = 20
FAR = 5
"""Standard deviations."""
THIN = 7
"""Where fewer than eight orders make the level, which spreads itself."""
MANY = 300
"""Orders, none of them as far out: only then is ten times as much odd. Ten of one thing are no mistake."""


class ProductLevels(Protocol):
    """The levels of products; a product is 8 bytes that say nothing of it."""

    def find(self, product: bytes) -> Level | None:
        """Its level, where it has been sold before."""

    def sold(self, product: bytes, amount: int) -> None:
        """It was sold at this magnitude."""


@dataclass(slots=True)
class PriceLevels:
    """One currency, as of the latest order that was taken in."""

    products: ProductLevels
    shop: Level = field(default_factory=lambda: Level(OF_SHOP))
    spread: Spread = field(default_factory=Spread)
    latest: deque[Deviation] = field(default_factory=lambda: deque(maxlen=LATEST))

    def past(self, basket: Sequence[bytes], amount: int) -> None:
        """An order that was bought long ago: one far out that did not turn out to be the first of many is usual."""
        mark = self._marked(basket, amount)
        if mark is not None:
            self._follow(mark._replace(odd=False))
            if away(mark):
                self.learned(basket, amount, mark)

    def new(self, basket: Sequence[bytes], amount: int, order: int) -> Deviation | None:
        """A new order, judged; None where there is no level yet."""
        mark = self._marked(basket, amount, order)
        if mark is not None:
            self._follow(mark)
        return mark

    def decided(self, basket: Sequence[bytes], amount: int) -> None:
        """A new order whose amount a person has said is right."""
        mark = self.compare(basket, amount)
        if mark is not None:
            self.spread.add(mark.deviation, mark.basis)
        self._sold(basket, amount)

    def learned(self, basket: Sequence[bytes], amount: int, mark: Deviation) -> None:
        """An order that taught nothing while it was judged, and was not held back: new products cost what they cost."""
        if not power(mark.deviation):
            self._sold(basket, amount)
        elif mark.basis is not Basis.PRODUCT:
            self.products.sold(basket[0], amount)

    def accept(self, shift: Shift, orders: Iterable[tuple[Sequence[bytes], int]]) -> None:
        """A person has said that *shift* is no mistake: *orders* teach, the latest last, where so many make a level.

        Fewer of a product say nothing of the next ones: what was accepted were these orders.
        """
        orders = list(orders)
        sold = Counter(basket[0] for basket, _ in orders)
        for basket, amount in orders:
            if sold[basket[0]] >= ENOUGH:
                self._sold(basket, amount)
        usual = [m._replace(deviation=0) if power(m.deviation) == shift.power else m for m in self.latest]
        self.latest = deque(usual, LATEST)

    def shift(self) -> Shift | None:
        """Whether the latest new orders look like one mistake."""
        novel = self.spread.orders(Basis.SHOP) >= self.spread.orders(Basis.PRODUCT)
        return shifted(self.latest, novel=novel)

    def compare(self, basket: Sequence[bytes], amount: int, order: int = 0) -> Deviation | None:
        """How far *amount* is from the level of *basket*: of its products together, of each alone, or of the shop."""
        known = self.products.find(basket[0])
        level, orders = (known.median, len(known)) if known else self._each_alone(basket)
        if not orders:
            return self._by_shop(amount, order)
        mark = Deviation(amount - level, Basis.PRODUCT, order=order)
        if not power(mark.deviation):
            return mark
        if known and known.met(amount):
            return Deviation(0, Basis.PRODUCT, order=order)
        by_shop = self._by_shop(amount, order)
        if orders < ENOUGH and not _telling(mark, by_shop, orders):
            return mark._replace(basis=Basis.FEW)
        return mark._replace(odd=self._odd(mark.deviation, FAR if orders >= ENOUGH else THIN))

    def _by_shop(self, amount: int, order: int) -> Deviation | None:
        return Deviation(amount - self.shop.median, Basis.SHOP, order=order) if len(self.shop) >= ENOUGH else None

    def _marked(self, basket: Sequence[bytes], amount: int, order: int = 0) -> Deviation | None:
        mark = self.compare(basket, amount, order)
        if mark is None or not away(mark):
            self._sold(basket, amount)
        elif len(self.shop) < ENOUGH:
            self.shop.add(amount)
        return mark

    def _sold(self, basket: Sequence[bytes], amount: int) -> None:
        self.products.sold(basket[0], amount)
        self.shop.add(amount)

    def _each_alone(self, basket: Sequence[bytes]) -> tuple[int, int]:
        """What the products cost together when each was bought alone, and the fewest orders that say so."""
        levels = [self.products.find(product) for product in basket[1:]]
        known = [level for level in levels if level]
        if not known or len(known) < len(levels):
            return 0, 0
        return together(level.median for level in known), min(map(len, known))

    def _odd(self, deviation: int, times: int) -> bool:
        """Whether this shop has hardly ever had an order so far out."""
        orders, spread = self.spread.orders(Basis.PRODUCT), self.spread
        alike = spread.as_far(deviation, Basis.PRODUCT)
        withheld, others = spread.as_far(deviation, Basis.WITHHELD), (Basis.SHOP, Basis.FEW)
        new = sum(spread.beyond(deviation, basis) for basis in others)
        if (alike + withheld + new) * ONE_IN > orders + sum(map(spread.orders, others)):
            return False
        if alike > 0.45 * orders ** (1 / 3):  # a smooth tail gives itself away sooner than at one in a hundred
            return False
        if abs(power(deviation)) == 1 and (alike or orders < MANY):
            return False
        return abs(deviation) > times * (SPREAD if orders < FEW else max(spread.deviation(), 1))

    def _follow(self, mark: Deviation) -> None:
        """Count it among the latest. What lies far out is counted when it was not the first of many."""
        self.latest.append(mark)
        if not power(mark.deviation):
            self.spread.add(mark.deviation, mark.basis)
        if len(self.latest) > AFTER and power((early := self.latest[-AFTER - 1]).deviation):
            after = list(self.latest)[-AFTER:]
            if sum(power(one.deviation) != 0 for one in after) <= 1:
                self.spread.add(early.deviation, Basis.WITHHELD if early.odd else early.basis)


def away(mark: Deviation) -> bool:
    """Whether it teaches nothing before all are judged: it may be a mistake's, and drag the level along."""
    return abs(mark.deviation) > NEAR


def _telling(mark: Deviation, by_shop: Deviation | None, orders: int) -> bool:
    """Whether a level of few orders says something: a hundred times as much, or what the shop's level says, too."""
    if abs(power(mark.deviation)) == 1:
        return by_shop is not None and power(by_shop.deviation) == power(mark.deviation)
    close = (mark.deviation + NEAR) % TEN <= 2 * NEAR
    return close and (orders > 2 or by_shop is None or abs(by_shop.deviation) >= TEN - NEAR)
