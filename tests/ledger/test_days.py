"""Which days stand out, and which were never read."""

from datetime import date, timedelta

import pytest

from conversions.conversion import Window
from conversions.ledger import days, runs
from conversions.ledger.days import ThinDay
from tests.ledger.builders import Night, sighting

TODAY = date(2026, 11, 22)


def back(count: int) -> date:
    return TODAY - timedelta(count)


def window(since: int, until: int = 1) -> Window:
    return Window(back(since), back(until))


def reading(night: Night, counts: dict[int, int]) -> None:
    """So many orders so many days ago."""
    shown = [sighting(f"{ago}/{n}", day=back(ago).isoformat()) for ago, count in counts.items() for n in range(count)]
    night.read(*shown)


def judged(night: Night, counts: dict[int, int], since: int | None = None) -> list[ThinDay]:
    reading(night, counts)
    return days.thin(night.ledger, window(since or max(counts)), TODAY)


def usual(orders: int, count: int, first: int = 2) -> dict[int, int]:
    return dict.fromkeys(range(first, first + count), orders)


@pytest.mark.parametrize(
    ("yesterday", "known", "thin"),
    [
        (0, 7, True),
        (0, 6, False),
        (3, 14, True),
        (3, 13, False),
        (4, 14, False),
    ],
)
def test_a_day_is_held_against_those_that_are_known(night: Night, yesterday: int, known: int, thin: bool) -> None:
    found = judged(night, {1: yesterday} | usual(10, known))

    assert found == ([ThinDay(back(1), yesterday, (10, 10))] if thin else [])


def test_the_usual_range_leaves_the_odd_day_out(night: Night) -> None:
    counts = {ago: 10 + ago for ago in range(2, 22)} | {5: 1000, 6: 900}

    (found,) = judged(night, {1: 0} | counts)

    assert found.usual == (14, 31)


def test_far_days_are_of_another_season(night: Night) -> None:
    assert judged(night, {1: 3} | usual(10, 20, first=30)) == []


def test_days_that_others_have_read_count(night: Night) -> None:
    reading(night, usual(10, 14, first=2))
    days.remember(night.ledger, night.run.id, window(15), TODAY)

    assert [one.day for one in judged(night, {1: 2}, since=1)] == [back(1)]


def test_what_was_told_is_not_told_again_unless_nobody_heard_it(night: Night) -> None:
    counts = {1: 1} | usual(10, 14)
    assert judged(night, counts)
    days.remember(night.ledger, night.run.id, window(15), TODAY)
    assert judged(night, counts)

    runs.finish(night.ledger, night.run, {"exit_code": 1}, waiting=0)

    assert judged(night, counts) == []


def test_the_day_of_the_window_counts_and_not_that_of_the_purchase(night: Night) -> None:
    reading(night, {1: 4})
    night.ledger.connection.exec_driver_sql("UPDATE temp.sighting SET window_day = ?", (back(3).isoformat(),))
    night.ledger.connection.commit()

    days.remember(night.ledger, night.run.id, window(3, 0), TODAY)

    with night.ledger.transaction() as connection:
        rows = connection.exec_driver_sql("SELECT day, orders FROM day_read ORDER BY day").fetchall()
    assert [tuple(row) for row in rows] == [
        (back(3).isoformat(), 4),
        (back(2).isoformat(), 0),
        (back(1).isoformat(), 0),
    ]


def test_days_behind_the_last_without_a_gap_that_nobody_read(night: Night) -> None:
    numbers = night.numbers
    assert days.never_read(night.ledger, ["meta"], TODAY) == []
    runs.staged(night.ledger, night.run, window(12, 9), numbers)
    reading(night, {3: 1})
    days.remember(night.ledger, night.run.id, window(4, 3), TODAY)

    assert days.never_read(night.ledger, ["meta"], TODAY) == [back(n) for n in (8, 7, 6, 5, 2)]
