"""A whole WooCommerce shop: over its own API to both platforms, each order once, none lost."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from conversions.sandbox.woocommerce import Shop as WooCommerce
from conversions.sandbox.woocommerce.orders import FIRST_ID, ID_STEP, Orders
from tests.e2e.said import Json, stopped
from tests.e2e.shop import NAMES, ZONE, Shop

ORDERS = 400


@pytest.fixture
def woo(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[WooCommerce]:
    """The shop's orders are WooCommerce's, of the last six days; where the reader waits, no time passes."""
    monkeypatch.setattr("time.sleep", lambda _: None)
    woo = WooCommerce(Orders(ORDERS, shop.now, 6), [], shop.clock)
    shop.sandbox.shop = woo
    configure(shop)
    shop.environment["CONVERSIONS_SOURCE__CONSUMER_KEY"] = "ck_sandbox"
    shop.environment["CONVERSIONS_SOURCE__CONSUMER_SECRET"] = "cs_sandbox"
    yield woo
    shown = "".join(said.out + said.err for said in shop.said) + str(shop.store_bytes())
    assert "ck_sandbox" not in shown
    assert "cs_sandbox" not in shown


def configure(shop: Shop, **source: Any) -> None:
    shop.configure(
        source={
            "kind": "woocommerce",
            "url": shop.sandbox.url,
            "completed": ["completed", "processing"],
            "consent_meta": "_ad_consent",
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
    finished = order["date_completed_gmt"] or order["date_paid_gmt"]
    consent = {meta["key"]: meta["value"] for meta in order["meta_data"]}.get("_ad_consent")
    address = order["billing"]["email"] if order["billing"] else ""
    is_sale = order["status"] in {"completed", "processing"} and finished and order["created_via"] != "subscription"
    if not is_sale or consent != "granted" or "@" not in address or not order["line_items"]:
        return None
    day = datetime.fromisoformat(finished).replace(tzinfo=UTC).astimezone(ZONE).date()
    paid_back = sum((abs(Decimal(refund["total"])) for refund in order["refunds"]), Decimal())
    return Decimal(str(order["total"])) - paid_back if day < now.astimezone(ZONE).date() else None


def sent(shop: Shop, platform: str) -> list[Decimal]:
    return sorted(Decimal(str(sale.value)) for sale in shop.sales(platform))


@pytest.mark.parametrize("faults", [[], ["moving=4", "cap=30", "no-link"], ["429x3=1", "droppedx2", "503@0.1"]])
def test_the_first_night_is_whole_whatever_the_shop_does(shop: Shop, woo: WooCommerce, faults: list[str]) -> None:
    woo.use_faults(faults)

    said = shop.run()

    assert said.code == 0, said
    due = values_due(shop, woo.orders)  # type: ignore[arg-type]
    assert len(due) > ORDERS / 2
    for platform in NAMES:
        assert sent(shop, platform) == due
    rows = said.json["source"]
    assert rows["rows"] == rows["orders"] + rows["repeated"] + rows["outside_window"] + sum(
        rows["quarantined"].values()
    )


@pytest.mark.parametrize(("fault", "code"), [("503", 75), ("dropped", 75), ("html", 66), ("php-notice", 66)])
def test_a_page_that_cannot_be_read_keeps_the_whole_window_out(
    shop: Shop, woo: WooCommerce, fault: str, code: int
) -> None:
    page, pages = woo._page, iter([True, True])

    def two_pages(request: Any) -> Any:
        if not next(pages, False):
            woo.use_faults([fault])
        return page(request)

    woo._page = two_pages  # type: ignore[method-assign]
    stopped(shop.run(), code, "The shop", "No order was kept")
    assert shop.sql("SELECT count(*) FROM delivery") == [(0,)]
    assert shop.received("google")["events"] == 0

    woo._page = page  # type: ignore[method-assign]
    woo.use_faults([])
    assert shop.run().code == 0
    assert sent(shop, "google") == values_due(shop, woo.orders)  # type: ignore[arg-type]


def test_a_refund_of_an_old_order_is_seen_by_the_nightly_run(shop: Shop, woo: WooCommerce) -> None:
    shop.run()
    number, unknown = FIRST_ID, FIRST_ID + ID_STEP * ORDERS
    shop.wait(days=20)
    shop.run()
    before = shop.received("google")["events"]
    woo.refund(number, Decimal("1.00"))
    shop.wait(days=1)

    named = shop.run("--since", shop.day(1), "--until", shop.day(1))
    nightly = shop.run()

    assert named.json["source"]["orders"] == 0
    assert nightly.json["source"]["orders"] == 1
    (change,) = nightly.at("google")["changes"]
    assert change["order"] == str(number)
    assert shop.received("google")["events"] == before
    assert str(unknown) not in nightly.out


@pytest.mark.usefixtures("woo")
def test_an_order_is_found_by_the_number_that_people_see(shop: Shop) -> None:
    shop.run()
    ((order, shown),) = shop.sql("SELECT order_no, shown_no FROM sale WHERE shown_no IS NOT NULL LIMIT 1")

    said = shop.command("explain", shown)

    assert said.code == 0, said
    assert order in said.out
