"""Counting as a platform counts."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from conversions.sandbox.base import Accepted, Answer, ReceivedEvent
from conversions.sandbox.deduplication import ReceivedCounts
from tests.sandbox.conftest import NOW

WINDOW = timedelta(hours=48)


def accepted(*arrivals: ReceivedEvent) -> Accepted:
    return Accepted(Answer(200, b""), len(arrivals), arrivals)


def arrival(
    key: str | None, value: str = "1", *, window: timedelta | None = WINDOW, restates: bool = False
) -> ReceivedEvent:
    return ReceivedEvent(key, Decimal(value), "DKK", window, restates)


@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "c"]), st.integers(0, 60)), max_size=40))
def test_every_accepted_event_is_distinct_a_duplicate_or_double(steps: list[tuple[str | None, int]]) -> None:
    tally, now = ReceivedCounts(), NOW
    for key, hours in steps:
        now += timedelta(hours=hours)
        tally.record(accepted(arrival(key)), now)
    report = tally.report()
    assert report["events"] == len(steps)
    assert report["events"] == report["distinct"] + report["duplicates"] + report["double_counted"]


def test_sums_are_exact_decimals_per_currency() -> None:
    tally = ReceivedCounts()
    tally.record(accepted(*(arrival(f"{i}", "0.10") for i in range(3))), NOW)
    tally.record(accepted(ReceivedEvent("e", Decimal("1E+2"), "EUR", None, restates=False)), NOW)
    assert tally.report()["value"] == {"DKK": "0.30", "EUR": "100"}


def test_an_event_without_value_or_currency_adds_nothing() -> None:
    tally = ReceivedCounts()
    tally.record(
        accepted(
            ReceivedEvent("a", None, "DKK", None, restates=True),
            ReceivedEvent("b", Decimal(1), None, None, restates=True),
        ),
        NOW,
    )
    assert (tally.report()["distinct"], tally.report()["value"]) == (2, {})


def test_an_adjustment_without_a_value_leaves_the_old_one() -> None:
    tally = ReceivedCounts()
    tally.record(accepted(arrival("a", "5", window=None, restates=True)), NOW)
    tally.record(accepted(ReceivedEvent("a", None, None, None, restates=True)), NOW)
    assert tally.report()["value"] == {"DKK": "5"}


def test_after_a_double_count_the_window_begins_anew() -> None:
    tally = ReceivedCounts()
    for hours in (0, 49, 90):
        tally.record(accepted(arrival("a")), NOW + timedelta(hours=hours))
    assert (tally.report()["duplicates"], tally.report()["double_counted"]) == (1, 1)


def test_refusals_are_counted_by_code_and_dead_lines_only_as_requests() -> None:
    tally = ReceivedCounts()
    for verdict in (Answer(400, b"", "100/2804003"), Answer(400, b"", "100/2804003"), Answer(502, b"", "502"), None):
        tally.record(verdict, NOW)
    report = tally.report()
    assert (report["requests"], report["accepted_requests"]) == (4, 0)
    assert report["refused"] == {"100/2804003": 2, "502": 1}
