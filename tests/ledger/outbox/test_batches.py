"""Requests and batches do not end at the same order: what holds of one is not taken to hold of the other."""

from conversions.ledger import outbox
from conversions.ledger.subjects import suppressions
from tests.ledger.builders import THROTTLED, Night, event, orders, subject


def test_an_objection_noticed_by_one_request_is_noticed_by_the_next_of_the_same_batch(night: Night) -> None:
    night.stage(*orders(4))
    template = night.outbox(max_events=2)
    suppressions.add(night.ledger, (subject("buyer A-3"),), None)
    night.intend(template)
    second = night.intend(template)
    assert event("A-3") not in second.body
    assert night.states()["A-3"] == "withheld"


def test_an_objection_noticed_by_a_request_is_noticed_by_the_resend_of_another(night: Night) -> None:
    night.stage(*orders(4))
    template = night.outbox(max_events=2)
    first = night.intend(template)
    outbox.recover(night.ledger)
    suppressions.add(night.ledger, (subject("buyer A-0"),), None)
    night.intend(template)
    assert night.states()["A-0"] == "unknown"
    again = night.intend(night.outbox(), outbox.WorkItem(outbox.Purpose.RESEND, first.events))
    assert event("A-0") not in again.body


def test_a_place_that_was_blanked_hides_no_order_behind_it(night: Night) -> None:
    """A-0 was refused and waits, A-1 was never sent; the next reading seals A-1 anew, with others."""
    night.stage(*orders(2))
    attempt = night.intend(night.outbox(max_events=1))
    outbox.settle(night.ledger, night.run, attempt, THROTTLED)
    night.stage(*orders(6))
    template = night.outbox(max_events=5)
    bodies = []
    while following := night.attempt(template):
        bodies.append(following.body)
    sent = b"".join(bodies)
    assert all(sent.count(event(f"A-{n}")) == 1 for n in range(6))
