"""Cases that wait for a person, and the decisions."""

from typing import Any

import pytest
from sqlalchemy import update

from conversions.ledger import outbox, runs
from conversions.ledger.late_results import decisions
from conversions.ledger.late_results.decisions import Case, Decision
from conversions.ledger.queries import overview
from conversions.ledger.schema import tables, views
from conversions.model.conversion import Reason
from tests.ledger.builders import LOST, RECEIVED, RESEND, THROTTLED, Night, draft, orders, sighting

SEND, GIVE_UP, ACKNOWLEDGE = Decision
DAY_US = 86_400_000_000


def force(night: Night, number: str, **changed: Any) -> None:
    """Set columns of an order at Meta."""
    held = night.held(number).id
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).where(views.delivery.c.id == held).values(**changed))


def waiting(night: Night, resend_us: int = 0) -> list[Case]:
    return decisions.cases(night.ledger, {night.numbers[1]: resend_us})


def lost(night: Night, count: int = 1) -> None:
    """So many orders are sent to Meta, without an answer."""
    night.stage(*orders(count))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), LOST)


@pytest.mark.parametrize(
    ("changed", "choices"),
    [
        ({"state": "rejected", "reason": Reason.REFUSED_LATER}, (ACKNOWLEDGE,)),
        ({"state": "rejected", "reason": Reason.SETUP}, (SEND, ACKNOWLEDGE)),
        ({"state": "rejected", "reason": Reason.SETUP, "expires_at": 1}, (ACKNOWLEDGE,)),
        ({"state": "received", "reason": Reason.SETUP}, (SEND, ACKNOWLEDGE)),
        ({"state": "recorded", "reason": Reason.SETUP, "expires_at": 1}, (ACKNOWLEDGE,)),
        ({"state": "quarantined", "reason": Reason.REFUSED_BY_PLATFORM}, (ACKNOWLEDGE,)),
        ({"state": "expired", "reason": Reason.TOO_OLD}, (ACKNOWLEDGE,)),
        ({"state": "unknown", "first_attempt_us": 1}, (SEND, GIVE_UP)),
        ({"state": "unknown", "first_attempt_us": 1, "expires_at": 1}, (GIVE_UP,)),
        ({"state": "unknown", "first_attempt_us": 1, "expires_at": 1, "decision": "send"}, (GIVE_UP,)),
    ],
)
def test_a_case_comes_with_its_choices(night: Night, changed: dict[str, Any], choices: tuple[Decision, ...]) -> None:
    night.stage(sighting("1"))
    force(night, "1", **changed)
    [case] = waiting(night, DAY_US)
    assert (case.destination, case.order_no, case.choices) == ("meta", "1", choices)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "received"},
        {"state": "unmatched"},
        {"state": "withheld", "reason": Reason.MAYBE_RECEIVED},
        {"state": "expired", "acknowledged_us": 1},
        {"state": "received", "reason": Reason.SETUP, "acknowledged_us": 1},
        {"state": "unknown", "first_attempt_us": 1, "decision": "send"},
    ],
)
def test_other_orders_are_no_cases(night: Night, changed: dict[str, Any]) -> None:
    night.stage(sighting("1"))
    force(night, "1", **changed)
    assert waiting(night, DAY_US) == []


def test_an_unanswered_order_waits_for_a_person_only_once_its_window_has_closed(night: Night) -> None:
    lost(night)
    assert waiting(night, DAY_US) == []
    night.clock.forward(days=1)
    assert [case.order_no for case in waiting(night, DAY_US)] == ["A-0"]
    assert decisions.cases(night.ledger, {night.numbers[0]: DAY_US}) == []
    assert decisions.cases(night.ledger, {}) == []


def test_an_order_to_send_again_is_claimed_past_its_window_byte_for_byte(night: Night) -> None:
    lost(night, 2)
    template = night.outbox(resend_us=0)
    assert night.attempt(template, RESEND) is None
    decisions.apply_decision(night.ledger, SEND, [case for case in waiting(night) if case.order_no == "A-1"], "why")
    night.begin()
    attempt = night.intend(night.outbox(resend_us=0), RESEND)
    assert attempt.body == b'{"data":[{"id":"c-A-1","value":49.9}]}'
    outbox.settle(night.ledger, night.run, attempt, LOST)
    assert night.attempt(night.outbox(resend_us=0), RESEND) is None
    assert [case.order_no for case in waiting(night)] == ["A-0", "A-1"]


def test_where_a_restored_store_remembers_no_attempt_a_decision_sends_what_is_read_again(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="unknown", first_attempt_us=1, attempted=1)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "why")
    night.stage(sighting("1"))
    assert night.intend(night.outbox(resend_us=0), RESEND).events


def test_a_refusal_does_not_use_up_what_was_decided(night: Night) -> None:
    lost(night)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "why")
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(resend_us=0), RESEND), THROTTLED)
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(resend_us=0), RESEND), RECEIVED)
    assert night.states() == {"A-0": "received"}
    assert night.held("A-0").decision is None


def test_a_kill_uses_up_what_was_decided(night: Night) -> None:
    lost(night)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "why")
    night.intend(night.outbox(resend_us=0), RESEND)
    outbox.recover(night.ledger)
    assert [case.choices for case in waiting(night)] == [(SEND, GIVE_UP)]


def test_past_the_age_limit_no_decision_sends_anything(night: Night) -> None:
    lost(night)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "why")
    night.clock.forward(days=6)
    assert night.attempt(night.outbox(resend_us=0), RESEND) is None


def test_what_an_account_did_not_take_is_read_and_sent_again(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="rejected", reason=Reason.SETUP, detail="NO_CONSENT", settled_run=1, attempted=1)
    runs.finish(night.ledger, night.run, {"exit_code": 70}, waiting=0)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "the account is mended")
    held = night.held("1")
    assert (held.state, held.reason, held.detail, held.settled_run) == ("deferred", None, None, None)
    assert night.one(tables.run.select()).waiting == 1
    night.stage(sighting("1", draft("1")))
    assert night.states() == {"1": "pending"}


def test_what_was_received_and_perhaps_not_recorded_goes_again_like_what_is_unknown(night: Night) -> None:
    night.stage(sighting("1"))
    first = night.intend(night.outbox())
    outbox.settle(night.ledger, night.run, first, RECEIVED)
    force(night, "1", reason=Reason.SETUP, detail="NO_CONSENT")
    decisions.apply_decision(night.ledger, SEND, waiting(night), "the account is mended")
    held = night.held("1")
    assert (held.state, held.decision, held.reason, held.detail) == ("unknown", "send", None, None)
    night.begin()
    night.stage(sighting("1"))
    assert night.intend(night.outbox(resend_us=0), RESEND).body == first.body


def test_what_is_held_at_its_old_value_stays_so_and_does_not_wait(night: Night) -> None:
    night.stage(sighting("1"))
    force(night, "1", state="recorded", reason=Reason.SETUP, detail="NO_CONSENT", settled_run=1)
    decisions.apply_decision(night.ledger, SEND, waiting(night), "the account is mended")
    held = night.held("1")
    assert (held.state, held.settled_run, held.reason, held.detail) == ("recorded", 1, None, None)
    assert waiting(night) == []


def test_what_is_given_up_may_have_been_received(night: Night) -> None:
    lost(night)
    decisions.apply_decision(night.ledger, GIVE_UP, waiting(night), "why")
    assert (night.held("A-0").state, night.held("A-0").reason) == ("withheld", Reason.MAYBE_RECEIVED)


def test_what_is_acknowledged_stays_as_it_is_and_is_counted(night: Night) -> None:
    night.stage(*orders(2))
    force(night, "A-0", state="expired", reason=Reason.TOO_OLD)
    decisions.apply_decision(night.ledger, ACKNOWLEDGE, waiting(night), "why")
    found = overview.overview(night.ledger)
    assert (found.problems, found.acknowledged, night.held("A-0").state) == ([], 1, "expired")


def test_a_decision_is_one_leaf_without_the_orders(night: Night) -> None:
    lost(night, 2)
    decisions.apply_decision(night.ledger, GIVE_UP, waiting(night), "asked them")
    leaf = night.leaves()[-1]
    facts = {"kind": "decision", "decision": "give-up", "destinations": ["meta"], "orders": 2, "reason": "asked them"}
    assert leaf | facts == leaf
    assert leaf["operator"] == runs.operator()
    assert "A-0" not in str(leaf)
