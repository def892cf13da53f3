"""Which requests are due, and what a late result changes."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from conversions.errors import LedgerError
from conversions.ledger import outbox, runs
from conversions.ledger.late_results import apply
from conversions.ledger.late_results.state_changes import StateChange, state_changes
from conversions.ledger.schema import tables, views
from conversions.ledger.states import State
from conversions.model.conversion import Reason
from conversions.model.late_result import (
    Diagnosis,
    EventOutcome,
    LateResults,
    ReasonPolicy,
    RequestStatus,
    StatusDetail,
)
from conversions.model.receipt import Receipt
from tests.ledger.builders import LOST, RECEIVED, RESEND, WINDOW, Night, draft, orders, sighting

LATER = replace(RECEIVED, ask_after=1800.0)
SUCCESS = Diagnosis(RequestStatus.SUCCESS)
HOUR = timedelta(hours=1)


def found(
    fate: EventOutcome, *positions: int, reason: str = "WHY", events: int | None = None, wait: timedelta = HOUR
) -> StatusDetail:
    ruling = ReasonPolicy(fate, wait if fate is EventOutcome.DEFERRED else timedelta())
    return StatusDetail(reason, ruling, len(positions) if events is None else events, frozenset(positions))


def partly(*findings: StatusDetail) -> Diagnosis:
    return Diagnosis(RequestStatus.PARTIAL_SUCCESS, findings=findings)


def google(night: Night) -> int:
    return night.numbers[0]


def sent(night: Night, count: int, answer: Receipt = LATER) -> None:
    """So many orders are sent to Google and answered."""
    night.stage(*orders(count))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox("google")), answer)


def told(night: Night, diagnosis: Diagnosis, **age: float) -> LateResults:
    """An hour later, or *age*, Google returns this status of the one request that is due."""
    night.clock.forward(**age or {"hours": 1})
    [asked] = apply.due(night.ledger, google(night))
    return apply.finish_poll(night.ledger, night.run, google(night), asked, diagnosis)


def request(night: Night) -> Any:
    return night.one(select(tables.request).order_by(tables.request.c.id.desc()).limit(1))


# whom to ask about


def test_a_request_is_due_once_its_time_has_come(night: Night) -> None:
    sent(night, 3)
    assert apply.due(night.ledger, google(night)) == []
    night.clock.forward(minutes=30)
    [asked] = apply.due(night.ledger, google(night))
    assert (asked.request, asked.reference, asked.events, asked.times) == (1, "request-7", 3, 0)
    assert asked.age == timedelta(minutes=30)
    assert apply.count_open(night.ledger, google(night)) == 1


@pytest.mark.parametrize("answer", [RECEIVED, LOST])
def test_where_nothing_more_will_be_said_nothing_is_asked(night: Night, answer: Receipt) -> None:
    sent(night, 1, answer)
    night.clock.forward(days=1)
    assert apply.due(night.ledger, google(night)) == []


def test_another_destination_has_questions_of_its_own(night: Night) -> None:
    sent(night, 1)
    night.clock.forward(days=1)
    assert apply.due(night.ledger, night.numbers[1]) == []


def test_one_run_polls_at_most_the_quota(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "MAX_REQUESTS_A_RUN", 1)
    sent(night, 1)
    night.stage(sighting("other"))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox("google")), LATER)
    night.clock.forward(days=1)
    assert [one.request for one in apply.due(night.ledger, google(night))] == [1]


@pytest.mark.parametrize("silent", [Diagnosis(RequestStatus.PROCESSING), Diagnosis(RequestStatus.NO_ANSWER, "503")])
def test_intervals_grow_to_an_hour_on_the_first_day_and_to_a_day_later(night: Night, silent: Diagnosis) -> None:
    sent(night, 1)
    gaps = []
    told(night, silent, minutes=30)
    for _ in range(60):
        now, next_at = night.ledger.now_us // 1_000_000, request(night).ask_at
        gaps.append(next_at - now)
        told(night, silent, seconds=next_at - now)
    assert gaps[:4] == [1800, 2340, 3042, 3600]
    assert sorted(gaps) == gaps
    assert set(gaps[4:23]) == {3600}
    assert gaps[-1] == 86_400
    assert (request(night).verdict, request(night).asked) == (None, 61)


@pytest.mark.parametrize(("hours", "verdict"), [(23, None), (24, "not_found")])
def test_a_request_that_is_not_known_may_only_be_new_there(night: Night, hours: int, verdict: str | None) -> None:
    sent(night, 1)
    told(night, Diagnosis(RequestStatus.NOT_FOUND), hours=hours)
    assert (request(night).verdict, request(night).ask_at is None) == (verdict, verdict is not None)


def test_a_verdict_is_final(night: Night) -> None:
    sent(night, 1)
    told(night, SUCCESS)
    assert (request(night).verdict, request(night).ask_at) == ("success", None)
    night.clock.forward(days=9)
    assert apply.due(night.ledger, google(night)) == []


# what an answer moves


def test_what_is_not_named_was_recorded(night: Night) -> None:
    sent(night, 4)
    late = told(
        night,
        partly(found(EventOutcome.UNMATCHED, 0), found(EventOutcome.DUPLICATE, 1), found(EventOutcome.REJECTED, 2)),
    )
    assert night.states("google") == {"A-0": "unmatched", "A-1": "duplicate", "A-2": "rejected", "A-3": "recorded"}
    assert late.moved == {"unmatched": 1, "duplicate": 1, "rejected": 1, "recorded": 1}
    assert late.rejected == {"WHY": 1}


def test_a_rejected_order_says_why_and_in_which_run_it_was_learned(night: Night) -> None:
    sent(night, 3)
    night.begin()
    told(night, partly(found(EventOutcome.REJECTED, 0, reason="DENIED_CONSENT")))
    held = night.held("A-0", "google")
    assert (held.reason, held.detail, held.settled_run) == (Reason.REFUSED_LATER, "DENIED_CONSENT", night.run.id)
    assert night.held("A-1", "google").settled_run == night.run.id - 1


def test_a_deferred_order_waits_as_long_as_the_platform_needs_and_later_runs_extend_their_window_to_it(
    night: Night,
) -> None:
    sent(night, 2)
    runs.finish(night.ledger, night.run, {"exit_code": 0}, waiting=0)
    night.begin()
    assert runs.extend_window(night.ledger, WINDOW, ["google"]) == WINDOW
    runs.finish(night.ledger, night.run, {"exit_code": 0}, waiting=0)
    night.begin()
    late = WINDOW.since + timedelta(days=90)
    told(night, partly(found(EventOutcome.DEFERRED, 0)))
    held = night.held("A-0", "google")
    assert (held.state, held.ready_at) == ("deferred", night.ledger.now_us // 1_000_000 + 3600)
    window = replace(WINDOW, since=late, until=late)
    assert runs.extend_window(night.ledger, window, ["google"]).since.isoformat() == held.day


def test_a_deferred_order_still_waits_when_it_is_read_again(night: Night) -> None:
    sent(night, 1)
    told(night, partly(found(EventOutcome.DEFERRED, 0)))
    due = night.held("A-0", "google").ready_at
    for changed in ({}, {"event": b'{"id":"c-A-0","value":1.0}'}, {}):
        night.stage(sighting("A-0", draft("A-0", **changed)))
        assert (night.held("A-0", "google").state, night.held("A-0", "google").ready_at) == ("deferred", due)
    night.clock.forward(hours=1)
    night.stage(sighting("A-0"))
    assert night.held("A-0", "google").state == "pending"


def test_of_several_reasons_the_gravest_counts_and_what_is_held_is_held(night: Night) -> None:
    sent(night, 2)
    told(
        night,
        partly(
            found(EventOutcome.UNMATCHED, 0, 1), found(EventOutcome.REJECTED, 0, 1), found(EventOutcome.DUPLICATE, 1)
        ),
    )
    assert night.states("google") == {"A-0": "rejected", "A-1": "duplicate"}


def test_no_event_lands_twice() -> None:
    several = partly(
        found(EventOutcome.UNMATCHED, 0, 1, 2), found(EventOutcome.REJECTED, 0, 1), found(EventOutcome.DUPLICATE, 1)
    )
    assert [(one.state, sorted(one.positions)) for one in state_changes(several, 4)] == [
        (State.DUPLICATE, [1]),
        (State.REJECTED, [0]),
        (State.UNMATCHED, [2]),
        (State.RECORDED, [3]),
    ]


def test_where_only_some_positions_are_named_those_move_and_the_rest_stays(night: Night) -> None:
    sent(night, 3)
    late = told(night, partly(found(EventOutcome.REJECTED, 1, events=2)))
    assert night.states("google") == {"A-0": "received", "A-1": "rejected", "A-2": "received"}
    assert (late.counts_only, request(night).verdict) == (2, "counts_only")


def test_an_order_that_has_moved_on_since_stays_where_it_is(night: Night) -> None:
    sent(night, 2)
    first = night.held("A-0", "google").id
    with night.ledger.transaction() as connection:
        moved_on = update(views.delivery).where(views.delivery.c.id == first)
        connection.execute(moved_on.values(state="recorded"))
    assert told(night, partly(found(EventOutcome.REJECTED, 0, 1))).moved == {"rejected": 1}
    assert night.states("google") == {"A-0": "recorded", "A-1": "rejected"}


def test_an_order_with_a_newer_event_than_the_one_asked_about_stays_where_it_is(night: Night) -> None:
    sent(night, 1)
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).values(revision=1))
    assert told(night, SUCCESS).moved == {}
    assert night.states("google") == {"A-0": "received"}


def test_a_duplicate_of_our_own_unanswered_request_is_recorded_and_of_anothers_a_duplicate(night: Night) -> None:
    night.stage(*orders(2))
    template = night.outbox("google", max_events=1)
    outbox.settle(night.ledger, night.run, night.intend(template), LOST)
    outbox.settle(night.ledger, night.run, night.intend(template, RESEND), LATER)
    told(night, partly(found(EventOutcome.DUPLICATE, 0)))
    outbox.settle(night.ledger, night.run, night.intend(template), LATER)
    late = told(night, partly(found(EventOutcome.DUPLICATE, 0)))
    assert night.states("google") == {"A-0": "recorded", "A-1": "duplicate"}
    assert late.moved == {"duplicate": 1}


def test_a_new_state_clears_the_decision_of_a_person(night: Night) -> None:
    sent(night, 1)
    told(night, partly(found(EventOutcome.REJECTED, 0)))
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).values(acknowledged_us=1, decision="send"))
    night.stage(sighting("A-0", draft("A-0", fingerprint=b"anothers")))
    held = night.held("A-0", "google")
    assert (held.state, held.acknowledged_us, held.decision) == ("pending", None, None)


def test_a_run_that_has_lost_the_store_moves_nothing(night: Night) -> None:
    sent(night, 1)
    late = night.run
    night.begin()
    night.clock.forward(hours=1)
    [asked] = apply.due(night.ledger, google(night))
    with pytest.raises(LedgerError, match="taken over"):
        apply.finish_poll(night.ledger, late, google(night), asked, SUCCESS)
    assert night.states("google") == {"A-0": "received"}


def test_every_question_and_every_answer_is_a_leaf(night: Night) -> None:
    sent(night, 2)
    night.clock.forward(hours=1)
    apply.begin_poll(night.ledger, night.run, "google", apply.due(night.ledger, google(night)))
    told(night, partly(found(EventOutcome.UNMATCHED, 0, reason="CLICK_NOT_FOUND")))
    asked, answered = night.leaves()[-2:]
    assert (asked["kind"], asked["requests"]) == ("diagnostics asked", [1])
    assert (answered["kind"], answered["said"], answered["verdict"]) == ("diagnosis", *["partial_success"] * 2)
    assert (answered["reasons"], answered["moved"]) == ({"CLICK_NOT_FOUND": 1}, {"recorded": 1, "unmatched": 1})


# an account that takes nothing


def test_orders_that_an_account_did_not_take_stop_their_destination_until_they_are_acknowledged(night: Night) -> None:
    sent(night, 3)
    told(night, partly(found(EventOutcome.SETUP, 0, 1, reason="NO_CONSENT")))
    assert apply.stopped_destinations(night.ledger) == {google(night): ("NO_CONSENT", 2)}
    assert night.held("A-0", "google").reason == Reason.SETUP
    night.stage(sighting("A-0", draft("A-0", fingerprint=b"anothers")))
    assert night.states("google") == {"A-0": "rejected", "A-1": "rejected", "A-2": "recorded"}
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).values(acknowledged_us=1))
    assert apply.stopped_destinations(night.ledger) == {}


def test_where_the_account_is_at_fault_for_a_few_they_are_rejected_like_others() -> None:
    few, most = partly(found(EventOutcome.SETUP, 0)), partly(found(EventOutcome.SETUP, 0, 1))
    assert next(state_changes(few, 3)) == StateChange(State.REJECTED, frozenset({0}), Reason.REFUSED_LATER, "WHY")
    assert next(state_changes(most, 3)) == StateChange(State.REJECTED, frozenset({0, 1}), Reason.SETUP, "WHY")


def test_where_the_account_is_at_fault_for_most_and_positions_are_missing_they_all_wait() -> None:
    several = partly(found(EventOutcome.SETUP, 0, reason="NO_CONSENT", events=2), found(EventOutcome.UNMATCHED, 1))
    assert list(state_changes(several, 3))[-1] == StateChange(
        State.RECEIVED, frozenset({2}), Reason.SETUP, "NO_CONSENT"
    )
    assert [one.state for one in state_changes(several, 5)] == [State.REJECTED, State.UNMATCHED]


def test_they_stay_received_and_stop_their_destination_while_they_can_be_sent_again(night: Night) -> None:
    sent(night, 3)
    late = told(
        night, Diagnosis(RequestStatus.FAILED, findings=(found(EventOutcome.SETUP, reason="NO_CONSENT", events=2),))
    )
    assert (late.moved, late.counts_only, late.untold, request(night).verdict) == ({}, 3, 0, "counts_only")
    assert set(night.states("google").values()) == {"received"}
    assert apply.stopped_destinations(night.ledger) == {google(night): ("NO_CONSENT", 3)}
    night.clock.forward(days=5)
    assert apply.stopped_destinations(night.ledger) == {}


def test_the_reason_that_most_orders_met_is_named(night: Night) -> None:
    sent(night, 3)
    told(
        night,
        partly(found(EventOutcome.SETUP, 0, 1, reason="NO_CONSENT"), found(EventOutcome.SETUP, 2, reason="TERMS")),
    )
    assert apply.stopped_destinations(night.ledger) == {google(night): ("NO_CONSENT", 2)}


@pytest.mark.parametrize("fate", EventOutcome)
def test_what_all_events_met_each_of_them_met(fate: EventOutcome) -> None:
    every = Diagnosis(RequestStatus.FAILED, findings=(found(fate, events=3),))
    assert [one.positions for one in state_changes(every, 3)] == [{0, 1, 2}, set()]


def test_of_several_reasons_for_all_events_it_is_not_known_which_met_which(night: Night) -> None:
    sent(night, 3)
    told(
        night,
        Diagnosis(
            RequestStatus.FAILED,
            findings=(found(EventOutcome.UNMATCHED, events=2), found(EventOutcome.REJECTED, events=1)),
        ),
    )
    assert (set(night.states("google").values()), request(night).verdict) == ({"received"}, "counts_only")
