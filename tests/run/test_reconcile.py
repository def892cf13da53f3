"""Questions about earlier requests: in which order, how fast, and when to stop asking."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from conversions.errors import Exit, Refused, Unauthorised
from conversions.ledger import outbox as requests
from conversions.model.late_result import (
    Diagnosis,
    EventOutcome,
    LateResults,
    ReasonPolicy,
    RequestStatus,
    StatusDetail,
)
from conversions.run import reconcile
from tests.ledger.builders import RECEIVED, Clock, Night, night_in, orders

SUCCESS, BUSY = Diagnosis(RequestStatus.SUCCESS), Diagnosis(RequestStatus.NO_ANSWER, "503")


@dataclass
class Google:
    """A platform that answers each question with the next of what it was given."""

    answers: list[Diagnosis | Unauthorised]
    name: str = "google"
    kind: str = "google"
    asked: list[str] = field(default_factory=list)

    def diagnose(self, reference: str, events: int) -> Diagnosis:
        self.asked.append(reference)
        answer = self.answers.pop(0)
        if isinstance(answer, Unauthorised):
            raise answer
        return answer

    def fix(self, reason: str) -> str:
        return f"mend {reason}"


@dataclass
class Section:
    requests_per_minute: int = 300


@dataclass
class Rules:
    destination: Any
    settings: Section

    @property
    def name(self) -> str:
        return str(self.destination.name)


@dataclass
class Runtime:
    """What ``poll`` needs of a runtime."""

    destinations: list[Rules]

    @property
    def names(self) -> list[str]:
        return [rules.name for rules in self.destinations]


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    """Three requests of one order each, received an hour ago."""
    with night_in(tmp_path, Clock()) as night:
        night.stage(*orders(3))
        outbox = night.outbox("google", max_events=1)
        for i in range(3):
            answer = replace(RECEIVED, reference=f"request-{i}", ask_after=1800.0)
            requests.settle(night.ledger, night.run, night.intend(outbox), answer)
        night.clock.forward(hours=1)
        yield night


def ask(
    night: Night, google: Google, per_minute: int = 0, sleep: Callable[[float], None] = lambda _: None
) -> LateResults:
    runtime = Runtime([Rules(google, Section(per_minute))])
    return reconcile.poll(runtime, night.ledger, night.run, sleep)["google"]  # type: ignore[arg-type]


def test_every_request_is_asked_about_once_and_evenly(night: Night) -> None:
    google, slept = Google([SUCCESS] * 3), list[float]()
    late = ask(night, google, 300, slept.append)
    assert google.asked == ["request-0", "request-1", "request-2"]
    assert slept == [0.2] * 3
    assert (late.asked, late.moved, late.open, late.exit_code) == (3, {"recorded": 3}, 0, Exit.OK)


def test_where_one_question_is_not_answered_the_rest_is_left_for_the_next_run(night: Night) -> None:
    google = Google([SUCCESS, BUSY])
    late = ask(night, google)
    assert (len(google.asked), late.moved, late.open) == (2, {"recorded": 1}, 2)
    assert "(503)" in str(late.trouble)
    assert late.exit_code is Exit.TRY_AGAIN
    assert ask(night, again := Google([SUCCESS])).moved == {"recorded": 1}
    assert again.asked == ["request-2"]


def test_who_may_not_ask_is_told_so_and_is_not_stopped(night: Night) -> None:
    late = ask(night, Google([SUCCESS, Diagnosis(RequestStatus.PERMISSION_DENIED, "403/PERMISSION_DENIED")]))
    assert (late.moved, late.open, late.stop_reason, late.exit_code) == ({"recorded": 1}, 2, None, Exit.ATTENTION)
    assert "mend PERMISSION_DENIED, then `conversions reconcile`" in str(late.trouble)


def test_refused_credentials_stop_the_destination_and_lose_nothing(night: Night) -> None:
    late = ask(night, Google([SUCCESS, Unauthorised("no.")]))
    assert (late.moved, late.open, late.exit_code) == ({"recorded": 1}, 2, Exit.CREDENTIALS)
    assert ask(night, Google([SUCCESS] * 2)).moved == {"recorded": 2}


def test_a_request_that_failed_or_is_not_known_and_names_nobody_is_for_a_person(night: Night) -> None:
    night.clock.forward(days=1)
    failed = Diagnosis(
        RequestStatus.FAILED,
        findings=(StatusDetail("INVALID_EVENT", ReasonPolicy(EventOutcome.REJECTED), 0, frozenset()),),
    )
    late = ask(night, Google([SUCCESS, failed, Diagnosis(RequestStatus.NOT_FOUND)]))
    assert (late.counts_only, late.untold, late.moved, late.exit_code) == (2, 2, {"recorded": 1}, Exit.ATTENTION)


def test_what_the_platform_cannot_know_any_more_is_not_asked(night: Night) -> None:
    night.clock.forward(days=49)
    late = ask(night, google := Google([]))
    assert google.asked == []
    assert (late.counts_only, late.open, night.states("google")["A-0"]) == (3, 0, "received")
    assert next(leaf for leaf in night.leaves() if leaf["kind"] == "diagnostics asked")["requests"] == []


def test_an_account_at_fault_stops_the_destination_in_every_run_and_says_what_to_do(night: Night) -> None:
    finding = StatusDetail("NO_CONSENT", ReasonPolicy(EventOutcome.SETUP), 1, frozenset({0}))
    refused = Diagnosis(RequestStatus.FAILED, findings=(finding,))
    first, later = ask(night, Google([SUCCESS, refused, SUCCESS])), ask(night, Google([]))
    for late in (first, later):
        assert isinstance(late.stop_reason, Refused)
        assert "1 orders" in str(late.stop_reason)
        assert "mend NO_CONSENT, then `conversions decide send --all --destination google`" in str(late.stop_reason)
    assert (first.rejected, later.rejected) == ({"NO_CONSENT": 1}, {})


def test_a_platform_that_tells_nothing_later_is_not_asked(night: Night) -> None:
    @dataclass
    class Meta:
        name: str = "google"

    runtime = Runtime([Rules(Meta(), Section())])
    late = reconcile.poll(runtime, night.ledger, night.run)["google"]  # type: ignore[arg-type]
    assert (late.asked, late.open, late.json()["exit_code"]) == (0, 0, 0)
