"""What the source says now x what the ledger holds, cell by cell through the command line, counted at the platforms.

Not sent yet, sent, unknown; what was set aside or erased is in ``test_set_aside``. Nothing is restated unasked.
"""

import pytest

from tests.e2e.matrix import (
    DAY,
    EIGHTY,
    FORBIDDEN,
    HUNDRED,
    MAYBE,
    NO_VALUE,
    NOT_SENT_YET,
    OTHERWISE,
    ROWS,
    SAME,
    THEN,
    VALUE,
    Case,
    Column,
    assert_changed,
    assert_counted_once,
    assert_counts,
    assert_nothing_more,
    assert_states,
    planned_and_run,
    sent,
    the_night,
    unknown,
)
from tests.e2e.said import DOMAIN
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Row, Shop


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", SAME | VALUE | OTHERWISE)
def test_not_sent_yet_what_the_source_says_now_is_sent(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    assert_counts(the_night(shop, ROWS[row]), {"sent": 1})
    assert_counted_once(shop)
    said = shop.order(**ROWS[row].change)
    for name in NAMES:
        (sale,) = shop.sales(name)
        assert sale.value == ROWS[row].due
        assert sale.digest == digest(said["billing_email"])
        assert sale.products == tuple(said["product_ids"].split("|"))
    assert_nothing_more(shop)
    assert_states(shop, "received")


@pytest.mark.parametrize("column", NOT_SENT_YET)
@pytest.mark.parametrize("row", NO_VALUE | FORBIDDEN)
def test_not_sent_yet_and_now_not_to_be_sent_it_is_withheld(shop: Shop, column: Column, row: str) -> None:
    column(shop)
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"withheld": {ROWS[row].withheld: 1}})
    assert_changed(said, HUNDRED)
    assert_nothing_more(shop)
    assert shop.requests() == 0
    assert_states(shop, "withheld")


@pytest.mark.parametrize("row", ROWS)
def test_sent_it_is_not_sent_again_and_a_changed_value_is_shown_old_and_new(shop: Shop, row: str) -> None:
    sent(shop)
    before = shop.requests()
    for _ in range(2):
        said = the_night(shop, ROWS[row])
        assert_counts(said, {"already_sent": 1})
        assert_changed(said, ROWS[row].due)
    assert shop.requests() == before
    assert_counted_once(shop)
    assert_states(shop, "received")


def test_sent_and_changed_back_nothing_is_due(shop: Shop) -> None:
    sent(shop)
    assert_changed(the_night(shop, ROWS["amount changed"]), EIGHTY)
    assert_changed(the_night(shop, ROWS["same"]), HUNDRED)


@pytest.mark.parametrize("change", [{"product_ids": "Rød kjole"}, {"total": "100.0001"}, {"currency": "KRONER"}])
def test_sent_and_now_unfit_to_be_sent_it_stays_sent(shop: Shop, change: Row) -> None:
    sent(shop)
    before = shop.requests()
    assert_counts(the_night(shop, Case(change)), {"already_sent": 1})
    assert shop.requests() == before


def test_sent_to_one_platform_only_the_other_gets_what_the_source_says_now(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:meta"])
    shop.orders(shop.order())
    assert shop.run().code == 77
    shop.sandbox.use_faults([])
    shop.orders(shop.order(total="80.00", billing_email=f"bo@{DOMAIN}"))
    said = planned_and_run(shop)
    assert (said.counts("google"), said.counts("meta")) == ({"already_sent": 1}, {"sent": 1})
    assert (said.at("google")["changed"], said.at("meta")["changed"]) == (1, 0)
    assert (shop.sales("google")[0].value, shop.sales("meta")[-1].value) == (HUNDRED, EIGHTY)
    shop.objection(f"bo@{DOMAIN}")
    assert shop.run().counts("meta") == {"already_sent": 1}


@pytest.mark.parametrize("row", SAME | VALUE | NO_VALUE | OTHERWISE)
def test_unknown_the_old_bytes_are_sent_again_and_then_it_is_as_if_sent(shop: Shop, row: str) -> None:
    unknown(shop)
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"sent": 1})
    assert_changed(said, ROWS[row].due)
    for name in NAMES:
        first, second = shop.events(name)
        assert first == second
        assert len(shop.bodies(name)) == 2
    assert_counted_once(shop, arrivals=2)
    assert_nothing_more(shop)
    assert_changed(shop.run(), ROWS[row].due)
    resends = [attempt["destination"] for attempt in shop.exported() if attempt["purpose"] == "resend"]
    assert sorted(resends) == sorted(NAMES)


@pytest.mark.parametrize("row", FORBIDDEN)
def test_unknown_and_forbidden_now_it_is_not_sent_again_and_not_when_allowed_later(shop: Shop, row: str) -> None:
    """Whether the platform holds it nobody knows; a person decides."""
    unknown(shop)
    before = shop.requests()
    said = the_night(shop, ROWS[row])
    assert_counts(said, {"withheld": {MAYBE: 1}})
    assert_changed(said, HUNDRED)
    if ROWS[row].objection:
        shop.objection(shop.order()["billing_email"], taken_back=True)
    assert_counts(the_night(shop, ROWS["same"]), {"withheld": {MAYBE: 1}})
    assert shop.requests() == before
    assert_counted_once(shop)
    assert_states(shop, "withheld")


@pytest.mark.parametrize("fault", ["503", "html", "no-request-id", "lost", "dropped", "wrong-count:meta"])
def test_every_answer_that_is_none_is_unknown_and_resent_byte_for_byte(shop: Shop, fault: str) -> None:
    shop.configure(deadline="1s")
    shop.sandbox.use_faults([fault])
    shop.orders(shop.order())
    said = shop.run()
    struck = ["meta"] if fault.endswith("meta") else list(NAMES)
    assert said.code == 75
    assert {name: said.counts(name) for name in struck} == {name: {"unknown": 1} for name in struck}
    shop.sandbox.use_faults([])
    assert shop.run().code == 0
    for name in struck:
        assert len(set(shop.events(name))) == 1
        received = shop.received(name)
        assert (received["distinct"], received["double_counted"]) == (1, 0)
    assert_states(shop, "received")


def test_an_unknown_resend_that_is_lost_again_is_sent_until_it_is_answered(shop: Shop) -> None:
    unknown(shop)
    shop.sandbox.use_faults(["lostx2"])
    said = shop.run()
    assert_counts(said, {"sent": 1})
    for name in NAMES:
        assert len(shop.events(name)) == 4
        assert len(set(shop.events(name))) == 1
    assert_counted_once(shop, arrivals=4)


def test_unknown_past_the_platforms_window_is_left_to_a_person(shop: Shop) -> None:
    """Meta counts an offline event once for seven days; Google for ever, as long as it takes it at all."""
    unknown(shop)
    shop.wait(days=8)
    shop.orders(shop.order(**THEN))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (1, {"sent": 1}, {"unknown": 1})
    assert said.at("meta")["needs_a_person"]["undecided"] == 1
    again = shop.run("--since", DAY)
    assert (again.code, again.counts("meta")) == (0, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1
    assert [(p["destination"], p["state"]) for p in shop.status()["problems"]] == [("meta", "unknown")]


def test_the_window_reaches_back_to_unknown_orders_so_that_consent_is_asked_again(shop: Shop) -> None:
    unknown(shop)
    shop.wait(days=20)
    assert shop.plan().json["window"]["since"] == DAY
    shop.orders(shop.order(**THEN, ads_consent="no"))
    assert_counts(shop.run(), {"withheld": {MAYBE: 1}})


def test_an_unknown_order_that_becomes_too_old_while_it_waits_ends_the_run(shop: Shop) -> None:
    """Meta takes it until 18:00 of the seventh day; the answer is lost two seconds before."""
    shop.orders(shop.order(purchased_at=f"{shop.day(7)} 12:00:00"))
    shop.clock.now = shop.now.replace(hour=16, minute=59, second=58)
    shop.sandbox.use_faults(["lost:meta"])
    said = shop.run()
    assert (said.counts("google"), said.counts("meta")) == ({"sent": 1}, {"unknown": 1})
    assert len(shop.bodies("meta")) == 1


def test_an_order_of_today_waits_until_its_day_has_ended_and_then_goes_once(shop: Shop) -> None:
    shop.orders(shop.order(purchased_at=f"{shop.day(0)} 05:00"))
    for _ in range(2):
        said = shop.run("--since", shop.day(2), "--until", shop.day(0))
        assert_counts(said, {"deferred": 1})
        assert shop.requests() == 0
    shop.wait(days=1)
    assert_counts(planned_and_run(shop), {"sent": 1})
    assert_counted_once(shop)


def test_google_takes_no_purchase_younger_than_six_hours(shop: Shop) -> None:
    shop.wait(hours=-3)  # 03:15
    shop.orders(shop.order(purchased_at=f"{shop.day(1)} 23:00"))
    said = planned_and_run(shop)
    assert (said.counts("google"), said.counts("meta")) == ({"deferred": 1}, {"sent": 1})
    shop.wait(hours=3)
    said = planned_and_run(shop)
    assert (said.counts("google"), said.counts("meta")) == ({"sent": 1}, {"already_sent": 1})
