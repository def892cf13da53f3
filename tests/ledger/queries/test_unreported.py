"""New problems that make a run exit 1, each once."""

import pytest

from conversions.ledger import runs
from conversions.ledger.queries import unreported
from conversions.ledger.queries.unreported import Unreported
from conversions.model.conversion import Reason
from tests.ledger.builders import Night, against, orders, sighting
from tests.ledger.queries.test_totals import DAY_US, force

SAYS = {"exit_code": 0, "destinations": {"meta": {}}}


def new_problems(night: Night, resend_us: int = 7 * DAY_US) -> Unreported:
    _, meta = night.numbers
    return unreported.unreported(night.ledger, night.run.id, {meta: resend_us})[meta]


def test_a_run_without_problems_reports_none(night: Night) -> None:
    night.stage(*orders(3))

    assert new_problems(night) == Unreported()


def test_what_this_run_was_refused_and_what_expired_in_it_is_reported(night: Night) -> None:
    night.stage(*orders(3))
    force(night, "A-0", state="quarantined", reason=Reason.REFUSED_BY_PLATFORM, settled_run=night.run.id)
    force(night, "A-1", state="expired", reason=Reason.TOO_OLD, settled_run=night.run.id)

    assert new_problems(night) == Unreported(refused=1, expired=1)


def test_a_problem_that_an_earlier_run_reported_is_not_reported_again(night: Night) -> None:
    night.stage(*orders(3))
    force(night, "A-0", state="quarantined", reason=Reason.REFUSED_BY_PLATFORM, settled_run=night.run.id)
    force(night, "A-1", state="expired", settled_run=night.run.id)
    runs.finish(night.ledger, night.run, SAYS)
    night.begin()

    assert new_problems(night) == Unreported()


@pytest.mark.parametrize(
    "report",
    [None, {"exit_code": 75, "stopped": "SourceUnavailable"}, {"exit_code": 0, "destinations": {"google": {}}}],
)
def test_a_problem_that_an_earlier_run_did_not_report_is_reported(
    night: Night, report: dict[str, object] | None
) -> None:
    night.stage(*orders(3))
    force(night, "A-0", state="rejected", reason=Reason.REFUSED_LATER, settled_run=night.run.id)
    force(night, "A-1", state="expired", settled_run=night.run.id)
    if report:
        runs.finish(night.ledger, night.run, report)
    night.begin()

    assert new_problems(night) == Unreported(rejected=1, expired=1)


def test_an_unanswered_order_that_became_too_old_inside_its_window_is_reported(night: Night) -> None:
    night.stage(sighting("1"))
    now = night.ledger.now_us
    force(night, "1", state="unknown", first_attempt_us=now, expires_at=now // 1_000_000 + 3600)
    night.clock.forward(hours=2)

    assert new_problems(night) == Unreported(undecided=1)


def test_what_our_own_checks_quarantined_is_reported_once(night: Night) -> None:
    found = []
    for _ in range(2):
        night.stage(sighting("1", against(Reason.NO_PRODUCT, quarantined=True)))
        found.append(new_problems(night))
        runs.finish(night.ledger, night.run, SAYS)

    assert found == [Unreported(set_aside=1), Unreported()]


def test_an_unanswered_order_is_reported_in_the_run_after_its_window_closed_and_only_there(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="unknown", first_attempt_us=night.ledger.now_us)
    found = []
    for _ in range(4):
        night.clock.forward(days=1)
        night.begin()
        found.append(new_problems(night, resend_us=2 * DAY_US).undecided)
        runs.finish(night.ledger, night.run, SAYS)

    assert found == [0, 1, 0, 0]


def test_a_problem_of_a_killed_run_is_reported_by_the_next(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="unknown", first_attempt_us=night.ledger.now_us)
    night.clock.forward(days=3)
    night.begin()
    night.clock.forward(days=1)
    night.begin()

    assert new_problems(night, resend_us=2 * DAY_US).undecided == 1


def test_an_unanswered_order_that_a_person_decided_on_is_not_reported(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="unknown", first_attempt_us=night.ledger.now_us, decision="send")
    night.clock.forward(days=3)

    assert new_problems(night, resend_us=2 * DAY_US) == Unreported()


def test_an_unanswered_order_inside_its_window_is_not_reported(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="unknown", first_attempt_us=night.ledger.now_us)

    assert new_problems(night) == Unreported()


def test_problems_of_another_destination_are_not_reported(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="expired", settled_run=night.run.id)
    google, _ = night.numbers

    assert unreported.unreported(night.ledger, night.run.id, {google: DAY_US}) == {google: Unreported()}


def test_an_unanswered_order_that_a_person_decided_to_send_and_that_became_too_old_is_reported(night: Night) -> None:
    night.stage(sighting("1"))
    now = night.ledger.now_us
    force(night, "1", state="unknown", first_attempt_us=now, decision="send", expires_at=now // 1_000_000 + 3600)
    assert new_problems(night, resend_us=0) == Unreported()
    night.clock.forward(hours=2)

    assert new_problems(night, resend_us=0) == Unreported(undecided=1)
