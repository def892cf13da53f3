"""How many orders are usual in this shop: its level of late, its week, and how much its days vary."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median_low

FORTNIGHT, MONTH, QUARTER, HALF_YEAR = 14, 28, 91, 182
"""Days. A fortnight must be known; the level is a month's, the week a quarter's; half a year's in a small shop."""
ENOUGH = 60
"""Orders that a level comes from: with fewer, it goes back further."""
PEAK = 2
"""A day of over so many times its weekday's median, and …"""
ODD = 6
"""… so many orders more, is a peak and says nothing of what is usual."""
PSEUDO = 4
"""Orders that each weekday has of the shop's mean before it is seen: a small shop has no week."""
UNSURE = 0.015
"""Dispersion that is always there: no level is known better than to an eighth."""

Day = tuple[date, int]
"""How many orders it had."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What was usual up to a day."""

    level: float
    """Orders a day."""
    week: tuple[float, ...]
    """By weekday, Monday first: about 1 each."""
    dispersion: float
    """Of single days, beyond chance and the week."""

    def mean(self, day: date) -> float:
        """How many orders this day should have."""
        return self.level * self.week[day.weekday()]

    def over(self, days: Sequence[Day]) -> tuple[float, float]:
        """Mean and dispersion of these days' sum: days vary on their own, the level's error is common to them."""
        means = [self.mean(day) for day, _ in days]
        mean = sum(means)
        return mean, UNSURE + (self.dispersion * sum(m * m for m in means) / mean**2 if mean else 0)


def usual(history: Sequence[Day]) -> Usual | None:
    """What these days say, the oldest first; None for less than a fortnight, or without any order."""
    if len(history) < FORTNIGHT or not (days := _ordinary(_recent(history))):
        return None
    if not (mean := sum(orders for _, orders in days) / len(days)):
        return None
    week = _week(days, mean)
    return Usual(_level(days, week), week, _dispersion(days, week))


def _recent(history: Sequence[Day]) -> Sequence[Day]:
    """A quarter; half a year where that had few orders."""
    quarter = history[-QUARTER:]
    return quarter if sum(orders for _, orders in quarter) >= ENOUGH else history[-HALF_YEAR:]


def _ordinary(days: Sequence[Day]) -> list[Day]:
    """Without the peaks."""
    by_weekday: defaultdict[int, list[int]] = defaultdict(list)
    for day, orders in days:
        by_weekday[day.weekday()].append(orders)
    most = {weekday: PEAK * median_low(counts) + ODD for weekday, counts in by_weekday.items()}
    return [(day, orders) for day, orders in days if orders <= most[day.weekday()]]


def _week(days: Sequence[Day], mean: float) -> tuple[float, ...]:
    orders, seen = [0] * 7, [0] * 7
    for day, count in days:
        orders[day.weekday()] += count
        seen[day.weekday()] += 1
    return tuple((n + PSEUDO) / (times * mean + PSEUDO) for n, times in zip(orders, seen, strict=True))


def _level(days: Sequence[Day], week: Sequence[float]) -> float:
    """Of the last month, or of as many days as have enough orders."""
    orders, weight = 0, 0.0
    for count, (day, n) in enumerate(reversed(days), start=1):
        orders += n
        weight += week[day.weekday()]
        if count >= MONTH and orders >= ENOUGH:
            break
    return orders / weight


def _dispersion(days: Sequence[Day], week: Sequence[float]) -> float:
    """By the method of moments, each day beside its own week's level: growth is no dispersion."""
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
