"""The usual number of orders of a shop: its recent level, its weekdays, and how much its days vary."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low

FORTNIGHT, MONTH, QUARTER, HALF_YEAR = 14, 28, 91, 182
"""In days. A baseline needs a fortnight; the level covers a month, the week a quarter, or half a year."""
MIN_LEVEL_ORDERS = 60
"""A level needs so many orders: with fewer, it covers more days."""
PEAK_FACTOR = 2
"""A day is a peak, and does not count, with over so many times its weekday's median …"""
PEAK_SURPLUS_ORDERS = 6
"""… and so many orders more."""
PRIOR_ORDERS = 4
"""Each weekday starts with so many orders at the shop's mean, so that a small shop has no strong week."""
LEVEL_DISPERSION = 0.015
"""The dispersion of every level: none is more exact than to an eighth."""

Day = tuple[date, int]
"""A day and its orders."""


@dataclass(frozen=True, slots=True)
class Usual:
    """The baseline up to a day."""

    level: float
    """Orders a day."""
    week: tuple[float, ...]
    """The factor of each weekday, Monday first: about 1."""
    dispersion: float
    """The dispersion of single days, beyond chance and the week."""

    def mean(self, day: date) -> float:
        """Return the usual number of orders of this day."""
        return self.level * self.week[day.weekday()]

    def over(self, days: Sequence[Day]) -> tuple[float, float]:
        """Return mean and dispersion of the sum of *days*: days vary alone, the level's error is common to all."""
        means = [self.mean(day) for day, _ in days]
        mean = sum(means)
        return mean, LEVEL_DISPERSION + (self.dispersion * sum(m * m for m in means) / mean**2 if mean else 0)


def usual(history: Sequence[Day]) -> Usual | None:
    """Return the baseline of *history*, the oldest day first; None for less than a fortnight, or without orders."""
    if len(history) < FORTNIGHT or not (days := _ordinary(_recent(history))):
        return None
    if not (mean := sum(orders for _, orders in days) / len(days)):
        return None
    week = _week(days, mean)
    return Usual(_level(days, week), week, _dispersion(days, week))


def _recent(history: Sequence[Day]) -> Sequence[Day]:
    """Return the last quarter, or half a year where the quarter has few orders."""
    quarter = history[-QUARTER:]
    return quarter if sum(orders for _, orders in quarter) >= MIN_LEVEL_ORDERS else history[-HALF_YEAR:]


def _ordinary(days: Sequence[Day]) -> list[Day]:
    """Return the days without peaks."""
    by_weekday: defaultdict[int, list[int]] = defaultdict(list)
    for day, orders in days:
        by_weekday[day.weekday()].append(orders)
    limits = {weekday: PEAK_FACTOR * median_low(counts) + PEAK_SURPLUS_ORDERS for weekday, counts in by_weekday.items()}
    return [(day, orders) for day, orders in days if orders <= limits[day.weekday()]]


def _week(days: Sequence[Day], mean: float) -> tuple[float, ...]:
    orders, days_seen = [0] * 7, [0] * 7
    for day, count in days:
        orders[day.weekday()] += count
        days_seen[day.weekday()] += 1
    return tuple((n + PRIOR_ORDERS) / (times * mean + PRIOR_ORDERS) for n, times in zip(orders, days_seen, strict=True))


def _level(days: Sequence[Day], week: Sequence[float]) -> float:
    """Return the level of the last month, or of as many days as have enough orders."""
    orders, weight = 0, 0.0
    for count, (day, n) in enumerate(reversed(days), start=1):
        orders += n
        weight += week[day.weekday()]
        if count >= MONTH and orders >= MIN_LEVEL_ORDERS:
            break
    return orders / weight


def _dispersion(days: Sequence[Day], week: Sequence[float]) -> float:
    """Return the dispersion by the method of moments, with a level for each week, so that growth does not count."""
    squares = means = means_squared = 0.0
    weeks = [days[until - 7 : until] for until in range(len(days), 6, -7)]
    for block in weeks:
        level = sum(n for _, n in block) / sum(week[day.weekday()] for day, _ in block)
        for day, n in block:
            mean = level * week[day.weekday()]
            squares += (n - mean) ** 2
            means += mean
            means_squared += mean * mean
    count = 7 * len(weeks)
    free = (count - len(weeks) - 6) / count if count else 0  # each week's level and the weekdays come from these days
    return max(0.0, (squares / free - means) / means_squared) if means_squared and free > 0 else 0.0
