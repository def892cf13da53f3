"""Years in which nothing is wrong: a few here, a hundred of each in ``scripts/faults --false-alarms --years 100``."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from conversions.errors import Exit
from tests.faults.drawn import BEFORE, SITUATIONS, SIZES, SUMMER, Situation, Year
from tests.faults.false_alarms import Alarm, Cell, Guard, nights
from tests.faults.false_year import alarms
from tests.faults.guards import GUARDS, amounts


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("size", SIZES)
def test_nobody_is_called_often_for_nothing(size: str, situation: str) -> None:
    found = [nights(Year(SIZES[size], SITUATIONS[situation], seed), _quick(size)) for seed in range(3)]

    assert sum(map(len, found)) <= 5
    assert Exit.DATA not in {code for year in found for code in year.values()}


def _quick(size: str) -> Sequence[Guard]:
    """A million amounts are left to the script."""
    return [guard for guard in GUARDS if guard is not amounts or SIZES[size] < 1000]


def test_a_year_is_drawn_from_its_seed_alone() -> None:
    one, same, other = (Year(8, Situation(trade=0.05), seed) for seed in (1, 1, 2))
    day = one.days[200]

    assert one.counts == same.counts != other.counts
    assert (one.orders(day).minor == same.orders(day).minor).all()


def test_a_closed_shop_has_no_orders() -> None:
    year = Year(45, SITUATIONS["closed, declared"], 1)
    assert {year.counts[day] for day in SUMMER} == {0}
    assert min(year.counts[day] for day in year.days if day not in SUMMER) > 0


def test_a_night_counts_once_with_the_code_that_wins_and_not_before_the_year() -> None:
    def early(year: Year) -> Iterator[Alarm]:
        yield Alarm(year.days[BEFORE] - timedelta(1), "early")
        yield Alarm(year.days[BEFORE], "attention")

    def late(year: Year) -> Iterator[Alarm]:
        yield Alarm(year.days[BEFORE], "stop", Exit.DATA)

    year = Year(8, Situation(), 1)
    assert nights(year, [early, late]) == {year.days[BEFORE]: Exit.DATA}


@pytest.mark.parametrize(
    ("found", "stopped", "good"), [([0] * 19 + [9], 0, True), ([0] * 18 + [3, 3], 0, False), ([0], 1, False)]
)
def test_95_of_100_years_have_at_most_two_and_none_has_65(found: list[int], stopped: int, good: bool) -> None:
    assert Cell("", "", found, stopped).good is good


def test_weeks_by_the_command_line_call_nobody(tmp_path: Path) -> None:
    assert list(alarms(tmp_path / "shop", Year(8, Situation(), 3), nights=15)) == []
