"""Purchases near midnight, where the account's zone is another than the shop's."""

from datetime import date
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from conversions.audit.comparison.account_zone import Precision, days_moved
from conversions.model.conversion import Window

NOVEMBER = Window(date(2026, 11, 1), date(2026, 11, 30))
SHOP = ZoneInfo("Europe/Copenhagen")
OCTOBER_31, NOVEMBER_1, NOVEMBER_30, DECEMBER_1 = (
    date(2026, month, day) for month, day in ((10, 31), (11, 1), (11, 30), (12, 1))
)


@pytest.mark.parametrize("precision", get_args(Precision))
def test_in_the_same_zone_no_day_moves(precision: Precision) -> None:
    assert days_moved(NOVEMBER, SHOP, ZoneInfo("Europe/Berlin"), precision) == (set(), set())


def test_to_the_east_the_last_second_of_a_day_is_the_next_day() -> None:
    moved = days_moved(NOVEMBER, SHOP, ZoneInfo("Europe/Helsinki"), "day")
    assert moved == ({NOVEMBER_30}, {OCTOBER_31})


def test_to_the_west_the_last_second_of_a_day_stays() -> None:
    assert days_moved(NOVEMBER, SHOP, ZoneInfo("America/New_York"), "day") == (set(), set())


def test_to_the_west_an_exact_time_may_be_the_day_before() -> None:
    moved = days_moved(NOVEMBER, SHOP, ZoneInfo("America/New_York"), "exact")
    assert moved == ({NOVEMBER_1}, {DECEMBER_1})
