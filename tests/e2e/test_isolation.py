"""Orders that a platform refuses, and a platform that refuses everything: the good ones go, and nobody is hammered."""

from datetime import timedelta

import pytest

from tests.e2e.conftest import at_most
from tests.e2e.said import ATTENTION, TRY_AGAIN
from tests.e2e.shop import NAMES, Shop

REFUSED = "refused by the platform"


@pytest.mark.parametrize("every", [3, 10, 200])
def test_bad_orders_spread_over_a_batch_do_not_block_the_good_ones(shop: Shop, every: int) -> None:
    """Google names the orders at fault; Meta names none, so that they have to be searched for."""
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(*(shop.order(str(n), product_ids="SKU" if n % every else "BAD") for n in range(600)))
    bad, good = 600 // every, 600 - 600 // every
    with at_most(seconds=60):
        said = shop.run()
    assert said.counts("google") == {"sent": good, "quarantined": {REFUSED: bad}}
    assert said.at("meta")["sent"] > 0
    nights = 1
    while said.at("meta")["pending"] and nights < 7:
        before = said.at("meta")
        said, nights = shop.run(), nights + 1
        assert said.at("meta")["sent"] or said.at("meta")["quarantined"] != before["quarantined"]
    assert said.counts("meta").get("pending") is None
    assert said.at("meta")["sent"] + said.at("meta")["already_sent"] == good
    assert said.at("meta")["quarantined"] == {REFUSED: bad}
    assert [shop.received(name)["distinct"] for name in NAMES] == [good, good]
    assert shop.run().code == 0


def test_a_mapping_that_spoils_every_order_is_stopped_before_everything_is_tried(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=SKU"])
    shop.orders(*(shop.order(str(n)) for n in range(1000)))
    said = shop.run()
    assert said.code != 0
    assert shop.received("meta")["requests"] < 100
    assert shop.received("meta")["events"] == 0


def test_one_bad_order_needs_a_person_once(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(shop.order("1"), shop.order("2", product_ids="BAD"), shop.order("3"))
    said = shop.run()
    assert (said.code, said.counts("meta")) == (ATTENTION, {"sent": 2, "quarantined": {REFUSED: 1}})
    assert [problem["order_no"] for problem in shop.status()["problems"]] == ["2", "2"]
    assert shop.run().code == 0


@pytest.mark.parametrize("fault", ["503", "lost", "dropped", "429", "no-request-id", "html"])
def test_a_platform_that_takes_nothing_is_asked_a_few_times_only(shop: Shop, fault: str) -> None:
    shop.sandbox.use_faults([fault])
    shop.orders(*(shop.order(str(n)) for n in range(5)))
    began = shop.now
    said = shop.run()
    assert said.code == TRY_AGAIN
    assert [shop.received(name)["requests"] for name in NAMES] == [6, 6]
    assert timedelta(seconds=4) < shop.now - began < timedelta(hours=1)


def test_trouble_that_passes_is_waited_out(shop: Shop) -> None:
    shop.sandbox.use_faults(["429x2=7", "503x1"])
    shop.orders(shop.order())
    began = shop.now
    assert shop.run().counts("meta") == {"sent": 1}
    assert shop.now - began >= timedelta(seconds=14)
    assert [attempt["outcome"] for attempt in shop.exported() if attempt["destination"] == "meta"] == [
        *["refused"] * 2,
        "unknown",
        "received",
    ]
