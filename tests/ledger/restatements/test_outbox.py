"""Restatements: one open at a time, written ahead, and confirmed only by their own conclusive answer."""

from datetime import datetime
from typing import Any

import orjson
import pytest
from sqlalchemy import Row, select, update

from conversions.errors import DisclosureError, LedgerError
from conversions.ledger import outbox, restatements
from conversions.ledger.batches.blank import blank
from conversions.ledger.outbox import Attempt, ClaimedBatch, Purpose, RequestTemplate, Settlement, WorkItem
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import AdjustmentTotals, NotEligible
from conversions.ledger.schema import tables, views
from conversions.ledger.states import SENT, State
from conversions.ledger.subjects import suppressions
from conversions.model.conversion import Money, Reason
from conversions.model.receipt import FailedItem, Next, Outcome, Receipt
from tests.ledger import stored
from tests.ledger.builders import (
    FREE,
    LOST,
    PRICE,
    RECEIVED,
    REFUSED,
    RESEND,
    THROTTLED,
    UNSENT,
    Night,
    against,
    draft,
    event,
    sighting,
    subject,
)

CHEAPER, CHEAPEST = Money(3990, "DKK", 2), Money(2990, "DKK", 2)
RESTATE = WorkItem(Purpose.RESTATE)
GOOGLE = 1


def restated(event: bytes, value: Money) -> bytes | None:
    """As a platform that overwrites the value under a known id."""
    return orjson.dumps(orjson.loads(event) | {"value": float(value.amount)})


def sent(night: Night, *numbers: str, state: State = State.RECORDED) -> None:
    """Both destinations received these orders; at Google they have this *state*."""
    night.stage(*[sighting(number, subject=subject(number)) for number in numbers])
    for name in ("google", "meta"):
        outbox.settle(night.ledger, night.run, night.intend(night.outbox(name)), RECEIVED)
    here = views.delivery.c.destination == GOOGLE
    execute(night, update(views.delivery).where(here).values(state=state))


def execute(night: Night, statement: Any) -> None:
    with night.ledger.transaction() as connection:
        connection.execute(statement)


def read(night: Night, number: str, due: Money = CHEAPER, **changed: Any) -> None:
    """The next run reads one order with another value."""
    night.stage(sighting(number, draft(number, due=due, **changed), subject=subject(number), stated=due))


def stage(night: Night) -> None:
    eligibility.stage_restatements(night.ledger, night.run, GOOGLE, restated)


def asked(night: Night, *numbers: str, due: Money = CHEAPER) -> None:
    """The orders were sent, their value changed, and a run staged their restatements."""
    sent(night, *numbers)
    night.stage(*[sighting(number, draft(number, due=due), subject=subject(number), stated=due) for number in numbers])
    stage(night)


def claim(night: Night, work: WorkItem = RESTATE, template: RequestTemplate | None = None) -> ClaimedBatch | None:
    return restatements.claim(night.ledger, night.run, template or night.outbox("google"), work)


def intend(night: Night, work: WorkItem = RESTATE) -> Attempt | list[WorkItem]:
    template = night.outbox("google")
    batch = restatements.claim(night.ledger, night.run, template, work)
    assert batch is not None
    return restatements.intend(night.ledger, night.run, template, batch, outbox.validate(template, batch))


def attempt(night: Night, work: WorkItem = RESTATE) -> Attempt:
    intended = intend(night, work)
    assert isinstance(intended, Attempt)
    return intended


def settle(night: Night, attempt: Attempt, receipt: Receipt) -> Settlement:
    return restatements.settle(night.ledger, night.run, attempt, receipt)


def revisions(night: Night) -> list[Row[Any]]:
    return list(night.all(select(tables.revision).order_by(tables.revision.c.id)))


def states(night: Night) -> list[str]:
    return [row.state for row in revisions(night)]


def value(night: Night, number: str = "1") -> int:
    """What the platform holds, in minor units."""
    minor: int = night.held(number, "google").value_minor
    return minor


def outlook(night: Night) -> dict[str, int]:
    """Possible restatements, and reasons against the others."""
    found = eligibility.totals(night.ledger, night.run.id, GOOGLE, restated)
    return counts(found)


def counts(found: AdjustmentTotals) -> dict[str, int]:
    possible = {"possible": found.possible.orders} if found.possible.orders else {}
    return possible | {why: sums.orders for why, sums in found.not_eligible.items()}


# who is restated


def test_a_restatement_is_the_held_event_with_another_value_under_the_next_revision(night: Night) -> None:
    asked(night, "1")

    (revision,) = revisions(night)
    found = stored.by_key(night.path)[revision.id]

    held = night.held("1", "google")
    assert (revision.id, revision.delivery, revision.state) == (held.id << 8 | 1, held.id, "pending")
    assert (found.body, found.subject, found.value) == (event("1", CHEAPER), subject("1"), CHEAPER.minor)
    assert (revision.old_minor, revision.new_minor, revision.expires_at) == (4990, 3990, held.expires_at)
    assert (held.state, held.value_minor, held.revision) == ("recorded", 4990, 0)
    assert night.leaves()[-1]["kind"] == "restatements staged"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (State.RECORDED, {"possible": 1}),
        (State.DUPLICATE, {"possible": 1}),
        (State.RECEIVED, {NotEligible.NOT_CONFIRMED: 1}),
        (State.UNMATCHED, {NotEligible.UNMATCHED: 1}),
    ],
)
def test_only_what_the_platform_conclusively_holds_is_restated(
    night: Night, state: State, expected: dict[str, int]
) -> None:
    sent(night, "1", state=state)
    read(night, "1")
    assert outlook(night) == expected
    stage(night)
    assert states(night) == (["pending"] if "possible" in expected else [])


@pytest.mark.parametrize("state", sorted(set(State) - SENT))
def test_what_is_not_sent_has_nothing_to_restate(night: Night, state: State) -> None:
    sent(night, "1")
    read(night, "1")
    execute(night, update(views.delivery).values(state=state))
    assert outlook(night) == {}


def test_a_full_refund_is_restated_as_nought(night: Night) -> None:
    sent(night, "1")
    night.stage(sighting("1", against(Reason.AMOUNT_NOT_ABOVE_ZERO, due=FREE), subject=subject("1"), stated=FREE))
    stage(night)
    assert orjson.loads(attempt(night).body)["data"][0]["value"] == 0


def test_a_platform_without_corrections_gets_none_and_it_is_counted_in_money(night: Night) -> None:
    sent(night, "1", "2")
    night.stage(
        sighting("1", draft("1", due=CHEAPER), stated=CHEAPER), sighting("2", draft("2", due=FREE), stated=FREE)
    )
    found = eligibility.totals(night.ledger, night.run.id, 2, lambda *_: None)
    sums = found.not_eligible[NotEligible.NO_CORRECTION]
    assert (counts(found), sums.old, sums.new) == (
        {NotEligible.NO_CORRECTION: 2},
        {"DKK": 2 * PRICE.amount},
        {"DKK": CHEAPER.amount},
    )


@pytest.mark.parametrize("due", [Money(39905, "DKK", 3), Money(3990, "XXX", 2), Money(10**15, "DKK", 2)])
def test_money_that_does_not_fit_its_currency_is_not_sent(night: Night, due: Money) -> None:
    sent(night, "1")
    read(night, "1", due)
    assert outlook(night) == {NotEligible.UNFIT: 1}


def test_too_old_or_erased_or_out_of_room_it_is_named(night: Night) -> None:
    sent(night, "1", "2", "3")
    night.stage(*[sighting(n, draft(n, due=CHEAPER), subject=subject(n), stated=CHEAPER) for n in "123"])
    execute(
        night, update(views.delivery).where(views.delivery.c.id == night.held("1", "google").id).values(expires_at=1)
    )
    second = night.held("2", "google").id
    with night.ledger.transaction() as connection:
        blank(connection, [second << 8])
    night.seal(night.held("3", "google").id, 255, event("3"))
    assert outlook(night) == {NotEligible.TOO_OLD: 1, NotEligible.ERASED: 1, NotEligible.TOO_OFTEN: 1}


@pytest.mark.parametrize("reason", [Reason.DENIED, Reason.OBJECTION, Reason.NO_EMAIL])
def test_a_forbidden_order_has_nothing_to_restate(night: Night, reason: Reason) -> None:
    sent(night, "1")
    night.stage(sighting("1", against(reason, due=CHEAPER), subject=subject("1"), stated=CHEAPER))
    assert outlook(night) == {}


def test_at_most_one_is_open(night: Night) -> None:
    asked(night, "1")
    assert outlook(night) == {NotEligible.OPEN: 1}
    settle(night, attempt(night), LOST)
    read(night, "1", CHEAPEST)
    stage(night)
    assert states(night) == ["unknown"]


def test_what_an_earlier_run_left_unsent_is_staged_anew_with_the_value_of_today(night: Night) -> None:
    asked(night, "1")
    read(night, "1", CHEAPEST)
    assert claim(night) is None
    stage(night)
    assert [(row.state, row.new_minor) for row in revisions(night)] == [("withheld", 3990), ("pending", 2990)]
    assert attempt(night).body == b'{"data":[' + event("1", CHEAPEST) + b"]}"


# what is sent


def test_an_attempt_is_written_ahead_as_a_restatement(night: Night) -> None:
    asked(night, "1", "2")
    made = attempt(night)
    row = night.one(select(tables.request).where(tables.request.c.id == made.request))
    assert (row.purpose, row.events, row.outcome) == ("restate", 2, None)
    assert states(night) == ["in_flight"] * 2
    assert set(night.states("google").values()) == {"recorded"}
    assert claim(night) is None


def test_the_value_changes_on_the_restatements_own_answer(night: Night) -> None:
    asked(night, "1")
    made = attempt(night)
    assert value(night) == 4990
    assert settle(night, made, RECEIVED) == Settlement([])
    held = night.held("1", "google")
    assert (value(night), held.revision, held.state, states(night)) == (3990, 1, "recorded", ["received"])
    assert outlook(night) == {}
    found = eligibility.totals(night.ledger, night.run.id, GOOGLE, restated)
    assert (found.made.orders, found.made.old, found.made.new) == (1, {"DKK": PRICE.amount}, {"DKK": CHEAPER.amount})


@pytest.mark.parametrize(("receipt", "state"), [(LOST, "unknown"), (UNSENT, "pending"), (THROTTLED, "pending")])
def test_without_a_yes_the_platform_holds_the_old_value(night: Night, receipt: Receipt, state: str) -> None:
    asked(night, "1")
    settled = settle(night, attempt(night), receipt)
    assert (value(night), states(night)) == (4990, [state])
    (again,) = settled.again
    night.clock.forward(seconds=30)
    assert attempt(night, again).body == b'{"data":[' + event("1", CHEAPER) + b"]}"
    assert {row.purpose for row in night.all(select(tables.request.c.purpose).where(tables.request.c.parent > 0))} == {
        "restate"
    }


@pytest.mark.parametrize("receipt", [UNSENT, THROTTLED])
def test_what_was_conclusively_not_taken_was_never_sent_though_time_goes_on(night: Night, receipt: Receipt) -> None:
    asked(night, "1")

    def going_on() -> datetime:
        night.clock.forward(microseconds=1)
        return night.clock.now

    night.ledger.clock = going_on
    settle(night, attempt(night), receipt)
    assert [(row.state, row.first_attempt_us) for row in revisions(night)] == [("pending", None)]


@pytest.mark.parametrize("receipt", [UNSENT, THROTTLED])
def test_unknown_stays_unknown_until_it_is_answered(night: Night, receipt: Receipt) -> None:
    asked(night, "1")
    (again,) = settle(night, attempt(night), LOST).again
    night.clock.forward(seconds=30)
    (again,) = settle(night, attempt(night, again), receipt).again
    assert states(night) == ["unknown"]
    night.begin()
    settle(night, attempt(night, RESEND), RECEIVED)
    assert (value(night), states(night)) == (3990, ["received"])


def test_unknown_is_resent_by_a_run_that_was_not_asked_to_restate(night: Night) -> None:
    asked(night, "1")
    first = attempt(night)
    settle(night, first, LOST)
    read(night, "1", CHEAPEST)
    assert claim(night) is None
    again = attempt(night, RESEND)
    assert (again.body, again.events) == (first.body, first.events)
    settle(night, again, RECEIVED)
    assert value(night) == 3990
    assert outlook(night) == {"possible": 1}


def test_a_killed_restatement_is_unknown_and_its_order_stays_recorded(night: Night) -> None:
    asked(night, "1")
    attempt(night)
    night.begin()
    outbox.recover(night.ledger)
    assert (states(night), night.held("1", "google").state) == (["unknown"], "recorded")
    assert settle(night, attempt(night, RESEND), RECEIVED) == Settlement([])


def test_nothing_of_a_first_event_is_left_that_could_overwrite_a_restated_value(night: Night) -> None:
    sent(night, "1")
    asked_again = night.outbox("google")
    read(night, "1")
    stage(night)
    settle(night, attempt(night), RECEIVED)
    for work in (RESEND, WorkItem(Purpose.FIRST), WorkItem(Purpose.RETRY, (night.held("1", "google").id << 8,))):
        assert outbox.claim(night.ledger, night.run, asked_again, work) is None
    assert value(night) == 3990


def test_a_second_restatement_starts_from_what_the_platform_holds(night: Night) -> None:
    asked(night, "1")
    settle(night, attempt(night), RECEIVED)
    read(night, "1", CHEAPEST)
    stage(night)
    settle(night, attempt(night), RECEIVED)
    assert [(row.old_minor, row.new_minor) for row in revisions(night)] == [(4990, 3990), (3990, 2990)]
    assert (value(night), night.held("1", "google").revision) == (2990, 2)


def test_a_failed_item_is_refused_with_its_reason_and_not_asked_for_again_with_that_value(night: Night) -> None:
    asked(night, "1", "2", "3")
    named = Receipt(Outcome.REFUSED, Next.ISOLATE, "400", 400, failed_items=(FailedItem(1, "BAD_VALUE", "value"),))
    settled = settle(night, attempt(night), named)
    assert settled.quarantined == 1
    (rest,) = settled.again
    settle(night, attempt(night, rest), RECEIVED)
    assert states(night) == ["received", "rejected", "received"]
    assert [value(night, n) for n in "123"] == [3990, 4990, 3990]
    assert night.held("2", "google").state == "recorded"
    assert (outlook(night), revisions(night)[1].detail) == ({NotEligible.REFUSED: 1}, "400 BAD_VALUE value")
    read(night, "2", CHEAPEST)
    assert outlook(night) == {"possible": 1}


def test_a_value_refused_after_a_lost_answer_may_be_held_until_another_is_told_for_sure(night: Night) -> None:
    asked(night, "1")
    settle(night, attempt(night), LOST)
    settle(night, attempt(night, RESEND), REFUSED)
    assert (states(night), value(night), outlook(night)) == (["rejected"], 4990, {NotEligible.REFUSED: 1})
    assert eligibility.overview(night.ledger)[1] == {"google": {"maybe_received": 1}}

    read(night, "1", PRICE)  # worth what the store says it is there
    assert outlook(night) == {"possible": 1}
    stage(night)
    settle(night, attempt(night), RECEIVED)

    assert [(row.old_minor, row.new_minor) for row in revisions(night)] == [(4990, 3990), (4990, 4990)]
    assert (value(night), eligibility.overview(night.ledger)[1]) == (4990, {"google": {"received": 1, "rejected": 1}})
    read(night, "1", PRICE)
    assert outlook(night) == {}


def test_a_value_in_doubt_is_not_told_for_whom_sending_is_forbidden_now(night: Night) -> None:
    asked(night, "1")
    settle(night, attempt(night), LOST)
    settle(night, attempt(night, RESEND), REFUSED)
    night.stage(sighting("1", against(Reason.DENIED, due=PRICE), subject=subject("1"), stated=PRICE))
    assert outlook(night) == {}


def test_halves_of_a_refusal_that_names_nobody(night: Night) -> None:
    asked(night, "1", "2")
    again = settle(night, attempt(night), REFUSED).again
    settle(night, attempt(night, again[0]), REFUSED)
    settle(night, attempt(night, again[1]), RECEIVED)
    assert (states(night), [value(night, n) for n in "12"]) == (["rejected", "received"], [4990, 3990])


# asked again


def test_who_objects_before_it_leaves_is_left_out(night: Night) -> None:
    asked(night, "1", "2")
    template = night.outbox("google")
    batch = claim(night)
    assert batch is not None
    suppressions.add(night.ledger, (subject("1"),), None)
    again = restatements.intend(night.ledger, night.run, template, batch, outbox.validate(template, batch))
    assert isinstance(again, list)
    assert attempt(night, again[0]).body == b'{"data":[' + event("2", CHEAPER) + b"]}"
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", "objection"), ("in_flight", None)]


def test_who_objects_while_nobody_answers_is_not_sent_again(night: Night) -> None:
    asked(night, "1")
    settle(night, attempt(night), LOST)
    suppressions.add(night.ledger, (subject("1"),), None)
    assert intend(night, RESEND) == []
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", Reason.MAYBE_RECEIVED)]


@pytest.mark.parametrize(("receipt", "detail"), [(LOST, Reason.MAYBE_RECEIVED), (UNSENT, Reason.DENIED)])
def test_whom_the_source_forbids_now_is_not_sent_again(night: Night, receipt: Receipt, detail: str) -> None:
    asked(night, "1")
    settle(night, attempt(night), receipt)
    night.stage(sighting("1", against(Reason.DENIED, due=CHEAPER), subject=subject("1"), stated=CHEAPER))
    restatements.close_expired(night.ledger, night.run, GOOGLE)
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", detail)]
    assert not restatements.has_open(night.ledger, GOOGLE)


def test_past_the_age_limit_nothing_is_sent(night: Night) -> None:
    asked(night, "1", "2")
    night.clock.forward(days=6)
    assert intend(night) == []
    assert {(row.state, row.detail) for row in revisions(night)} == {("withheld", Reason.TOO_OLD)}


def test_what_waits_past_the_age_limit_is_closed(night: Night) -> None:
    asked(night, "1")
    night.clock.forward(days=6)
    restatements.close_expired(night.ledger, night.run, GOOGLE)
    assert states(night) == ["withheld"]


def test_an_order_erased_meanwhile_is_left_alone(night: Night) -> None:
    asked(night, "1")
    execute(night, update(views.delivery).values(state=State.ERASED))
    assert intend(night) == []
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", "erased")]


def test_bytes_that_todays_policy_does_not_let_leave_stay(night: Night) -> None:
    asked(night, "1")

    def refuse(*_: object) -> tuple[str, ...]:
        raise DisclosureError("no")

    assert claim(night, template=night.outbox("google", check=refuse)) is None
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", Reason.SHAPE)]


def test_what_may_have_arrived_and_may_not_leave_any_more_is_maybe_received(night: Night) -> None:
    asked(night, "1")
    settle(night, attempt(night), LOST)

    def forbid(*_: object) -> tuple[str, ...]:
        raise DisclosureError("not listed")

    assert claim(night, RESEND, night.outbox("google", check=forbid)) is None
    assert [(row.state, row.detail) for row in revisions(night)] == [("withheld", Reason.MAYBE_RECEIVED)]


def test_a_run_that_lost_the_store_restates_nothing(night: Night) -> None:
    asked(night, "1")
    template, lost = night.outbox("google"), night.run
    batch = claim(night)
    assert batch is not None
    night.begin()
    with pytest.raises(LedgerError):
        restatements.intend(night.ledger, lost, template, batch, outbox.validate(template, batch))
    assert states(night) == ["pending"]


# late verdicts


def refused_later(night: Night, made: Attempt, state: State = State.REJECTED) -> None:
    with night.ledger.transaction() as connection:
        restatements.revert_refused(connection, made.events, state, "EVENT_TOO_OLD")


def test_what_the_platform_rejects_later_is_worth_what_it_was(night: Night) -> None:
    asked(night, "1")
    made = attempt(night)
    settle(night, made, RECEIVED)
    refused_later(night, made)
    held = night.held("1", "google")
    assert (value(night), held.revision, held.state) == (4990, 0, "recorded")
    assert [(row.state, row.detail) for row in revisions(night)] == [("rejected", "EVENT_TOO_OLD")]


@pytest.mark.parametrize(
    ("state", "expected"), [(State.REJECTED, {NotEligible.REFUSED: 1}), (State.WITHHELD, {"possible": 1})]
)
def test_what_only_passes_may_be_asked_for_again(night: Night, state: State, expected: dict[str, int]) -> None:
    asked(night, "1")
    made = attempt(night)
    settle(night, made, RECEIVED)
    refused_later(night, made, state)
    assert outlook(night) == expected


def test_a_late_no_to_a_restatement_that_was_replaced_changes_no_value(night: Night) -> None:
    asked(night, "1")
    first = attempt(night)
    settle(night, first, RECEIVED)
    read(night, "1", CHEAPEST)
    stage(night)
    settle(night, attempt(night), RECEIVED)
    refused_later(night, first)
    assert (value(night), states(night)) == (2990, ["rejected", "received"])


def test_a_late_no_goes_back_past_what_was_never_received(night: Night) -> None:
    asked(night, "1")
    read(night, "1", CHEAPEST)
    stage(night)
    made = attempt(night)
    settle(night, made, RECEIVED)
    assert night.held("1", "google").revision == 2
    refused_later(night, made)
    assert (value(night), night.held("1", "google").revision) == (4990, 0)
