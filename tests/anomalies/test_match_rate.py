"""How likely the last sixty days are at a shop's own rate, and whom that calls."""

import random
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from conversions.anomalies import match_rate
from conversions.anomalies.match_rate import MIN_ORDERS, SPAN, UNLIKELY, Course, chance, findings
from conversions.errors import Exit
from conversions.ledger.late_results.match_counts import Matches
from conversions.ledger.runs import findings as told
from conversions.ledger.schema import tables
from conversions.model.finding import FindingLevel
from tests.ledger.builders import Night
from tests.ledger.conftest import clock, night, path

__all__ = ["clock", "night", "path"]
TODAY = date(2026, 11, 22)
ORDERS = st.integers(0, 2000)


@given(ORDERS, ORDERS, ORDERS, ORDERS)
def test_it_is_a_probability(matched: int, unmatched: int, earlier: int, earlier_unmatched: int) -> None:
    assert 0 <= chance(Matches(matched, unmatched), Matches(earlier, earlier_unmatched)) <= 1


@given(ORDERS, st.integers(1, 2000), st.integers(1, 2000), ORDERS)
def test_the_fewer_are_matched_the_less_likely_it_is(orders: int, more: int, earlier: int, unmatched: int) -> None:
    before = Matches(earlier, unmatched)
    few, many = (chance(Matches(m, orders + more - m), before) for m in (0, min(more, orders + more)))
    assert few <= many + 1e-9


@pytest.mark.parametrize(
    ("recent", "earlier"),
    [
        (Matches(0, 480), Matches(240, 4560)),  # 8 a day, 5 %
        (Matches(0, 2700), Matches(300, 9700)),  # 45 a day, 3 %
        (Matches(10, 2690), Matches(300, 9700)),
        (Matches(900, 179_100), Matches(9000, 291_000)),  # 3,000 a day: a sixth of what it was
    ],
)
def test_a_rate_that_broke_down_is_no_chance(recent: Matches, earlier: Matches) -> None:
    assert chance(recent, earlier) < UNLIKELY


@pytest.mark.parametrize(
    ("recent", "earlier"),
    [
        (Matches(0, 26), Matches(20, 180)),  # 3 a week
        (Matches(0, 400), Matches(1, 200)),  # what one match was is no rate
        (Matches(2700, 177_300), Matches(9000, 291_000)),  # half of what it was: a smaller campaign
    ],
)
def test_what_happens_to_every_shop_is_not_unlikely(recent: Matches, earlier: Matches) -> None:
    assert chance(recent, earlier) >= UNLIKELY


@pytest.mark.parametrize("a_day", [3 / 7, 8.0, 45.0, 3000.0])
def test_in_ordinary_years_nobody_is_called(a_day: float) -> None:
    alarms = 0
    for seed in range(10):
        dice = random.Random(seed)
        rate, days = dice.choice([0.02, 0.08, 0.25]), list[Matches]()
        for day in range(365):
            season = rate * (1 + 0.3 * ((day // 91) % 2))
            orders = max(0, round(dice.gauss(a_day, a_day**0.5)))
            spread = (orders * season * (1 - season)) ** 0.5
            matched = min(orders, max(0, round(dice.gauss(orders * season, spread))))
            days.append(Matches(matched, orders - matched))
        alarms += any(_alarm(days[:until]) for until in range(1, 366, 3))
    assert alarms == 0


def _alarm(days: list[Matches]) -> bool:
    recent, earlier = (
        Matches(sum(d.matched for d in part), sum(d.unmatched for d in part))
        for part in (days[-SPAN.days :], days[: -SPAN.days])
    )
    return recent.orders + earlier.orders >= MIN_ORDERS and chance(recent, earlier) < UNLIKELY


# whom it calls


def store(night: Night, *days: tuple[int, int, int]) -> None:
    """So many days ago so many were matched, and so many not."""
    number = night.numbers[0]
    with night.ledger.transaction() as connection:
        for back, matched, unmatched in days:
            day = (TODAY - timedelta(back)).isoformat()
            row = {"destination": number, "day": day, "matched": matched, "unmatched": unmatched}
            connection.execute(insert(tables.match_day), row)


def test_before_three_hundred_orders_nobody_is_called(night: Night) -> None:
    store(night, (1, 0, 299))
    [one] = findings(night.ledger, TODAY)
    assert (one.level, one.exit_code) == (FindingLevel.NOTE, Exit.OK)


def test_a_shop_without_a_rate_is_told_of_no_match_among_three_hundred(night: Night) -> None:
    store(night, (1, 0, 200), (90, 0, 100))
    [one] = findings(night.ledger, TODAY)
    assert (one.code, one.exit_code, one.once) == ("match_rate", Exit.ATTENTION, True)


def test_one_match_is_enough_to_call_nobody_there(night: Night) -> None:
    store(night, (1, 1, 299))
    assert findings(night.ledger, TODAY)[0].exit_code is Exit.OK


def test_it_is_told_once_until_it_has_recovered(night: Night) -> None:
    store(night, (100, 100, 900), (1, 0, 150))
    assert chance(Matches(0, 150), Matches(100, 900)) < UNLIKELY
    codes = []
    for matched in (0, 0, 3, 3):
        store_more(night, matched)
        found = told.mark_known(night.ledger, findings(night.ledger, TODAY))
        codes.append(found[0].exit_code)
        told.save(night.ledger, night.run, found, ["match_rate"])
        night.clock.forward(days=8)
        night.begin()
    assert codes == [Exit.ATTENTION, Exit.OK, Exit.OK, Exit.OK]
    store_more(night, 30)
    assert findings(night.ledger, TODAY)[0].level is FindingLevel.NOTE


def store_more(night: Night, matched: int) -> None:
    with night.ledger.transaction() as connection:
        m = tables.match_day
        connection.execute(m.update().where(m.c.matched < 50).values(matched=m.c.matched + matched))


def test_the_course_is_told_in_shares(night: Night) -> None:
    store(night, (1, 3, 27), (29, 1, 9), (30, 2, 8), (60, 5, 5), (61, 1, 1))
    course = match_rate.courses(night.ledger, TODAY)["google"]
    assert course == Course(earlier=Matches(1, 1), before=Matches(5, 5), latest=Matches(6, 44))
    assert match_rate.sentence("google", course) == (
        "google matched to an ad: 12.0 % of 50 orders (the last 30 days), 50.0 % of 10 orders (the 30 days before), "
        "50.0 % of 2 orders (earlier)."
    )
