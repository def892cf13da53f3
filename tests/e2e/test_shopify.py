"""A whole Shopify shop: over its own API to both platforms, each order once, none lost."""

import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from conversions.intake.sources.shopify import bulk, paging
from conversions.sandbox.shopify import Shop as Shopify
from conversions.sandbox.shopify.bulk import POLLS
from conversions.sandbox.shopify.orders import FIRST_ID, Orders
from tests.e2e.said import Json, stopped
from tests.e2e.shop import NAMES, ZONE, Shop

ORDERS = 400
CREDENTIALS = {
    "CONVERSIONS_SOURCE__CLIENT_ID": "sandbox-client",
    "CONVERSIONS_SOURCE__CLIENT_SECRET": "shpss_sandbox",
}


@pytest.fixture
def shopify(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shopify]:
    """The shop's orders are Shopify's, of the last six days; where the reader waits, no time passes."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    shopify = Shopify(Orders(ORDERS, shop.now, 6), [], shop.clock)
    shop.sandbox.shop = shopify
    configure(shop)
    shop.environment |= CREDENTIALS
    yield shopify
    shown = "".join(said.out + said.err for said in shop.said) + str(shop.store_bytes())
    assert "shpss_sandbox" not in shown
    assert "shpat_" not in shown


def configure(shop: Shop, **source: Any) -> None:
    shop.configure(
        source={
            "kind": "shopify",
            "shop": "sandbox.myshopify.com",
            "endpoint": shop.sandbox.url,
            "completed": ["paid", "partially_refunded"],
            "consent_attribute": "ad_consent",
            "renewals": "withhold",
            "path": None,
            "columns": None,
            **source,
        },
        privacy={"legal_basis": "consent"},
    )


def values_due(shop: Shop, orders: Orders) -> list[Decimal]:
    """What is to be sent, found by looking at each order object as a person would."""
    return sorted(filter(None, (value_due(orders.order(nth), shop.now) for nth in range(orders.count))))


def value_due(order: Json, now: datetime) -> Decimal | None:
    consent = {detail["key"]: detail["value"] for detail in order["customAttributes"]}.get("ad_consent")
    is_sale = order["displayFinancialStatus"] in {"PAID", "PARTIALLY_REFUNDED"}
    is_none = order["test"] or order["cancelledAt"] or order["sourceName"].startswith("subscription")
    products = [line for line in order["lineItems"] if line["product"] or line["sku"]]
    if not is_sale or is_none or consent != "granted" or "@" not in (order["email"] or "") or not products:
        return None
    paid = [payment["processedAt"] for payment in order["transactions"] if payment["kind"] in {"SALE", "CAPTURE"}]
    day = datetime.fromisoformat(max(paid, default=order["processedAt"])).astimezone(ZONE).date()
    total, back = (Decimal(order[name]["shopMoney"]["amount"]) for name in ("totalPriceSet", "totalRefundedSet"))
    return total - back if day < now.astimezone(ZONE).date() else None


def sent(shop: Shop, platform: str) -> list[Decimal]:
    return sorted(Decimal(str(sale.value)) for sale in shop.sales(platform))


@pytest.mark.parametrize(
    "faults", [[], ["moving=4", "max-cost=300"], ["429x2=1", "throttledx1", "droppedx1", "503@0.1"]]
)
def test_the_first_night_is_whole_whatever_the_shop_does(shop: Shop, shopify: Shopify, faults: list[str]) -> None:
    shopify.use_faults(faults)

    said = shop.run()

    assert said.code == 0, said
    due = values_due(shop, shopify.orders)  # type: ignore[arg-type]
    assert len(due) > ORDERS / 2
    for platform in NAMES:
        assert sent(shop, platform) == due
    rows = said.json["source"]
    assert rows["rows"] == rows["orders"] + rows["repeated"] + rows["outside_window"] + sum(
        rows["quarantined"].values()
    )


def test_what_is_no_sale_to_report_is_withheld_with_its_reason(shop: Shop, shopify: Shopify) -> None:
    said = shop.run()

    withheld = said.at("google")["withheld"]
    assert {"test_order", "cancelled", "renewal", "not_completed", "no_lines", "no_email"} <= withheld.keys()


@pytest.mark.parametrize(
    ("fault", "code", "word"),
    [
        ("503", 75, "503"),
        ("throttled", 75, "THROTTLED"),
        ("no-data", 75, "without data"),
        ("no-access", 66, "protected customer data"),
        ("wrong-token", 66, "access token"),
    ],
)
def test_a_page_that_cannot_be_read_keeps_the_whole_window_out(
    shop: Shop, shopify: Shopify, fault: str, code: int, word: str
) -> None:
    resolve, pages = shopify._resolve, iter([True])

    def one_page(field: Any) -> Any:
        if not next(pages, False):
            shopify.use_faults([fault])
        return resolve(field)

    shopify._resolve = one_page  # type: ignore[method-assign]
    stopped(shop.run(), code, "The shop", word, "No order was kept")
    assert shop.sql("SELECT count(*) FROM delivery") == [(0,)]
    assert shop.received("google")["events"] == 0

    shopify._resolve = resolve  # type: ignore[method-assign]
    shopify.use_faults([])
    assert shop.run().code == 0
    assert sent(shop, "google") == values_due(shop, shopify.orders)  # type: ignore[arg-type]


def test_a_refund_of_an_old_order_is_seen_by_the_nightly_run(shop: Shop, shopify: Shopify) -> None:
    shop.run()
    shop.wait(days=20)
    shop.run()
    before = shop.received("google")["events"]
    shopify.refund(FIRST_ID, Decimal("1.00"))
    shop.wait(days=1)

    named = shop.run("--since", shop.day(1), "--until", shop.day(1))
    nightly = shop.run()

    assert named.json["source"]["orders"] == 0
    assert nightly.json["source"]["orders"] == 1
    (change,) = nightly.at("google")["changes"]
    assert change["order"] == str(FIRST_ID)
    assert shop.received("google")["events"] == before


def test_refunds_of_old_orders_are_seen_in_a_file_of_the_shop_too(
    shop: Shop, shopify: Shopify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "ORDERS_BEFORE_EXPORT", 50)
    monkeypatch.setattr(bulk, "MIN_ORDERS", 60)
    shop.run()
    sent_before = {str(order) for (order,) in shop.sql("SELECT order_no FROM sale")}
    shop.wait(days=20)
    shop.run()
    operations = len(shopify._bulk.operations)
    refunded = [str(FIRST_ID + 3 * nth) for nth in range(120)]
    for number in refunded:
        shopify.refund(int(number), Decimal("1.00"))
    shop.wait(days=1)

    nightly = shop.run()

    assert len(shopify._bulk.operations) == operations + 1
    assert nightly.json["source"]["orders"] == len(sent_before & set(refunded))
    assert {change["order"] for change in nightly.at("google")["changes"]} <= set(refunded)
    assert nightly.at("google")["changed"] > 60


def test_a_run_that_was_killed_while_it_waited_for_a_file_leaves_it_to_the_next(
    real_shop: Shop,
) -> None:
    shopify = Shopify(Orders(5_100, real_shop.now, 6), ["bulk-endless"], real_shop.clock)
    asked, find = threading.Event(), shopify._bulk.find

    def found(id_: object) -> Any:
        asked.set()
        return find(id_)

    shopify._bulk.find = found  # type: ignore[method-assign]
    real_shop.sandbox.shop = shopify
    configure(real_shop)
    real_shop.environment |= CREDENTIALS
    running = real_shop.start("run", "--json")
    assert asked.wait(400)  # on busy cores
    running.send_signal(signal.SIGKILL)
    _, told = running.communicate()
    assert "writes its orders into a file" in told
    assert "Waits until" in told
    assert real_shop.received("google")["events"] == 0

    shopify.use_faults([])
    said = real_shop.process("run", "--json")

    assert said.code == 0, said
    assert shopify._bulk.operations[0].polls == POLLS
    due = values_due(real_shop, shopify.orders)  # type: ignore[arg-type]
    assert sent(real_shop, "meta") == due  # at Google, orders of the last six hours wait, whatever the time is now


def test_no_orders_and_orders_that_the_app_may_not_see_are_told_apart(shop: Shop, shopify: Shopify) -> None:
    shopify.use_faults(["no-old-orders"])
    stopped(shop.run("--since", shop.day(90), "--until", shop.day(80)), 66, "read_all_orders", "60 days")

    shopify.use_faults(["no-addresses"])
    stopped(shop.run(), 66, "shows no e-mail address", "protected customer data")

    shop.sandbox.shop = Shopify(Orders(0, shop.now, 6), [], shop.clock)
    said = shop.run("--since", shop.day(2), "--until", shop.day(1))
    assert said.code == 1
    assert "no_orders" in [finding["code"] for finding in said.json["findings"]]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no-access", ("does not let the app read the buyers' e-mail addresses",)),
        ("no-scope", ("scope read_orders",)),
        ("no-addresses", ("shows no e-mail address", "Grow")),
        ("no-old-orders", ("orders of the last 60 days", "read_all_orders")),
        ("other-version", ("answers with version 2027-01",)),
        ("moving=0", ("Shopify shop sandbox.myshopify.com can be read",)),
    ],
)
def test_doctor_says_what_the_app_may_not_see(shop: Shop, shopify: Shopify, fault: str, words: tuple[str, ...]) -> None:
    shopify.use_faults([fault])

    said = shop.command("doctor")

    assert all(word in " ".join(said.out.split()) for word in words), said


def test_doctor_doubts_the_access_where_the_first_few_orders_show_no_address(shop: Shop, shopify: Shopify) -> None:
    shop.sandbox.shop = Shopify(Orders(9, shop.now, 6), ["no-addresses"], shop.clock)

    said = " ".join(shop.command("doctor").out.split())

    assert "None of 9 orders shows an e-mail address" in said
    assert "protected customer data" in said
