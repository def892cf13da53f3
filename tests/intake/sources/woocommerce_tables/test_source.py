"""The tables of a WooCommerce shop say what its REST API says, whichever tables it uses."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.base import Source
from conversions.model.conversion import Window
from conversions.sandbox.woocommerce.orders import Orders
from tests.intake.sources import woocommerce_shop
from tests.intake.sources.woocommerce_database import PRESETS, fill, server, tables_source

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 1), date(2026, 11, 21))
every_preset = pytest.mark.parametrize("preset", PRESETS)


def shop_orders(count: int = 360) -> list[dict[str, Any]]:
    """Orders with everything that real shops have; an SKU belongs to one product, and drafts are in no shop's list."""
    orders = [Orders(count, NOW, 20).order(nth) for nth in range(count)]
    for order in orders:
        lines = order["line_items"]
        for line in lines.values() if isinstance(lines, dict) else lines:
            line["product_id"] = 4711 if line["sku"] == 4711 else line["product_id"]
    return [order for order in orders if order["status"] != "checkout-draft"]


def read(source: Source, window: Window = WINDOW) -> dict[str | None, Order | RowRejected]:
    """What was read, by number; the place of a row is no property of the order."""
    rows = [row for chunk in source.chunks(window) for row in chunk]
    found = {
        row.number if isinstance(row, Order) else row.order_no: row._replace(rank=(row.rank[0], 0))
        if isinstance(row, Order)
        else row
        for row in rows
    }
    assert len(found) == len(rows)
    return found


def from_api(orders: list[dict[str, Any]], **settings: Any) -> dict[str | None, Order | RowRejected]:
    return read(woocommerce_shop.woocommerce(orders, NOW, **settings))


MEANINGS: list[dict[str, Any]] = [
    {},
    {
        "product_id": "variation",
        "consent_meta": "_ad_consent",
        "unpaid": "send",
        "completed": ["completed", "processing"],
    },
    {"product_id": "sku", "order_key": "number", "bundled": "leave_out", "renewals": "send"},
]


@every_preset
@pytest.mark.parametrize("settings", MEANINGS)
def test_an_order_of_the_tables_is_the_order_of_the_api(preset: str, settings: dict[str, Any]) -> None:
    orders = shop_orders()
    fill(server(), preset, orders)

    api, found = from_api(orders, **settings), read(tables_source(server(), preset, **settings))

    assert found == api
    assert len(found) == len(orders)
