"""An order whose answer was lost, and that was refused when it was sent again: the platform may hold it all the same."""

import pytest

from tests.e2e.said import ATTENTION
from tests.e2e.shop import Shop

META = {"google": None, "meta": {"action_source": "website", "event_source_url": "https://shop.example/"}}
"""Where an order counts once for 48 hours."""


@pytest.fixture
def bought(shop: Shop) -> str:
    """When: yesterday, of the first night. Two orders were sent and not answered; one of them is refused now."""
    day = f"{shop.day(1)} 12:00:00"
    shop.configure(deadline="1s", destinations=META)
    shop.orders(shop.order("1", product_ids="SKU-BAD", purchased_at=day), shop.order("2", purchased_at=day))
    shop.sandbox.use_faults(["lost:meta"])
    shop.run()
    shop.configure(destinations=META)
    shop.sandbox.use_faults(["poison:meta=SKU-BAD"])
    shop.wait(hours=20)
    assert shop.run().code == ATTENTION
    assert shop.states()["meta"] == {"quarantined": 1, "received": 1}
    (problem,) = shop.status()["problems"]
    assert problem["detail"].endswith(";earlier_unanswered")
    shop.sandbox.use_faults([])
    return day


def corrected(shop: Shop, bought: str, **changed: str) -> None:
    shop.orders(shop.order("1", purchased_at=bought, **changed), shop.order("2", purchased_at=bought))


def test_inside_the_window_a_corrected_row_is_sent_and_counts_once(shop: Shop, bought: str) -> None:
    corrected(shop, bought)
    assert shop.plan().counts("meta")["unknown"] == 1
    said = shop.run()
    assert (said.code, shop.states()["meta"]) == (0, {"received": 2})
    assert (shop.received("meta")["distinct"], shop.received("meta")["double_counted"]) == (2, 0)


def test_past_the_window_a_corrected_row_waits_for_a_person(shop: Shop, bought: str) -> None:
    shop.wait(days=2)
    corrected(shop, bought)
    events = len(shop.events("meta"))
    said = shop.run()
    assert (said.code, said.at("meta")["needs_a_person"]["undecided"]) == (ATTENTION, 1)
    assert len(shop.events("meta")) == events
    decided = shop.command("decide", "give-up", "1", "--destination", "meta", "--reason", "Meta shows it")
    assert decided.code == 0
    assert shop.run().code == 0
    assert len(shop.events("meta")) == events


def test_refused_again_it_is_set_aside_again(shop: Shop, bought: str) -> None:
    shop.sandbox.use_faults(["poison:meta=SKU-BAD"])
    corrected(shop, bought, product_ids="SKU-BAD|SKU-2")
    assert shop.run().code == ATTENTION
    assert shop.states()["meta"] == {"quarantined": 1, "received": 1}


def test_cancelled_it_stays_as_it_is(shop: Shop, bought: str) -> None:
    corrected(shop, bought, status="cancelled")
    assert (shop.run().code, shop.states()["meta"]) == (0, {"quarantined": 1, "received": 1})


def test_whoever_says_no_may_have_been_received(shop: Shop, bought: str) -> None:
    shop.objection(shop.order("1")["billing_email"])
    corrected(shop, bought, product_ids="SKU-2")
    said = shop.run()
    assert (said.code, said.at("meta")["withheld"]) == (0, {"maybe_received": 1})
