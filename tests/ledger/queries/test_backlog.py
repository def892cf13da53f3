"""The backlog for the next run, and when its first order is too old."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from conversions.ledger import outbox
from conversions.ledger.queries import backlog
from conversions.ledger.queries.backlog import Remaining
from conversions.ledger.schema import views
from tests.ledger.builders import LOST, NOW, Night, draft, sighting

DAY_US = 86_400_000_000


def force(night: Night, number: str, **changed: Any) -> None:
    """Set columns of an order at Meta."""
    held = night.held(number).id
    with night.ledger.transaction() as connection:
        connection.execute(update(views.delivery).where(views.delivery.c.id == held).values(**changed))


def test_what_is_left_says_until_when_it_may_be_sent(night: Night) -> None:
    at = int(NOW.timestamp()) + 3600
    night.stage(sighting("1", draft("1", expires_at=at + 1)), sighting("2", draft("2", expires_at=at)))
    _, meta = night.numbers

    assert backlog.remaining(night.ledger, night.run.id, meta, 0) == Remaining(2, NOW + timedelta(hours=1))
    assert backlog.remaining(night.ledger, night.begin().id, meta, 0) == Remaining()


@pytest.mark.parametrize(
    ("resend_us", "changed", "orders"),
    [
        (DAY_US, {}, 1),
        (0, {}, 0),
        (0, {"decision": "send"}, 1),
        (DAY_US, {"expires_at": int(NOW.timestamp())}, 0),
    ],
    ids=["inside the window", "past it", "decided", "too old"],
)
def test_an_unanswered_order_is_left_to_the_next_run_only_where_that_sends_it(
    night: Night, resend_us: int, changed: dict[str, Any], orders: int
) -> None:
    night.stage(sighting("1"))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox()), LOST)
    force(night, "1", **({"expires_at": int(NOW.timestamp()) + 9} | changed))
    assert backlog.remaining(night.ledger, night.run.id, night.numbers[1], resend_us).orders == orders


def test_what_is_too_old_does_not_wait_for_a_run(night: Night) -> None:
    night.stage(sighting("1", draft("1", expires_at=int(NOW.timestamp()) + 9)), sighting("2"))
    force(night, "1", expires_at=int(NOW.timestamp()))
    assert {b.destination: b.orders for b in backlog.backlogs(night.ledger)} == {"google": 2, "meta": 1}


@pytest.mark.parametrize(("decision", "unanswered"), [(None, 1), ("send", 0)])
def test_what_may_wait_for_a_person_is_counted_apart(night: Night, decision: str | None, unanswered: int) -> None:
    night.stage(sighting("1"), sighting("2"))
    outbox.settle(night.ledger, night.run, night.intend(night.outbox(max_events=1)), LOST)
    force(night, "1", expires_at=int(NOW.timestamp()) + 9, decision=decision)
    (meta,) = [each for each in backlog.backlogs(night.ledger) if each.destination == "meta"]
    assert (meta.orders, meta.unanswered) == (2, unanswered)
