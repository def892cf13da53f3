"""Days with too few orders, on numbers that were drawn: what is found, how soon, and how seldom for nothing."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from statistics import quantiles

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.statistics.volume_gaps import Gap, gaps

FIRST = date(2026, 1, 1)  # a Thursday
SIZES = (3 / 7, 8, 45, 3000)
WEEK = (1.1, 1.05, 1.0, 1.0, 1.05, 0.85, 0.95)
WEEKDAYS_ONLY = (1.4, 1.4, 1.4, 1.4, 1.4, 0.0, 0.0)
Factor = Callable[[int], float]


def day(nth: int) -> date:
    return FIRST + timedelta(nth)


def drawn(
    seed: int, size: float, days: int = 365, factor: Factor = lambda _: 1.0, week: Iterable[float] = WEEK
) -> dict[date, int]:
    """A shop's orders a day: chance, and a quarter of dispersion on top in every other shop."""
    dice, dispersion, by_weekday = np.random.default_rng(seed), 0.06 if seed % 2 else 0.01, tuple(week)
    means = [size * by_weekday[day(n).weekday()] * factor(n) for n in range(days)]
    return {day(n): int(dice.poisson(dice.gamma(1 / dispersion, mean * dispersion))) for n, mean in enumerate(means)}


def found(counts: dict[date, int], since: int) -> int | None:
    """How many nights after the fault began it is told."""
    late = [gap.detected for gap in gaps(counts) if gap.detected >= day(since)]
    return (late[0] - day(since)).days + 1 if late else None


def between(since: int, until: int, during: float, otherwise: float = 1.0) -> Factor:
    return lambda n: during if since <= n < until else otherwise


def steady(orders: int, days: int) -> dict[date, int]:
    return {day(n): orders for n in range(days)}


# what is found


@pytest.mark.parametrize("size", [10, 45, 3000])
@pytest.mark.parametrize("known", [14, 60])
def test_an_empty_day_is_found_on_its_first_night(size: int, known: int) -> None:
    (gap,) = gaps(steady(size, known) | {day(known): 0})

    assert gap == Gap(day(known), day(known), day(known), 0, gap.usual, over=False)
    assert gap.usual == pytest.approx(size, rel=0.01)


def test_a_day_is_not_judged_before_a_fortnight_is_known() -> None:
    assert gaps(steady(45, 13) | {day(13): 0}) == []


@pytest.mark.parametrize(("size", "came"), [(45, 13), (3000, 900), (3000, 1500)])
def test_a_file_that_came_in_half_is_found_on_the_first_night(size: int, came: int) -> None:
    (gap,) = gaps(steady(size, 60) | {day(60): came})

    assert (gap.since, gap.orders) == (day(60), came)


def test_in_a_shop_of_eight_a_day_it_takes_two_empty_days() -> None:
    counts = steady(8, 60) | {day(60): 0}
    assert gaps(counts) == []
    assert [(gap.since, gap.until) for gap in gaps(counts | {day(61): 0})] == [(day(60), day(61))]


def test_in_a_shop_of_three_a_week_it_takes_a_month() -> None:
    history = {day(n): int(day(n).weekday() in {0, 2, 4}) for n in range(70)}
    silent = {day(n): 0 for n in range(70, 98)}
    assert gaps(history | dict(list(silent.items())[:14])) == []
    assert len(gaps(history | silent)) == 1


@pytest.mark.parametrize(("size", "nights"), [(3 / 7, 28), (1, 14), (2, 8), (8, 3), (45, 1), (3000, 1)])
def test_nothing_at_all_is_found_in_time_in_most_shops(size: float, nights: int) -> None:
    late = [found(drawn(seed, size, 230, between(190, 230, 0)), 190) for seed in range(24)]

    assert sum(night is not None and night <= nights for night in late) >= 20, late


@pytest.mark.parametrize(("size", "nights"), [(8, 14), (45, 2), (3000, 1)])
def test_three_in_ten_are_found_in_time_in_most_shops(size: float, nights: int) -> None:
    late = [found(drawn(seed, size, 120, between(90, 120, 0.3)), 90) for seed in range(0, 48, 2)]

    assert sum(night is not None and night <= nights for night in late) >= 20, late


def test_a_growing_shop_is_judged_by_what_is_usual_now() -> None:
    grows = {day(n): round(10 * 1.01**n) for n in range(180)}
    assert [gap.since for gap in gaps(grows | {day(180): round(0.3 * 10 * 1.01**180)})] == [day(180)]


def test_a_gap_of_the_past_hides_none_of_today() -> None:
    counts = steady(45, 90) | {day(n): 0 for n in range(70, 80)}
    assert [gap.since for gap in gaps(counts | {day(90): 0})] == [day(70), day(90)]


def test_a_peak_of_the_past_hides_none_of_today() -> None:
    counts = steady(10, 90) | {day(n): 60 for n in range(75, 82)}
    assert [gap.since for gap in gaps(counts | {day(90): 0})] == [day(90)]


# what is one gap


@pytest.mark.parametrize("size", [10, 45, 3000])
@given(length=st.integers(1, 60))
def test_a_gap_is_one_from_its_first_night_to_its_last(size: int, length: int) -> None:
    counts = steady(size, 60) | {day(60 + n): 0 for n in range(length)}

    (gap,) = gaps(counts)
    assert (gap.since, gap.until, gap.over) == (day(60), day(59 + length), False)
    (over,) = gaps(counts | {day(60 + length): size})
    assert (over.since, over.until, over.over) == (day(60), day(59 + length), True)


def test_a_new_gap_is_another() -> None:
    counts = steady(45, 90) | {day(70): 0, day(75): 3}
    assert [(gap.since, gap.orders) for gap in gaps(counts)] == [(day(70), 0), (day(75), 3)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.5])
def test_what_has_become_less_for_good_is_told_once_in_most_shops(size: float, share: float) -> None:
    told = [len(gaps(drawn(seed, size, 365, between(180, 365, share)))) for seed in range(20)]

    assert max(told) <= 3
    assert sum(n <= 1 for n in told) >= 15, told


def test_a_month_of_fewer_orders_is_what_is_usual_then() -> None:
    counts = steady(45, 60) | {day(n): 15 for n in range(60, 120)}
    (gap,) = gaps(counts)
    assert gap.over
    assert [gap.since for gap in gaps(counts | {day(120): 0})] == [day(60), day(120)]


# what is none


def test_days_before_the_first_order_are_no_gap() -> None:
    assert gaps({day(n): 0 for n in range(60)}) == []
    assert gaps(steady(0, 60) | {day(60 + n): 45 for n in range(60)}) == []


def test_days_on_which_the_shop_is_closed_are_none_and_tell_nothing() -> None:
    shut = [day(n) for n in range(60, 81)]
    counts = steady(45, 100) | dict.fromkeys(shut, 0)
    assert gaps(counts, closed=shut) == []
    assert gaps(counts | {day(85): 0}, closed=shut) == gaps(steady(45, 100) | {day(85): 0})


def test_days_that_were_never_read_are_none_and_tell_nothing() -> None:
    counts = {on: orders for on, orders in steady(8, 120).items() if not day(60) <= on < day(100)}
    assert gaps(counts) == []
    assert [gap.since for gap in gaps(counts | {day(120): 0, day(121): 0})] == [day(120)]


@pytest.mark.parametrize("size", SIZES)
def test_a_shop_without_orders_at_the_weekend_has_no_gaps_there(size: float) -> None:
    assert sum(len(gaps(drawn(seed, size, week=WEEKDAYS_ONLY))) for seed in range(10)) <= 1


def test_a_weekend_does_not_end_a_gap() -> None:
    counts = {day(n): (0 if day(n).weekday() > 4 else 45) for n in range(98)}
    since = 92  # a Friday
    assert day(since).weekday() == 4
    (gap,) = gaps(counts | {day(n): 0 for n in range(since, 98)})
    assert (gap.since, gap.until, gap.over) == (day(since), day(97), False)


PEAKS = {"a day": between(330, 331, 6), "a week": between(200, 207, 6), "early": between(30, 34, 6)}
SEASONS: dict[str, Factor] = {
    "ordinary": lambda n: 1 + 0.2 * np.sin(2 * np.pi * n / 365),
    "grows threefold": lambda n: 3 ** (n / 365),
    "shrinks to a third": lambda n: 3 ** (-n / 365),
    **PEAKS,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("season", SEASONS)
def test_an_ordinary_year_has_hardly_any(size: float, season: str) -> None:
    told = [len(gaps(drawn(seed, size, factor=SEASONS[season]))) for seed in range(20)]

    assert sum(told) <= 6
    assert max(told) <= 2


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("length", [7, 21])
def test_a_closing_that_nobody_declared_is_told_once(size: float, length: int) -> None:
    told = [len(gaps(drawn(seed, size, factor=between(180, 180 + length, 0)))) for seed in range(20)]

    assert quantiles(told, n=20)[-1] <= 2
    assert sum(told) <= 24
