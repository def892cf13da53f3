"""Orders quarantined because of the settings return to their former state, and no other orders."""

import pytest

from conversions.errors import LedgerError
from conversions.ledger import outbox
from conversions.ledger.outbox import Attempt
from conversions.ledger.outbox.reinstate import reinstate
from conversions.model.conversion import Reason
from conversions.model.receipt import Receipt
from tests.ledger.builders import LOST, REFUSED, RESEND, Night, against, sighting


def settle(night: Night, attempt: Attempt, receipt: Receipt) -> None:
    outbox.settle(night.ledger, night.run, attempt, receipt)


def set_aside(night: Night, *numbers: str, destination: str = "meta") -> None:
    """Each refused by itself."""
    night.stage(*map(sighting, numbers))
    for _ in numbers:
        settle(night, night.intend(night.outbox(destination, max_events=1)), REFUSED)


def test_an_order_never_sent_before_is_pending_again(night: Night) -> None:
    set_aside(night, "1", "2")

    assert reinstate(night.ledger, night.run, night.outbox().destination_id) == 2

    held = night.held("1")
    assert (held.state, held.reason, held.detail, held.settled_run) == ("pending", None, None, None)
    assert len(night.intend(night.outbox()).events) == 2


def test_an_order_unanswered_before_is_unknown_again(night: Night) -> None:
    night.stage(sighting("1"))
    settle(night, night.intend(night.outbox()), LOST)
    first = night.held("1").first_attempt_us
    settle(night, night.intend(night.outbox(), RESEND), REFUSED)

    reinstate(night.ledger, night.run, night.outbox().destination_id)

    assert (night.held("1").state, night.held("1").first_attempt_us) == ("unknown", first)


def test_neither_an_earlier_run_nor_another_destination_nor_our_own_checks_are_overruled(night: Night) -> None:
    set_aside(night, "earlier")
    set_aside(night, "elsewhere", destination="google")
    night.stage(sighting("ours", against(Reason.SHAPE, quarantined=True)))

    assert reinstate(night.ledger, night.run, night.outbox().destination_id) == 0
    assert night.states() == {"earlier": "quarantined", "elsewhere": "pending", "ours": "quarantined"}
    assert night.states("google")["elsewhere"] == "quarantined"


def test_a_store_that_is_another_run_s_is_left_alone(night: Night) -> None:
    set_aside(night, "1")
    stale = night.run
    night.begin()

    with pytest.raises(LedgerError):
        reinstate(night.ledger, stale, night.outbox().destination_id)
    assert night.states() == {"1": "quarantined"}
