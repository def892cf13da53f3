"""Orders that a platform refuses, and a platform that refuses everything: the good ones go, and nobody is hammered."""

import math
from datetime import timedelta

import pytest

from conversions.sandbox import google, google_errors, meta
from tests.e2e.said import ATTENTION, REFUSES, TRY_AGAIN
from tests.e2e.shop import NAMES, Shop

REFUSED = "refused_by_platform"


@pytest.mark.parametrize("every", [3, 10, 200])
def test_bad_orders_spread_over_a_batch_do_not_block_the_good_ones(shop: Shop, every: int) -> None:
    """Google names the orders at fault; Meta names none, so that they have to be searched for."""
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(*(shop.order(str(n), product_ids="SKU" if n % every else "BAD") for n in range(600)))
    bad, good = 600 // every, 600 - 600 // every
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


def test_a_setting_or_mapping_that_spoils_every_order_sets_none_aside(shop: Shop) -> None:
    """Google names each order of a request, Meta none of them; both with a code that blames the data."""
    shop.sandbox.use_faults(["poison=SKU"])
    shop.orders(*(shop.order(str(n)) for n in range(1000)))
    for _ in range(2):
        said = shop.run()
        assert said.code == REFUSES
        assert [said.counts(name) for name in NAMES] == [{"pending": 1000}] * 2
    assert [shop.received(name)["requests"] for name in NAMES] == [2 * 1, 2 * 17]
    assert "(400/INVALID_ARGUMENT/INVALID_EVENT INVALID_EVENT)" in said.at("google")["stopped"]
    assert "(400/100/2804019)" in said.at("meta")["stopped"]
    shop.sandbox.use_faults([])
    assert [shop.run().counts(name) for name in NAMES] == [{"sent": 1000}, {"already_sent": 1000}]


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


@pytest.fixture
def without_subcode(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither platform says whose fault it is."""
    refusal = google_errors.error(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
    monkeypatch.setattr(meta, "BAD_EVENT", None)
    monkeypatch.setattr(google, "invalid", lambda _: refusal)


@pytest.mark.usefixtures("without_subcode")
@pytest.mark.parametrize("place", [0, 299, 598])
def test_one_bad_order_that_nobody_names_costs_few_requests(shop: Shop, place: int) -> None:
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(*(shop.order(str(n), product_ids="BAD" if n == place else "SKU") for n in range(600)))
    said = shop.run()
    for name in NAMES:
        assert said.counts(name) == {"sent": 599, "quarantined": {REFUSED: 1}}
        assert shop.received(name)["requests"] <= 2 * math.log2(600) + 5
    assert {(problem["order_no"], problem["detail"]) for problem in shop.status()["problems"]} == {
        (str(place), "400/100"),
        (str(place), "400/INVALID_ARGUMENT/INVALID_ARGUMENT"),
    }


@pytest.mark.usefixtures("without_subcode")
def test_settings_that_spoil_every_order_set_none_aside(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=SKU"])
    shop.orders(*(shop.order(str(n)) for n in range(300)))
    said = shop.run()
    assert said.code == REFUSES
    assert [said.counts(name) for name in NAMES] == [{"pending": 300}] * 2
    assert [shop.received(name)["requests"] for name in NAMES] == [4, 4]
    assert all("the settings are at fault, and" in said.at(name)["stopped"] for name in NAMES)
    shop.sandbox.use_faults([])
    assert [shop.run().counts(name) for name in NAMES] == [{"sent": 300}, {"already_sent": 300}]


@pytest.mark.usefixtures("without_subcode")
def test_a_lone_order_is_not_set_aside_before_others_are_accepted(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(shop.order("1", product_ids="BAD"))
    said = shop.run()
    assert (said.code, said.counts("meta")) == (REFUSES, {"pending": 1})
    shop.orders(shop.order("1", product_ids="BAD"), shop.order("2"))
    assert shop.run().counts("meta") == {"sent": 1, "quarantined": {REFUSED: 1}}


def test_a_refused_order_is_shown_with_what_was_said_and_sent_once_its_row_is_corrected(shop: Shop) -> None:
    shop.sandbox.use_faults(["poison=BAD"])
    shop.orders(shop.order("1"), shop.order("2", product_ids="BAD"))
    shop.run()
    shown = {
        "google": "400/INVALID_ARGUMENT/INVALID_EVENT INVALID_EVENT ",
        "meta": "400/100/2804019",
    }
    plan = shop.plan()
    for name, words in shown.items():
        assert plan.at(name)["refused"][0]["order"] == "2"
        assert plan.at(name)["refused"][0]["said"].startswith(words.strip())
        assert plan.at(name)["refused"][0]["said"] in shop.command("plan").out
        assert plan.at(name)["refused"][0]["said"] in shop.command("status").out
    shop.orders(shop.order("1"), shop.order("2", product_ids="GOOD"))
    assert shop.run().counts("meta") == {"sent": 1, "already_sent": 1}
    assert shop.states() == {name: {"received": 2} for name in NAMES}
