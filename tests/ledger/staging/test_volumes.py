"""Findings about days with too few orders, and days that were never read."""

from collections.abc import Collection
from datetime import date, timedelta

import pytest

from conversions.ledger import runs
from conversions.ledger.staging import volumes
from conversions.model.conversion import Window
from conversions.model.finding import Finding
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


def found(
    night: Night, counts: dict[int, int], since: int | None = None, closed: Collection[int] = ()
) -> list[Finding]:
    reading(night, counts)
    return volumes.findings(night.ledger, window(since or max(counts)), TODAY, {back(ago) for ago in closed})


def usual(orders: int, count: int, first: int = 2) -> dict[int, int]:
    return dict.fromkeys(range(first, first + count), orders)


def test_a_gap_is_one_finding_with_what_is_usual_and_how_to_read_it_again(night: Night) -> None:
    (one,) = found(night, {1: 0, 2: 0, 3: 2} | usual(12, 30, first=4))

    assert (one.code, one.exit_code, one.count, one.about, one.once) == ("few_orders", 1, 1, "2026-11-19", True)
    assert "Only 2 orders for 2026-11-19 to 2026-11-21; usually about 12 a day." in one.sentence
    assert "`conversions run --since 2026-11-19 --until 2026-11-21`" in one.sentence
    assert 'closed = ["2026-11-19..2026-11-21"]' in one.sentence


@pytest.mark.parametrize(("orders", "every", "rate"), [(40, 1, "40 a day"), (1, 1, "7 a week"), (1, 2, "4 a week")])
def test_the_usual_rate_is_reported_by_day_or_week(night: Night, orders: int, every: int, rate: str) -> None:
    (one,) = found(night, {**dict.fromkeys(range(1, 29), 0), **dict.fromkeys(range(29, 120, every), orders)})

    assert f"No orders for {back(28)} to {back(1)}; usually about {rate}." in one.sentence


def test_days_that_others_have_read_count(night: Night) -> None:
    reading(night, usual(45, 14))
    volumes.save_volumes(night.ledger, night.run, window(15, 2), TODAY)

    assert [one.about for one in found(night, {1: 13}, since=1)] == [str(back(1))]


def test_closed_days_are_not_judged(night: Night) -> None:
    assert found(night, {1: 0, 2: 0} | usual(12, 30, first=3), closed=[1, 2]) == []


def test_a_day_that_has_not_ended_is_not_judged(night: Night) -> None:
    reading(night, {0: 1} | usual(12, 30, first=1))
    assert volumes.findings(night.ledger, window(30, 0), TODAY) == []


def test_a_past_gap_is_known_for_a_month_and_reported_again_if_it_is_read_again(night: Night) -> None:
    reading(night, {40: 0} | {ago: 12 for ago in range(1, 90) if ago != 40})
    volumes.save_volumes(night.ledger, night.run, window(89), TODAY)

    assert [one.about for one in volumes.known_gaps(night.ledger, back(12))] == [str(back(40))]
    assert volumes.known_gaps(night.ledger, TODAY) == volumes.findings(night.ledger, window(7), TODAY) == []
    assert [one.about for one in volumes.findings(night.ledger, window(41), TODAY)] == [str(back(40))]


def test_an_export_that_shows_less_of_the_days_behind_takes_nothing_from_them(night: Night) -> None:
    reading(night, usual(12, 30))
    volumes.save_volumes(night.ledger, night.run, window(31, 2), TODAY)
    night.ledger.connection.exec_driver_sql(
        f"DELETE FROM temp.order_row WHERE day < '{back(3)}' AND day <> '{back(7)}'"
    )
    night.ledger.connection.commit()
    assert volumes.findings(night.ledger, window(9, 2), TODAY) == []

    volumes.save_volumes(night.ledger, night.run, window(9, 2), TODAY)

    with night.ledger.transaction() as connection:
        assert {
            row.orders for row in connection.exec_driver_sql("SELECT orders FROM day_read WHERE day < '2026-11-21'")
        } == {12}


def test_the_day_of_the_window_counts_and_not_that_of_the_purchase(night: Night) -> None:
    reading(night, {1: 4})
    night.ledger.connection.exec_driver_sql("UPDATE temp.order_row SET window_day = ?", (back(3).isoformat(),))
    night.ledger.connection.commit()

    volumes.save_volumes(night.ledger, night.run, window(3, 0), TODAY)

    with night.ledger.transaction() as connection:
        rows = connection.exec_driver_sql("SELECT day, orders FROM day_read ORDER BY day").fetchall()
    assert [tuple(row) for row in rows] == [
        (back(3).isoformat(), 4),
        (back(2).isoformat(), 0),
        (back(1).isoformat(), 0),
    ]


def test_days_that_no_run_has_read(night: Night) -> None:
    numbers = night.numbers
    assert volumes.never_read(night.ledger, ["meta"], TODAY) == []
    runs.mark_staged(night.ledger, night.run, window(12, 9), numbers)
    reading(night, {3: 1})
    volumes.save_volumes(night.ledger, night.run, window(4, 3), TODAY)

    assert volumes.never_read(night.ledger, ["meta"], TODAY) == [back(n) for n in (8, 7, 6, 5, 2)]
