"""A harness that cannot fail proves nothing: each way to break the program must be caught, and the program be let go."""

import pytest

from tests.faults import durable, scenarios
from tests.faults.scenarios import TEETH, Scenario
from tests.faults.stations import Station
from tests.faults.tracing import STRACE, WITHOUT

TRACED = {durable.play, scenarios.struck_while_talking, scenarios.disk_fails}
"""Whether they let the program go is asked by their own tests."""


def test_there_are_enough_variants() -> None:
    assert len(TEETH) >= 15


@pytest.mark.parametrize("variant", TEETH)
def test_the_harness_catches(station: Station, variant: str) -> None:
    if TEETH[variant] in TRACED and STRACE is None:
        pytest.skip(WITHOUT)

    assert TEETH[variant](station, variant), f"{variant} survived"


@pytest.mark.parametrize(
    "play",
    [
        scenarios.one_night,
        scenarios.together,
        scenarios.objects_while_unanswered,
        scenarios.objects_while_refused,
        scenarios.erased_while_unanswered,
        scenarios.reprices_what_a_request_left,
        scenarios.denies_while_unanswered,
        scenarios.reprices_while_unanswered,
        scenarios.no_answer_for_days,
        scenarios.retry_after_restatement,
    ],
)
def test_the_harness_lets_the_program_go(station: Station, play: Scenario) -> None:
    assert play(station, None) == []
