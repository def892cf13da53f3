"""Powers of ten: integers in, integers out."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.statistics.magnitudes import (
    NEAR_DISTANCE,
    TENFOLD,
    AmountLevel,
    Basis,
    Deviation,
    Spread,
    find_shift,
    magnitude,
    magnitude_of_sum,
    power,
    unpack,
)


@given(st.integers(1, 10**13), st.integers(0, 4))
def test_minor_units_mistaken_for_whole_ones_are_as_far_away_as_the_currency_has_decimals(
    minor: int, exponent: int
) -> None:
    assert magnitude(minor * 10**exponent, exponent) - magnitude(minor, exponent) == exponent * TENFOLD


@given(st.integers(-500, 500))
def test_a_power_is_the_nearest_one_and_its_own_mirror(deviation: int) -> None:
    found = power(deviation)
    assert power(-deviation) == -found
    assert abs(found) <= 3
    assert (found == 0) == (abs(deviation) < TENFOLD - NEAR_DISTANCE)
    if found and abs(deviation) <= 3 * TENFOLD:
        assert abs(deviation - found * TENFOLD) <= TENFOLD // 2


@pytest.mark.parametrize(
    ("factor", "wanted"), [(10, 1), (100, 2), (1000, 3), (0.1, -1), (0.01, -2), (1.08, 0), (4, 0), (5, 1), (0.25, 0)]
)
def test_factors(factor: float, wanted: int) -> None:
    assert power(magnitude(int(Decimal(19900) * Decimal(str(factor))), 2) - magnitude(19900, 2)) == wanted


def test_a_sum_is_mostly_its_largest_part() -> None:
    assert magnitude_of_sum([230, 230]) == 260
    assert magnitude_of_sum([100, 400]) == 400


@given(st.lists(st.integers(-400, 1500), max_size=40), st.integers(1, 20))
def test_a_level_keeps_the_newest_and_survives_the_store(amounts: list[int], most: int) -> None:
    level = AmountLevel(most)
    for amount in amounts:
        level.add(amount)
    assert level.amounts == amounts[-most:]
    assert AmountLevel(most, unpack(level.pack())).amounts == level.amounts
    if amounts:
        assert level.median == sorted(amounts[-most:])[(len(level) - 1) // 2]


@given(st.lists(st.integers(-60, 60), min_size=50, max_size=300))
def test_the_spread_is_that_of_the_bulk_within_a_tenth(deviations: list[int]) -> None:
    spread = Spread()
    for one in deviations:
        spread.add(one, Basis.PRODUCT)
    exact = sorted(map(abs, deviations))[(len(deviations) - 1) // 2]
    assert abs(spread.deviation() - 1.4826 * exact) <= 1.4826 * 10


def test_as_far_means_two_thirds_as_far_on_the_same_side() -> None:
    spread = Spread({basis: Counter() for basis in Basis})
    for one in (140, 130, -200, 300, 0):
        spread.add(one, Basis.PRODUCT)
    assert spread.as_far(200, Basis.PRODUCT) == 3
    assert spread.as_far(-200, Basis.PRODUCT) == 1
    assert spread.as_far(400, Basis.PRODUCT) == 1


def marks(*deviations: int, basis: Basis = Basis.PRODUCT, order: int = 1) -> list[Deviation]:
    return [Deviation(one, basis, order=order) for one in deviations]


@given(st.sampled_from([-3, -2, -1, 1, 2, 3]), st.integers(0, 50), st.integers(8, 40))
def test_eight_or_more_at_the_end_are_found_whatever_was_before(wanted: int, before: int, bad: int) -> None:
    latest = marks(*[0] * before, *[wanted * TENFOLD] * bad)
    found = find_shift(latest, novel=False)
    assert found
    assert (found.power, found.orders) == (wanted, bad)
    assert found.orders >= 0.8 * found.of


@pytest.mark.parametrize(
    "latest",
    [
        marks(*[0] * 30, *[200] * 7),
        marks(*[200] * 8, *[0] * 3),
        marks(*[0, 200] * 20),
        marks(*[100, 200] * 8),
        marks(*[200] * 8, order=-5),
        marks(*[200] * 7, order=-5) + marks(0),
        marks(*[60] * 20),
        marks(*[200] * 15, basis=Basis.SHOP),
        marks(*[200] * 20, 0, *[200] * 7, basis=Basis.SHOP),
    ],
    ids=["seven", "mended", "half", "two powers", "told before", "mended tonight", "four times", "new line", "both"],
)
def test_what_is_no_mistake_of_everything(latest: list[Deviation]) -> None:
    assert find_shift(latest, novel=False) is None


def test_new_products_are_held_against_the_shop_sooner_where_they_are_usual() -> None:
    assert find_shift(marks(*[200] * 8, basis=Basis.SHOP), novel=True)
    assert find_shift(marks(*[200] * 16, basis=Basis.SHOP), novel=False)


def test_orders_of_earlier_nights_count_with_tonights() -> None:
    assert find_shift(marks(*[200] * 7, order=-5) + marks(200), novel=False)
