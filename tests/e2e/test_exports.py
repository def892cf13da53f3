"""Exports as shops save them: with a preset, the kind, a path and the statuses are all that must be written."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.said import DOMAIN, NO_INPUT, Json, stopped
from tests.e2e.sales import digest
from tests.e2e.shop import COLUMNS, NAMES, Shop

EXPORTS = Path(__file__).parents[1] / "exports"
SOLD: dict[str, tuple[Json, dict[str, tuple[str, ...]]]] = {
    "shopify-export": ({}, {"ida.1004": ("597.00", "LYS-1", "STAGE-7"), "bo.1003": ("100.00", "KRUS-2")}),
    "woocommerce-advanced-export": (
        {"completed": ["Gennemført"], "currency": "DKK"},
        {"ida.1204": ("238.00", "LYS-1", "STAGE-7")},
    ),
    "woocommerce-webtoffee": ({}, {"ida.786": ("238.00", "88", "91")}),
    "magento-grid": ({"completed": ["Complete"], "currency": "DKK"}, {"ida.12": ("238.00",)}),
    "shopware5-export": ({"completed": ["Komplett abgeschlossen"]}, {"ida.20001": ("238.50",)}),
}
"""What each preset needs beside itself, and what is sold: amount and product IDs by buyer."""


def configure(shop: Shop, preset: str, columns: Json | None = None, **source: Any) -> None:
    """Nothing but the preset, and what it needs."""
    shop.file((EXPORTS / f"{preset}.csv").read_bytes())
    own = {**dict.fromkeys(COLUMNS), **columns} if columns else None
    tables = {"columns": own, "completed": None, "format": {"preset": preset}}
    shop.configure(source={**tables, **SOLD[preset][0], **source})


def leave_out_products(shop: Shop) -> None:
    """As a shop does whose export has no product IDs."""
    lines = shop.policy.read_text().splitlines(keepends=True)
    shop.policy.write_text("".join(line for line in lines if 'shape = "product-id"' not in line))


@pytest.mark.parametrize("preset", SOLD)
def test_a_preset_is_all_that_an_export_needs(shop: Shop, preset: str) -> None:
    configure(shop, preset)
    sold = SOLD[preset][1]
    if all(len(values) == 1 for values in sold.values()):
        leave_out_products(shop)

    said = shop.run()

    assert (said.code, said.json["source"]["quarantined"]) == (0, {}), said
    for name in NAMES:
        assert {(sale.digest, sale.value, *sale.products) for sale in shop.sales(name)} == {
            (digest(f"{who}@{DOMAIN}"), Decimal(amount), *products) for who, (amount, *products) in sold.items()
        }


def test_what_an_export_says_of_cancelled_and_unpaid_orders_withholds_them(shop: Shop) -> None:
    configure(shop, "shopify-export")

    assert shop.run().json["source"]["orders"] == 4
    assert shop.states()["meta"] == {"received": 2, "withheld": 2}
    assert "cancelled" in shop.command("explain", "1002").out


HELD = {"cancelled": 1, "not_completed": 1}


def test_an_order_is_the_same_with_and_without_the_mark_before_its_number(shop: Shop) -> None:
    configure(shop, "shopify-export")
    assert shop.run().counts("meta") == {"sent": 2, "withheld": HELD}
    shop.file((EXPORTS / "shopify-export.csv").read_bytes().replace(b"\n#", b"\n"))

    assert shop.run().counts("meta") == {"already_sent": 2, "withheld": HELD}


def test_a_setting_of_the_operator_wins_over_the_preset(shop: Shop) -> None:
    configure(shop, "shopify-export", completed=["pending"], columns={"order_id": "Payment Reference", "refunded": ""})

    shop.run()

    assert [(sale.digest, sale.value) for sale in shop.sales("meta")] == [(digest(f"jo.1001@{DOMAIN}"), Decimal(75))]


def test_what_a_preset_maps_is_approved_like_any_mapping(shop: Shop) -> None:
    configure(shop, "woocommerce-webtoffee")
    assert shop.run().code == 0
    configure(shop, "woocommerce-webtoffee", columns={"email": "customer_email"})

    said = shop.run()

    assert said.code == 78, said
    assert 'source.columns.email: "billing_email" → "customer_email"' in said.err


REFUSED = {
    "WooCommerce's Analytics report": "Date,Order #,N. Revenue (formatted),Status,Customer,Customer type,Product(s),"
    "Items sold,Coupon(s),Net Sales,Attribution",
    "PrestaShop's order list": "ID;Reference;New client;Delivery;Customer;Total;Payment;Status;Date",
    "Magento's order grid": (EXPORTS / "magento-grid.csv").read_text().splitlines()[0],
    "Shopify's list of payouts": "Payout Date,Status,Charges,Refunds,Adjustments,Reserved Funds,Fees,Retried Amount,"
    "Total,Currency",
    "Shopify's list of payouts' transactions": "Transaction Date,Type,Order,Card Brand,Card Source,Payout Status,"
    "Payout Date,Payout ID,Available On,Amount,Fee,Net,Currency",
    "Shopify's transaction history": "Order,Name,Payment Method,Kind,Gateway,Created At,Status,Amount,Currency,Card Type",
    "Shopware 5's export with the profile default_orders": "orderId;number;customerId;orderStatusID;cleared;paymentID;"
    "invoiceAmount;orderTime;currency;orderDetailId;articleNumber;price;quantity",
    "WebToffee's export with the products of an order in one row": "order_id,order_number,order_date,status,order_total,order_currency,customer_email,"
    "billing_email,line_item_1,line_item_2",
    "a file of conversions for Google Ads' own upload": "id,hashed_email,customer_id,conversion_action_id,conversion_date_time",
}


@pytest.mark.parametrize("what", REFUSED)
def test_an_export_that_cannot_serve_is_refused_with_the_reason(shop: Shop, what: str) -> None:
    shop.file(f"{REFUSED[what]}\n1,2,3\n".encode())

    stopped(shop.run(), NO_INPUT, f"orders.csv is {what}")


def test_a_known_export_under_another_mapping_is_told(shop: Shop) -> None:
    shop.file((EXPORTS / "shopify-export.csv").read_bytes())

    stopped(shop.run(), NO_INPUT, 'It looks like preset = "shopify-export" in [source.format].')
