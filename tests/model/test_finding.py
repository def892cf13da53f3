"""What stops a night, and what a person has accepted of it."""

import pytest

from conversions.errors import Exit
from conversions.model.finding import Finding, apply_accepted, attention, note, stop, stops_run


def large(count: int) -> Finding:
    return stop("large", "too many", count=count, accept=f"large={count}", destination="meta")


@pytest.mark.parametrize(
    ("found", "accepted", "goes_on"),
    [
        (large(800), {}, False),
        (large(800), {"large": "799"}, False),
        (large(800), {"large": "800"}, True),
        (large(800), {"large": "5000"}, True),
        (large(800), {"large": ""}, False),
        (large(800), {"numbers": ""}, False),
        (stop("numbers", "", count=3, accept="numbers"), {"numbers": ""}, True),
        (stop("numbers", "", count=3, accept="numbers"), {"numbers": "3"}, False),
        (stop("level", "", count=9, accept="level=DKK"), {"level": "DKK"}, True),
        (stop("level", "", count=9, accept="level=DKK"), {"level": "EUR"}, False),
        (stop("gone", "", count=9, accept=None), {"gone": ""}, False),
    ],
)
def test_only_what_was_named_is_accepted(found: Finding, accepted: dict[str, str], goes_on: bool) -> None:
    (after,) = apply_accepted([found], {code: frozenset({value}) for code, value in accepted.items()})
    assert stops_run([after]) is not goes_on
    assert after.exit_code is (Exit.OK if goes_on else Exit.DATA)


def test_what_calls_a_person_stops_nothing_and_is_not_accepted_so() -> None:
    found = [attention("held_back", "", count=3), note("window_cut", "")]
    assert not stops_run(found)
    assert apply_accepted(found, {"held_back": frozenset({""})}) == found


def test_programs_get_code_level_destination_count_exit_code_and_how_to_accept() -> None:
    assert large(800).json() == {
        "code": "large",
        "level": "stop",
        "destination": "meta",
        "count": 800,
        "exit_code": 65,
        "accept": "large=800",
        "sentence": "too many",
    }
