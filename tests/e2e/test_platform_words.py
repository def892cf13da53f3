"""What the platforms say beside yes and no: kept, and shown by ``status``."""

import pytest

from tests.e2e.said import ATTENTION, Json
from tests.e2e.shop import Shop
from tests.e2e.test_reconcile import leaves, night, send

OK = 0


def warned(shop: Shop) -> dict[tuple[str, str], int]:
    return {(one["destination"], one["kind"]): one["events"] for one in shop.status()["warnings"]}


def test_a_warning_is_counted_by_event_and_shown_with_what_to_do(shop: Shop) -> None:
    shop.orders(*(shop.order(str(i), product_ids="SKU-1|SKU-2|SKU-3") for i in range(1000, 1012)))
    assert shop.run().code == OK
    assert warned(shop) == {("google", "CART_DATA_ITEM_UNIT_PRICE_MISSING"): 12}
    text = shop.command("status").out
    assert "google warned of 12 events" in text
    assert "you need to do nothing" in text


def test_metas_messages_and_whatever_google_invents_are_counted_without_prose(shop: Shop) -> None:
    shop.sandbox.use_faults(["warning:meta=Merci, ida@kunde.example", "warning:google=INVENTED"])
    shop.orders(*(shop.order(str(i)) for i in range(1000, 1003)))
    shop.run()
    assert warned(shop) == {
        ("google", "CART_DATA_ITEM_UNIT_PRICE_MISSING"): 3,
        ("google", "INVENTED"): 3,
        ("meta", "MESSAGE"): 1,
    }
    assert "Merci" not in shop.command("status").out
    assert b"Merci" not in b"".join(shop.store_bytes().values())


@pytest.mark.parametrize("spelling", ["INTERNAL_ERROR", "processing_warning_reason_internal_error"])
def test_a_late_warning_is_counted_once_its_request_is_concluded(shop: Shop, spelling: str) -> None:
    send(shop, 40, f"late-warning@0.5={spelling}")
    for code in (ATTENTION, OK):
        assert night(shop).code == code
        assert 8 <= warned(shop)["google", "INTERNAL_ERROR"] <= 32


def test_matches_are_counted_by_purchase_day(shop: Shop) -> None:
    send(shop, 40, "verdict@0.5=CLICK_NOT_FOUND", "verdict@0.1=INVALID_EVENT")
    night(shop)
    states = shop.states()["google"]
    assert shop.sql("SELECT destination, matched, unmatched FROM match_day") == [
        (1, states["recorded"], states["unmatched"])
    ]
    rates: Json = shop.status()["match_rates"]["google"]
    assert rates["last_30_days"] == {"matched": states["recorded"], "unmatched": states["unmatched"]}
    assert f"of {states['recorded'] + states['unmatched']} orders (the last 30 days)" in shop.command("status").out


def test_an_order_is_counted_once_however_often_google_is_told_of_it(shop: Shop) -> None:
    send(shop, 2, "verdict=TOO_RECENT_CLICK")
    night(shop)
    shop.sandbox.use_faults([])
    night(shop)
    night(shop)
    assert shop.sql("SELECT sum(matched), sum(unmatched) FROM match_day") == [(2, 0)]
    bought = shop.sql("SELECT day FROM delivery")[0][0]
    shop.orders(*(shop.order(n, total="80.00", purchased_at=f"{bought} 12:00:00") for n in ("1000", "1001")))
    assert shop.run("--restate").at("google")["restated"] == 2
    night(shop)
    assert shop.sql("SELECT sum(matched), sum(unmatched) FROM match_day") == [(2, 0)]


def asked(shop: Shop) -> int:
    return len(leaves(shop, "quality asked"))


def test_meta_is_asked_once_a_day_how_it_rates_the_dataset_and_the_question_is_logged(shop: Shop) -> None:
    send(shop, 1)
    assert (asked(shop), shop.status()["scores"]) == (0, [])
    for nights in (1, 2, 3):
        night(shop)
        shop.wait(hours=1)
        assert shop.run().code == OK
        assert asked(shop) == nights
    found = {one["name"]: one["value"] for one in shop.status()["scores"]}
    assert found["offline.composite.score"] == 6.1
    assert "offline.composite.score" in shop.command("status").out
    assert shop.command("audit", "verify").code == OK


def test_where_meta_does_not_say_nothing_follows(shop: Shop) -> None:
    send(shop, 1)
    night(shop)
    before = shop.status()["scores"]
    shop.sandbox.use_faults(["no-verdicts:meta"])
    assert night(shop).code == OK
    assert [one["value"] for one in shop.status()["scores"]] == [one["value"] for one in before]


def test_web_events_are_rated_as_such(shop: Shop) -> None:
    source = {"action_source": "website", "event_source_url": "https://shop.example/"}
    shop.configure(destinations={"meta": source})
    send(shop, 1)
    night(shop)
    found = {one["name"]: one["value"] for one in shop.status()["scores"]}
    assert found == {"web.event_match_quality.composite_score": 6.2}
