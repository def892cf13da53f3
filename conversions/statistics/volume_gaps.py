"""Gaps: days with so few orders that chance does not explain it. A file never came, came in half, or the shop is shut.

Each day is judged as on the night after it, by what is known today: alone, and together with the days before it where
one alone cannot tell. A gap goes on until orders are usual again, and is no evidence of what is usual.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from conversions.statistics.baseline import FORTNIGHT, HALF_YEAR, MONTH, Day, Usual, usual
from conversions.statistics.negative_binomial import tail

SPANS = (1, 2, 4, 7, 14, 28)
"""Days that are judged together, up to yesterday; those that are closed or were never read do not count."""
RARE = 1e-4
"""Below this, chance does not explain it."""
COMMON, SELDOM = 0.1, 1e-3
"""A gap is over where its last days are as likely as this before it, and less likely than that in it."""
HALF = 0.5
"""An order that a gap is taken to have had, so that one that was empty has a level, too."""
MAX_ORDERS_OF_A_SPAN = 120
"""Orders usual in a span of several days: where there would be more, shorter spans tell, and longer ones would only
tell that a shop shrinks."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Days with too few orders."""

    since: date
    until: date
    """The last of them so far."""
    found: date
    """The day up to which it took to tell."""
    orders: int
    usual: float
    """Orders a day."""
    over: bool


def gaps(counts: Mapping[date, int], closed: Collection[date] = ()) -> list[Gap]:
    """Every gap, the oldest first; the last one may go on.

    *counts* has the orders of every day that was read and has ended. Days before the first order, and *closed* ones,
    are no evidence in either direction.
    """
    days = sorted((day, orders) for day, orders in counts.items() if day not in closed)
    first = next((n for n, (_, orders) in enumerate(days) if orders), len(days))
    return list(_gaps(days[first:]))


def _gaps(days: Sequence[Day]) -> Iterator[Gap]:
    known, gap = _Known(), None
    for day in days:
        if gap is None:
            gap = known.take(day)
        elif back := gap.take(day):
            yield gap.told(over=True)
            known, gap = (_Known(back) if gap.lasts else known.and_then(back)), None
    if gap is not None:
        yield gap.told(over=False)


@dataclass(slots=True)
class _Known:
    """Days outside gaps, the oldest first."""

    days: list[Day] = field(default_factory=list)
    _usual: dict[int, Usual | None] = field(default_factory=dict)
    """By how many of the days it comes from."""

    def take(self, day: Day) -> "_Gap | None":
        """One day more, and the gap that it ends in, which is not known then."""
        self.days.append(day)
        for span in SPANS:
            before = self._before(span)
            if before is not None and _few(self.days[-span:], before):
                return self._end_in(before)
        return None

    def _end_in(self, before: Usual) -> "_Gap":
        """The gap begins where chance explains least of it."""
        lengths = range(1, min(MONTH, len(self.days) - FORTNIGHT) + 1)
        length = min(lengths, key=lambda n: _chance(self.days[-n:], before))
        usually = self._before(length) or before
        found = self.days[-length:]
        del self.days[-length:]
        return _Gap(found, usually)

    def and_then(self, days: Sequence[Day]) -> "_Known":
        """The same, and these days after them."""
        return _Known([*self.days, *days])

    def _before(self, span: int) -> Usual | None:
        """What was usual before the last days."""
        until = len(self.days) - span
        if until < FORTNIGHT:
            return None
        if until not in self._usual:
            self._usual[until] = usual(self.days[max(0, until - HALF_YEAR) : until])
        return self._usual[until]


@dataclass(slots=True)
class _Gap:
    """A gap that goes on."""

    found: list[Day]
    usual: Usual
    after: list[Day] = field(default_factory=list)
    lasts: bool = False
    """Whether it has become what is usual."""

    def take(self, day: Day) -> list[Day]:
        """One day more; the last days, where they are outside it."""
        self.after.append(day)
        back = self._usual_again() or self._new_usual()
        if back:
            del self.after[-len(back) :]
        return back

    def _usual_again(self) -> list[Day]:
        """The last days, where they are like those before the gap, and unlike those in it."""
        for days in (self.after[-span:] for span in SPANS if span <= len(self.after)):
            few = _chance(days, self.usual) < COMMON
            if not few and self._many(days) < SELDOM:
                return days[next(i for i, (_, n) in enumerate(days) if n) :]
        return []

    def _many(self, last: Sequence[Day]) -> float:
        """The probability of as many orders in the *last* days, or more, where they belong to the gap before them."""
        before = [*self.found, *self.after[: -len(last)]]
        share = (_orders(before) + HALF) / self.usual.over(before)[0]
        mean, dispersion = self.usual.over(last)
        return 1 - tail(_orders(last) - 1, mean * share, dispersion)

    def _new_usual(self) -> list[Day]:
        """A month of fewer orders, which came all along, is how it is now."""
        month = self.after[-MONTH:]
        self.lasts = len(month) == MONTH and any(n for _, n in month[:FORTNIGHT])
        return month if self.lasts else []

    def told(self, *, over: bool) -> Gap:
        """As a value."""
        days = [*self.found, *self.after]
        mean, _ = self.usual.over(self.found)
        return Gap(days[0][0], days[-1][0], self.found[-1][0], _orders(days), mean / len(self.found), over)


def _few(days: Sequence[Day], before: Usual) -> bool:
    mean, _ = before.over(days)
    return _orders(days) < mean and (len(days) == 1 or mean <= MAX_ORDERS_OF_A_SPAN) and _chance(days, before) < RARE


def _chance(days: Sequence[Day], before: Usual) -> float:
    """The probability of so few orders or fewer."""
    return tail(_orders(days), *before.over(days))


def _orders(days: Sequence[Day]) -> int:
    return sum(orders for _, orders in days)
