"""How far an amount lies from what is usual, in hundredths of a decimal logarithm: 200 is a hundred times as much.

Pure: integers in, integers out. A mistake of the decimal mark, of minor units or of the currency is a whole power of
ten; baskets, quantities and prices spread around their level by a fraction of one.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log10
from statistics import median
from typing import NamedTuple

TEN = 100
"""Ten times as much."""
NEAR = 35
"""So far from a level is still there: between half and twice as much."""
LARGEST = 3
"""A thousand times; beyond it is beyond it."""
ENOUGH = 8
"""Orders make a level, and so many make a mistake of everything rather than of one order."""
SHARE = 0.8
"""Of the latest new orders."""
TWICE = 2 * ENOUGH
CENTRE = 20
"""So far from a power of ten the middle of such orders may lie."""


def magnitude(minor: int, exponent: int) -> int:
    """Of *minor* units (above zero) of a currency with so many decimals."""
    return round(TEN * log10(minor)) - TEN * exponent


def together(magnitudes: Iterable[int]) -> int:
    """Of the sum of several amounts."""
    return round(TEN * log10(sum(10 ** (one / TEN) for one in magnitudes)))


def power(deviation: int) -> int:
    """Which power of ten it is near, from -3 to 3; 0 where it is no mistake of the decimal mark."""
    if -TEN + NEAR < deviation < TEN - NEAR:
        return 0
    nearest = max(1, (abs(deviation) + TEN // 2) // TEN)
    return min(nearest, LARGEST) * (1 if deviation > 0 else -1)


class Level:
    """The latest amounts of one product, or of the whole shop; their median is the level."""

    __slots__ = ("_median", "amounts", "most")

    def __init__(self, most: int, amounts: Iterable[int] = ()) -> None:
        self.most = most
        self.amounts = list(amounts)[-most:]
        self._median: int | None = None

    def __len__(self) -> int:
        return len(self.amounts)

    @property
    def median(self) -> int:
        """The lower one where there are two: a single dear order is no level. At least one amount was taken in."""
        if self._median is None:
            self._median = sorted(self.amounts)[(len(self.amounts) - 1) // 2]
        return self._median

    def add(self, amount: int) -> None:
        """Take in one more; the oldest goes."""
        self.amounts.append(amount)
        if len(self.amounts) > self.most:
            del self.amounts[0]
        self._median = None

    def met(self, amount: int) -> bool:
        """Whether about this much, though far out, was right before."""
        there = power(amount - self.median)
        return any(abs(amount - one) <= NEAR and power(one - self.median) == there for one in self.amounts)

    def packed(self) -> bytes:
        """For the store: 16 bits each, the oldest first."""
        return array("h", self.amounts).tobytes()


def unpacked(held: bytes) -> Iterable[int]:
    """What ``Level.packed`` made."""
    return array("h", held)


class Basis(StrEnum):
    """What an amount was held against."""

    PRODUCT = "product"
    SHOP = "shop"
    """The products are new."""
    FEW = "few"
    """Orders of its product: several together tell, one alone does not."""
    WITHHELD = "withheld"
    """In counts only: an order that was held back, and did not turn out to be the first of many."""


class Deviation(NamedTuple):
    """One of the latest new orders."""

    deviation: int
    basis: Basis
    odd: bool = False
    """Whether it is held back alone."""
    order: int = 0
    """Its number among the sightings; minus its sale's where an earlier night saw it; 0 where none did."""


@dataclass(slots=True)
class Spread:
    """How far the orders of one currency have lain from their levels: by basis, counts by tenths of a logarithm."""

    counts: dict[Basis, Counter[int]] = field(default_factory=lambda: {basis: Counter() for basis in Basis})

    def add(self, deviation: int, basis: Basis) -> None:
        """Count one order."""
        self.counts[basis][_tenths(deviation)] += 1

    def orders(self, basis: Basis) -> int:
        """So many were counted."""
        return self.counts[basis].total()

    def as_far(self, deviation: int, basis: Basis) -> int:
        """How many lay at least two thirds as far out, on the same side: tails are smooth, mistakes stand alone."""
        return self._from(abs(deviation) * 2 / 3, deviation, basis)

    def beyond(self, deviation: int, basis: Basis) -> int:
        """How many lay about as far out or farther, on the same side."""
        return self._from(abs(deviation) - NEAR, deviation, basis)

    def _from(self, least: float, side: int, basis: Basis) -> int:
        sign = 1 if side > 0 else -1
        return sum(orders for tenths, orders in self.counts[basis].items() if tenths * sign >= least // 10)

    def deviation(self) -> float:
        """The standard deviation of the bulk: 1.4826 times the median absolute deviation, by tenths."""
        half, seen = self.orders(Basis.PRODUCT) / 2, 0
        absolute = Counter[int]()
        for tenths, orders in self.counts[Basis.PRODUCT].items():
            absolute[abs(tenths)] += orders
        for tenths, orders in sorted(absolute.items()):
            if seen + orders >= half:  # half a tenth to either side of it; around 0 it is both
                return 14.826 * (max(tenths - 0.5, 0) + (half - seen) / orders * (1 if tenths else 0.5))
            seen += orders
        return 0.0


def _tenths(deviation: int) -> int:
    return round(deviation / 10)


class Shift(NamedTuple):
    """The latest new orders lie near one power of ten of their levels."""

    power: int
    orders: int
    """So many of them."""
    of: int


def shifted(latest: Sequence[Deviation], *, novel: bool) -> Shift | None:
    """What the *latest* new orders, the newest last, look like together. An earlier night's alone look like nothing.

    Where products are new only the shop's level is left, and a new line is no mistake: then no order may lie at its
    old level, and twice as many are asked for, unless new products are usual in this shop (*novel*).
    """
    found = (_shift(latest, one, novel=novel) for one in {power(mark.deviation) for mark in latest if mark.order > 0})
    return max((one for one in found if one), key=lambda one: one.orders, default=None)


def _shift(latest: Sequence[Deviation], wanted: int, *, novel: bool) -> Shift | None:
    longest = None
    for of, near, plain in _endings(latest, wanted) if wanted else ():
        sure = plain.products >= ENOUGH or (not plain.usual and (novel or near >= TWICE))
        if near >= ENOUGH and near >= SHARE * of and plain.this_run and sure:
            longest = Shift(wanted, near, of)
    return longest if longest and _centred([*latest][-longest.of :], wanted) else None


def _centred(marks: Iterable[Deviation], wanted: int) -> bool:
    """Whether those near the power lie around it: a lost decimal mark multiplies by ten, not by about ten."""
    near = [mark.deviation for mark in marks if power(mark.deviation) == wanted]
    return abs(median(near) - TEN * wanted) <= CENTRE


class _Among(NamedTuple):
    products: int = 0
    """Near the wanted power by their own products' level."""
    usual: int = 0
    """At their level."""
    this_run: int = 0
    """Near the wanted power, and read this_run."""


def _endings(latest: Sequence[Deviation], wanted: int) -> Iterator[tuple[int, int, _Among]]:
    """For every ending of the sequence: how long it is, how many are near, and what else is among them."""
    near, products, usual, this_run = 0, 0, 0, 0
    for of, mark in enumerate(reversed(latest), 1):
        is_near = power(mark.deviation) == wanted
        near += is_near
        products += is_near and mark.basis is not Basis.SHOP
        this_run += is_near and mark.order > 0
        usual += abs(mark.deviation) <= NEAR
        yield of, near, _Among(products, usual, this_run)
