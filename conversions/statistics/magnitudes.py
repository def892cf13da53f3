"""The distance of an amount from the usual one, in hundredths of a decimal logarithm: 200 is a hundred times as much.

Pure functions of integers. A wrong decimal mark, minor unit or currency is off by a whole power of ten; baskets,
quantities and prices vary around their level by a fraction of one.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log10
from statistics import median
from typing import NamedTuple

TENFOLD = 100
"""The distance of ten times as much."""
NEAR_DISTANCE = 35
"""An amount within this distance is near its level: between half and twice as much."""
MAX_POWER = 3
"""A thousand times; larger powers count as this one."""
MIN_ORDERS = 8
"""The fewest orders that make a level, or that make a mistake of all orders rather than of one."""
MIN_SHARE = 0.8
"""The share of the latest new orders that makes a shift."""
MIN_ORDERS_NEW_PRODUCTS = 2 * MIN_ORDERS
MAX_CENTRE_OFFSET = 20
"""The median of the orders of a shift is within this distance of a power of ten."""


def magnitude(minor: int, exponent: int) -> int:
    """Return the magnitude of *minor* units (above zero) of a currency with *exponent* decimals."""
    return round(TENFOLD * log10(minor)) - TENFOLD * exponent


def magnitude_of_sum(magnitudes: Iterable[int]) -> int:
    """Return the magnitude of the sum of several amounts."""
    return round(TENFOLD * log10(sum(10 ** (each / TENFOLD) for each in magnitudes)))


def power(deviation: int) -> int:
    """Return the nearest power of ten, from -3 to 3; 0 where the deviation is not a wrong decimal mark."""
    if -TENFOLD + NEAR_DISTANCE < deviation < TENFOLD - NEAR_DISTANCE:
        return 0
    nearest = max(1, (abs(deviation) + TENFOLD // 2) // TENFOLD)
    return min(nearest, MAX_POWER) * (1 if deviation > 0 else -1)


class AmountLevel:
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
        """The median, the lower one of two, so that a single expensive order is not the level. Needs an amount."""
        if self._median is None:
            self._median = sorted(self.amounts)[(len(self.amounts) - 1) // 2]
        return self._median

    def add(self, amount: int) -> None:
        """Add an amount, and drop the oldest one."""
        self.amounts.append(amount)
        if len(self.amounts) > self.most:
            del self.amounts[0]
        self._median = None

    def accepted_before(self, amount: int) -> bool:
        """Return whether a similar outlier was accepted before."""
        same_power = power(amount - self.median)
        near = (each for each in self.amounts if abs(amount - each) <= NEAR_DISTANCE)
        return any(power(each - self.median) == same_power for each in near)

    def pack(self) -> bytes:
        """Return the amounts as bytes for the store: 16 bits each, the oldest first."""
        return array("h", self.amounts).tobytes()


def unpack(packed: bytes) -> Iterable[int]:
    """Return the amounts of ``Level.pack``."""
    return array("h", packed)


class Basis(StrEnum):
    """The level that an amount was compared with."""

    PRODUCT = "product"
    SHOP = "shop"
    """The level of the shop, because the products are new."""
    FEW = "few"
    """A product with few orders: several outliers together count, a single one does not."""
    WITHHELD = "withheld"
    """Only in counts: an order that was withheld, and was not the first of many."""


class Deviation(NamedTuple):
    """The deviation of one of the latest new orders."""

    deviation: int
    basis: Basis
    odd: bool = False
    """Whether the order is withheld by itself."""
    order: int = 0
    """The id of the order in the snapshot; minus its sale's id where an earlier run read it; 0 for a past order."""


@dataclass(slots=True)
class Spread:
    """The deviations of the orders of one currency: for each basis, counts by tenths of a logarithm."""

    counts: dict[Basis, Counter[int]] = field(default_factory=lambda: {basis: Counter() for basis in Basis})

    def add(self, deviation: int, basis: Basis) -> None:
        """Count one order."""
        self.counts[basis][_tenths(deviation)] += 1

    def orders(self, basis: Basis) -> int:
        """Return how many orders were counted."""
        return self.counts[basis].total()

    def as_far(self, deviation: int, basis: Basis) -> int:
        """Return how many orders have at least two thirds of the deviation, on its side: a mistake stands alone."""
        return self._from(abs(deviation) * 2 / 3, deviation, basis)

    def beyond(self, deviation: int, basis: Basis) -> int:
        """Return how many orders have about the same deviation or a larger one, on the same side."""
        return self._from(abs(deviation) - NEAR_DISTANCE, deviation, basis)

    def _from(self, least: float, side: int, basis: Basis) -> int:
        sign = 1 if side > 0 else -1
        return sum(orders for tenths, orders in self.counts[basis].items() if tenths * sign >= least // 10)

    def deviation(self) -> float:
        """Return the standard deviation without outliers: 1.4826 times the median absolute deviation, by tenths."""
        half, seen = self.orders(Basis.PRODUCT) / 2, 0
        absolute = Counter[int]()
        for tenths, orders in self.counts[Basis.PRODUCT].items():
            absolute[abs(tenths)] += orders
        for tenths, orders in sorted(absolute.items()):
            if seen + orders >= half:  # a count covers half a tenth on each side; around 0 it covers both
                return 14.826 * (max(tenths - 0.5, 0) + (half - seen) / orders * (1 if tenths else 0.5))
            seen += orders
        return 0.0


def _tenths(deviation: int) -> int:
    return round(deviation / 10)


class Shift(NamedTuple):
    """The latest new orders are off by about the same power of ten."""

    power: int
    orders: int
    """How many orders are off by it, among ``of`` orders."""
    of: int


def find_shift(latest: Sequence[Deviation], *, novel: bool) -> Shift | None:
    """Return the shift of the *latest* new orders, the newest last; None without one, or without orders of this run.

    New products have only the level of the shop, and a new product line is not a mistake: then no order may be at its
    old level, and twice as many orders are needed, unless new products are usual in this shop (*novel*).
    """
    powers = {power(mark.deviation) for mark in latest if mark.order > 0}
    shifts = (_shift(latest, wanted, novel=novel) for wanted in powers)
    return max((shift for shift in shifts if shift), key=lambda shift: shift.orders, default=None)


def _shift(latest: Sequence[Deviation], wanted: int, *, novel: bool) -> Shift | None:
    longest = None
    for of, near, counts in _endings(latest, wanted) if wanted else ():
        certain = counts.products >= MIN_ORDERS or (not counts.usual and (novel or near >= MIN_ORDERS_NEW_PRODUCTS))
        if near >= MIN_ORDERS and near >= MIN_SHARE * of and counts.this_run and certain:
            longest = Shift(wanted, near, of)
    return longest if longest and _centred([*latest][-longest.of :], wanted) else None


def _centred(marks: Iterable[Deviation], wanted: int) -> bool:
    """Return whether the median is close to the power: a wrong decimal mark multiplies by exactly ten."""
    near = [mark.deviation for mark in marks if power(mark.deviation) == wanted]
    return abs(median(near) - TENFOLD * wanted) <= MAX_CENTRE_OFFSET


class _Counts(NamedTuple):
    """Counts of orders in one ending of the sequence."""

    products: int = 0
    """Near the power, by the level of their own products."""
    usual: int = 0
    """Near their level."""
    this_run: int = 0
    """Near the power, and read by this run."""


def _endings(latest: Sequence[Deviation], wanted: int) -> Iterator[tuple[int, int, _Counts]]:
    """Yield for every ending of the sequence its length, how many orders are near the power, and other counts."""
    near, products, usual, this_run = 0, 0, 0, 0
    for of, mark in enumerate(reversed(latest), 1):
        is_near = power(mark.deviation) == wanted
        near += is_near
        products += is_near and mark.basis is not Basis.SHOP
        this_run += is_near and mark.order > 0
        usual += abs(mark.deviation) <= NEAR_DISTANCE
        yield of, near, _Counts(products, usual, this_run)
