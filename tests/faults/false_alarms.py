"""``scripts/faults --false-alarms``: years in which nothing is wrong, and how many nights a guard calls somebody for.

A ``Guard`` takes a whole drawn ``Year`` and yields an ``Alarm`` for every night whose exit code it would raise: the
night of ``day`` comes after it, knows all days up to it, and ``Year.orders`` has what was new. It goes through the
nights in their order, keeps what it learns in variables of its own, and leaves out what ``ledger.told`` would silence:
what a person was told of already. A guard of the program is called with drawn numbers; nothing of its rule is repeated
here. A new one is a function and a place in ``guards.GUARDS``.

Nights on which several guards raise the code count once. Good is a year of at most two, and never 65.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import product

import numpy as np

from conversions.errors import Exit
from tests.faults.drawn import FIRST, SITUATIONS, SIZES, Year

MOST = 2
"""Alarms in a year that a person bears, …"""
SHARE = 0.95
"""… in so many of them."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """A night whose exit code a guard raised."""

    day: date
    """The last that the night read."""
    guard: str
    exit_code: Exit = Exit.ATTENTION


Guard = Callable[[Year], Iterable[Alarm]]


@dataclass(frozen=True, slots=True)
class Cell:
    """What came of so many years of one size in one situation."""

    size: str
    situation: str
    alarms: Sequence[int]
    """Nights of each year."""
    stopped: int
    """Nights that ended with 65, in all of them."""

    @property
    def good(self) -> bool:
        """Whether people would go on reading what they are told."""
        return not self.stopped and sum(n <= MOST for n in self.alarms) >= SHARE * len(self.alarms)

    def row(self) -> tuple[str, str, str, str, str, str]:
        """For a table."""
        most = f"{np.quantile(self.alarms, SHARE):.0f}"
        return self.situation, self.size, f"{np.mean(self.alarms):.2f}", most, str(max(self.alarms)), str(self.stopped)


HEADER = ("situation", "shop", "alarms a year", "95 % at most", "most", "nights of 65")


def cells(years: int, seed: int, guards: Sequence[Guard]) -> Iterator[Cell]:
    """Every size in every situation, on every core."""
    with ProcessPoolExecutor() as pool:
        yield from pool.map(partial(_cell, years=years, seed=seed, guards=guards), product(SITUATIONS, SIZES))


def nights(year: Year, guards: Sequence[Guard]) -> dict[date, Exit]:
    """Every night for which somebody is called, with the code that wins; those before the year do not count."""
    found: dict[date, Exit] = {}
    for alarm in (one for guard in guards for one in guard(year) if one.day >= FIRST):
        found[alarm.day] = max(found.get(alarm.day, Exit.OK), alarm.exit_code)
    return found


def _cell(of: tuple[str, str], years: int, seed: int, guards: Sequence[Guard]) -> Cell:
    situation, size = of
    found = [nights(Year(SIZES[size], SITUATIONS[situation], seed + n), guards) for n in range(years)]
    stopped = sum(code is Exit.DATA for year in found for code in year.values())
    return Cell(size, situation, [len(year) for year in found], stopped)
