"""Refusals that are an order's own, and those that are the account's: by their share of the latest orders."""

import json

import pytest

from tests.e2e.said import ATTENTION, Said
from tests.e2e.shop import Row, Shop
from tests.e2e.test_reconcile import REFUSED, at_google, night, send

OK = 0
CONSENT = ["DENIED_CONSENT", "UNKNOWN_CONSENT"]


def rows(shop: Shop, count: int, **changes: str) -> list[Row]:
    """The orders that ``send`` has sent, as the shop tells of them later: bought on the same day."""
    bought = shop.sql("SELECT day FROM delivery LIMIT 1")[0][0]
    return [shop.order(str(1000 + i), purchased_at=f"{bought} 12:00:00", **changes) for i in range(count)]


def decided(shop: Shop, decision: str = "acknowledge") -> Said:
    return shop.command("decide", decision, "--all", "--destination", "google", "--reason", "looked at")


def sold(shop: Shop) -> int:
    return len(shop.events("google"))


def one_a_night(shop: Shop, *addresses: str) -> list[int]:
    """A shop with an order every other day, one of each address; what each night ended with."""
    codes, orders = [], []
    for i, address in enumerate(addresses):
        changes = {"billing_email": address} if address else {}
        orders.append(shop.order(str(2000 + i), **changes))
        shop.orders(*orders)
        codes.append(shop.run().code)
        shop.wait(days=2)
    return codes


@pytest.mark.parametrize("reason", [*CONSENT, "INVENTED_TOMORROW", "processing_error_reason_denied_consent"])
def test_a_reason_that_most_orders_meet_stops_the_account_until_a_person_decides(shop: Shop, reason: str) -> None:
    send(shop, 40, f"verdict={reason}")
    for _ in range(3):
        shop.orders(*rows(shop, 40), shop.order("3000"))
        said = night(shop)
        assert (said.code, said.at("google")["exit_code"], said.at("meta")["exit_code"]) == (REFUSED, REFUSED, OK)
        assert sold(shop) == 40
    planned = shop.plan()
    assert (planned.code, planned.at("google")["stopped"]) == (REFUSED, said.at("google")["stopped"])
    assert shop.command("reconcile").code == REFUSED
    text = shop.command("status").out
    assert "google is stopped" in text
    assert "conversions decide" in text
    shop.sandbox.use_faults([])
    assert decided(shop).code == OK
    assert night(shop).code == OK
    assert sold(shop) == 41
    assert night(shop).code == OK


@pytest.mark.parametrize("reason", CONSENT)
def test_refused_for_consent_an_order_goes_again_with_its_buyers_grant_and_by_nothing_else(
    shop: Shop, reason: str
) -> None:
    send(shop, 6, f"verdict={reason}")
    assert night(shop).code == REFUSED
    shop.sandbox.use_faults([])
    assert decided(shop, "send").out == "send: 0 orders at google.\n"
    assert night(shop).code == REFUSED
    shop.orders(*rows(shop, 6, ads_consent="yes"))
    assert night(shop).code == REFUSED  # a person has not looked yet
    assert sold(shop) == 6
    assert decided(shop).out == "acknowledge: 6 orders at google.\n"
    for changed in ({"product_ids": "SKU-2"}, {"total": "80.00"}, {"billing_email": "other@kunde.example"}):
        shop.orders(*rows(shop, 6, **changed))
        assert shop.run("--accept", "values", "--reason", "a sale").code == OK
    for choice in ("no", ""):
        shop.orders(*rows(shop, 6, ads_consent=choice))
        shop.run()
    assert sold(shop) == 6
    shop.orders(*rows(shop, 2, ads_consent="yes"))
    assert night(shop).counts("google")["sent"] == 2
    assert shop.received("google")["double_counted"] == 0
    assert at_google(shop) == {"received": 2, "rejected": 4}


def test_with_a_grant_on_record_it_goes_again_once_a_person_has_looked(shop: Shop) -> None:
    shop.orders(*(shop.order(str(1000 + i), ads_consent="yes") for i in range(6)))
    assert shop.run().code == OK
    shop.sandbox.use_faults(["verdict=DENIED_CONSENT"])
    assert [night(shop).code for _ in range(2)] == [REFUSED, REFUSED]
    assert sold(shop) == 6
    shop.sandbox.use_faults([])
    decided(shop)
    assert night(shop).counts("google") == {"sent": 6}


def test_below_half_it_is_each_orders_own_and_needs_a_grant_all_the_same(shop: Shop) -> None:
    send(shop, 40, "verdict@0.3=DENIED_CONSENT")
    said = night(shop)
    assert (said.code, said.at("google")["stopped"]) == (ATTENTION, None)
    refused = at_google(shop)["rejected"]
    shop.sandbox.use_faults([])
    shop.orders(*rows(shop, 40, product_ids="SKU-2"))
    assert night(shop).code == OK
    assert sold(shop) == 40
    shop.orders(*rows(shop, 40, ads_consent="yes"))
    assert night(shop).counts("google")["sent"] == refused


def test_an_unknown_reason_below_half_is_mended_by_the_row_as_others_are(shop: Shop) -> None:
    send(shop, 40, "verdict@0.3=INVENTED_TOMORROW")
    assert night(shop).code == ATTENTION
    refused = at_google(shop)["rejected"]
    shop.sandbox.use_faults([])
    shop.orders(*rows(shop, 40, product_ids="SKU-2"))
    assert night(shop).counts("google")["sent"] == refused


@pytest.mark.parametrize("reason", [*CONSENT, "INVENTED_TOMORROW"])
def test_a_shop_of_three_a_week_is_judged_over_its_nights(shop: Shop, reason: str) -> None:
    shop.sandbox.use_faults([f"verdict={reason}"])
    codes = one_a_night(shop, *[""] * 7)
    assert codes == [OK, *[ATTENTION] * 4, REFUSED, REFUSED]
    assert sold(shop) == 5


def test_two_buyers_are_not_enough(shop: Shop) -> None:
    shop.sandbox.use_faults(["verdict=DENIED_CONSENT"])
    assert REFUSED not in one_a_night(shop, *["a@kunde.example", "b@kunde.example"] * 4)


def test_good_orders_of_before_do_not_hide_that_the_latest_are_refused(shop: Shop) -> None:
    send(shop, 300)
    assert night(shop).code == OK
    shop.sandbox.use_faults(["verdict=DENIED_CONSENT"])
    assert REFUSED in one_a_night(shop, *[""] * 7)
    assert sold(shop) <= 300 + 5


def test_several_reasons_are_counted_together(shop: Shop) -> None:
    send(shop, 40, "verdict@0.3=DENIED_CONSENT", "verdict@0.2=UNKNOWN_CONSENT", "verdict@0.3=INVENTED_TOMORROW")
    assert night(shop).code == REFUSED
    decided(shop, "send")
    assert night(shop).code == REFUSED  # those without consent are nobody's to send
    decided(shop)
    shop.sandbox.use_faults([])
    assert night(shop).code == OK


@pytest.mark.parametrize("reason", [*CONSENT, "INVENTED_TOMORROW"])
@pytest.mark.parametrize("share", ["", "@0.7"])
def test_counts_without_positions_stop_the_account_too(shop: Shop, reason: str, share: str) -> None:
    send(shop, 40, f"verdict{share}={reason}", "counts-only")
    assert [night(shop).code for _ in range(2)] == [REFUSED, REFUSED]
    shop.sandbox.use_faults([])
    decided(shop)
    assert night(shop).code == OK
    assert sold(shop) == 40


def test_an_unknown_reason_is_sent_again_once_a_person_says_so_and_stops_again_only_for_new_refusals(
    shop: Shop,
) -> None:
    send(shop, 10, "verdict=INVENTED_TOMORROW")
    assert night(shop).code == REFUSED
    assert decided(shop, "send").out == "send: 10 orders at google.\n"
    assert night(shop).counts("google") == {"sent": 10}
    assert night(shop).code == REFUSED
    shop.sandbox.use_faults([])
    decided(shop, "send")
    assert night(shop).counts("google") == {"sent": 10}
    assert night(shop).code == OK
    assert at_google(shop) == {"recorded": 10}


def test_what_was_said_before_the_decision_is_no_evidence_any_more(shop: Shop) -> None:
    send(shop, 10, "verdict=DENIED_CONSENT")
    assert night(shop).code == REFUSED
    decided(shop)
    shop.orders(shop.order("3000"))
    assert night(shop).code == OK
    assert night(shop).code == ATTENTION  # one new refusal is that order's own


def test_a_grant_that_google_was_told_of_sends_nothing_again_by_itself(shop: Shop) -> None:
    shop.orders(*(shop.order(str(1000 + i), ads_consent="yes") for i in range(40)))
    assert shop.run().code == OK
    shop.sandbox.use_faults(["verdict@0.3=DENIED_CONSENT"])
    assert night(shop).code == ATTENTION
    assert night(shop).code == OK
    assert sold(shop) == 40


def test_the_account_stays_stopped_however_old_its_orders_grow(shop: Shop) -> None:
    send(shop, 10, "verdict=DENIED_CONSENT")
    assert night(shop).code == REFUSED
    shop.wait(days=90)
    shop.orders(shop.order("3000"))
    assert night(shop).code == REFUSED
    assert sold(shop) == 10


def test_consent_refused_at_once_by_most_orders_stops_the_account_and_sets_nobody_aside(shop: Shop) -> None:
    shop.sandbox.use_faults(["refused@0.7=DENIED_CONSENT"])
    shop.orders(*(shop.order(str(1000 + i)) for i in range(40)))
    said = shop.run()
    assert said.code == REFUSED
    assert "consent" in said.at("google")["stopped"]
    assert at_google(shop) == {"pending": 40}


def test_refused_at_once_for_consent_an_order_goes_again_with_its_buyers_grant_only(shop: Shop) -> None:
    shop.sandbox.use_faults(["refused@0.2=DENIED_CONSENT"])
    shop.orders(*(shop.order(str(1000 + i)) for i in range(40)))
    assert shop.run().code == ATTENTION
    refused = at_google(shop)["quarantined"]
    shop.sandbox.use_faults([])
    shop.orders(*rows(shop, 40, product_ids="SKU-2"))
    night(shop)
    assert at_google(shop)["quarantined"] == refused
    shop.orders(*rows(shop, 40, ads_consent="yes"))
    assert night(shop).counts("google")["sent"] == refused


@pytest.mark.parametrize("reason", CONSENT)
def test_no_sentence_offers_to_send_without_the_buyers_grant(shop: Shop, reason: str) -> None:
    send(shop, 6, f"verdict={reason}")
    stopped = night(shop).at("google")["stopped"]
    assert "default" not in stopped
    assert "decide send" not in stopped
    listed = json.loads(shop.command("decide", "--json", "--destination", "google").out)
    assert {tuple(one["choices"]) for one in listed} == {("acknowledge",)}
