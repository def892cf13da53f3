"""Gaps: days with fewer orders than chance explains. A file is missing or incomplete, or the shop is closed.

Each day is judged as on the day after it, with the present data: alone, and together with the days before it where one
day is not enough. A gap ends when orders are usual again; its days do not count for the baseline.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from conversions.statistics.baseline import FORTNIGHT, HALF_YEAR, MONTH, Day, Usual, usual
from conversions.statistics.negative_binomial import tail

SPANS_DAYS = (1, 2, 4, 7, 14, 28)
"""Numbers of days that are judged together; closed days and days that were never read do not count."""
RARE = 1e-4
"""Chance does not explain days that are less likely than this."""
COMMON, SELDOM = 0.1, 1e-3
"""A gap ends when its last days have at least ``COMMON`` by the baseline, and less than ``SELDOM`` by the gap."""
GAP_PRIOR_ORDERS = 0.5
"""Orders that are added to every gap, so that an empty gap has a level, too."""
MAX_ORDERS_OF_A_SPAN = 120
"""The limit for spans of several days: with more usual orders a shorter span is enough, and a longer one would only
show that a shop shrinks."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Days with too few orders."""

    since: date
    until: date
    """The last day so far."""
    detected: date
    """The day on which it was detected."""
    orders: int
    usual: float
    """Orders a day."""
    over: bool


def gaps(counts: Mapping[date, int], closed: Collection[date] = ()) -> list[Gap]:
    """Return every gap, the oldest first; the last one may go on.

    *counts* has the orders of every day that was read and has ended. Days before the first order and *closed* days do
    not count.
    """
    days = sorted((day, orders) for day, orders in counts.items() if day not in closed)
    first = next((n for n, (_, orders) in enumerate(days) if orders), len(days))
    return list(_gaps(days[first:]))


def _gaps(days: Sequence[Day]) -> Iterator[Gap]:
    known, gap = _KnownDays(), None
    for day in days:
        if gap is None:
            gap = known.add(day)
        elif back := gap.add(day):
            yield gap.as_gap(over=True)
            known, gap = (_KnownDays(back) if gap.lasts else known.extended(back)), None
    if gap is not None:
        yield gap.as_gap(over=False)


@dataclass(slots=True)
class _KnownDays:
    """Days outside gaps, the oldest first."""

    days: list[Day] = field(default_factory=list)
    _usual: dict[int, Usual | None] = field(default_factory=dict)
    """The baseline by the number of days that it covers."""

    def add(self, day: Day) -> "_Gap | None":
        """Add a day; return the gap that ends with it, if there is one, and remove its days."""
        self.days.append(day)
        for span in SPANS_DAYS:
            before = self._before(span)
            if before is not None and _few(self.days[-span:], before):
                return self._end_in(before)
        return None

    def _end_in(self, before: Usual) -> "_Gap":
        """Return the gap of the length that is least likely by chance."""
        lengths = range(1, min(MONTH, len(self.days) - FORTNIGHT) + 1)
        length = min(lengths, key=lambda n: _chance(self.days[-n:], before))
        baseline = self._before(length) or before
        first_days = self.days[-length:]
        del self.days[-length:]
        return _Gap(first_days, baseline)

    def extended(self, days: Sequence[Day]) -> "_KnownDays":
        """Return these days followed by *days*."""
        return _KnownDays([*self.days, *days])

    def _before(self, span: int) -> Usual | None:
        """Return the baseline before the last *span* days."""
        until = len(self.days) - span
        if until < FORTNIGHT:
            return None
        if until not in self._usual:
            self._usual[until] = usual(self.days[max(0, until - HALF_YEAR) : until])
        return self._usual[until]


@dataclass(slots=True)
class _Gap:
    """A gap that may go on."""

    first_days: list[Day]
    """The days up to its detection."""
    usual: Usual
    after: list[Day] = field(default_factory=list)
    lasts: bool = False
    """Whether its volume has become the usual one."""

    def add(self, day: Day) -> list[Day]:
        """Add a day; return the last days if they are no longer in the gap."""
        self.after.append(day)
        back = self._usual_again() or self._new_usual()
        if back:
            del self.after[-len(back) :]
        return back

    def _usual_again(self) -> list[Day]:
        """Return the last days if they are like the days before the gap, and unlike the days in it."""
        for days in (self.after[-span:] for span in SPANS_DAYS if span <= len(self.after)):
            few = _chance(days, self.usual) < COMMON
            if not few and self._many(days) < SELDOM:
                return days[next(i for i, (_, n) in enumerate(days) if n) :]
        return []

    def _many(self, last: Sequence[Day]) -> float:
        """Return the probability of so many orders or more in the *last* days, by the level of the gap."""
        before = [*self.first_days, *self.after[: -len(last)]]
        share = (_orders(before) + GAP_PRIOR_ORDERS) / self.usual.over(before)[0]
        mean, dispersion = self.usual.over(last)
        return 1 - tail(_orders(last) - 1, mean * share, dispersion)

    def _new_usual(self) -> list[Day]:
        """Return the last month if it has orders throughout: fewer orders are usual from now on."""
        month = self.after[-MONTH:]
        self.lasts = len(month) == MONTH and any(n for _, n in month[:FORTNIGHT])
        return month if self.lasts else []

    def as_gap(self, *, over: bool) -> Gap:
        """Return the gap as a value."""
        days = [*self.first_days, *self.after]
        mean, _ = self.usual.over(self.first_days)
        return Gap(days[0][0], days[-1][0], self.first_days[-1][0], _orders(days), mean / len(self.first_days), over)


def _few(days: Sequence[Day], before: Usual) -> bool:
    mean, _ = before.over(days)
    return _orders(days) < mean and (len(days) == 1 or mean <= MAX_ORDERS_OF_A_SPAN) and _chance(days, before) < RARE


def _chance(days: Sequence[Day], before: Usual) -> float:
    """Return the probability of so few orders or fewer."""
    return tail(_orders(days), *before.over(days))


def _orders(days: Sequence[Day]) -> int:
    return sum(orders for _, orders in days)
