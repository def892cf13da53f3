"""A night with a shop whose orders hold anything anywhere: what can be sent is sent, and nothing stops the rest."""

from itertools import product
from typing import Any

import pytest

from tests.e2e import test_shopify as e2e_shopify
from tests.e2e import test_woocommerce as e2e_woocommerce
from tests.e2e.said import Said
from tests.e2e.shop import NAMES, Shop
from tests.intake.sources.answering import answering
from tests.intake.sources.shopify import test_hostile as shopify
from tests.intake.sources.woocommerce import test_hostile as woocommerce
from tests.intake.sources.woocommerce.test_hostile import WRONG, changed

ADDRESS = "other.person@example.net"
SECRETS = {
    "woocommerce": {"CONSUMER_KEY": "ck_sandbox", "CONSUMER_SECRET": "cs_sandbox"},
    "shopify": {"ACCESS_TOKEN": "shpat_secret"},
}
FULL: dict[str, dict[str, Any]] = {
    "woocommerce": {**woocommerce.FULL, "date_completed_gmt": "2026-11-20T23:31:00"},
    "shopify": shopify.FULL,
}
PLACES = {"woocommerce": woocommerce.PLACES, "shopify": shopify.PLACES}
NUMBERS = {"woocommerce": ("id", "number"), "shopify": ("legacyResourceId", "name")}


def night(shop: Shop, kind: str, orders: list[Any]) -> Said:
    """A run over orders of the days before."""
    is_woocommerce = kind == "woocommerce"
    page = woocommerce.page(orders, X_WP_Total=str(len(orders))) if is_woocommerce else shopify.page(orders)
    shop.environment |= {f"CONVERSIONS_SOURCE__{name}": secret for name, secret in SECRETS[kind].items()}
    with answering(lambda _: page) as (url, _):
        if is_woocommerce:
            e2e_woocommerce.configure(shop, url=url, product_id="sku")
        else:
            e2e_shopify.configure(shop, endpoint=url, product_id="sku")
        return shop.run()


def orders_of(kind: str) -> list[Any]:
    """An order for each wrong value at each place, and a good one as the last."""
    key, shown = NUMBERS[kind]
    changes = product(PLACES[kind], [*WRONG, ADDRESS])
    full = FULL[kind]
    orders = [changed({**full, key: str(100 + nth), shown: f"N{nth}"}, *change) for nth, change in enumerate(changes)]
    return [*orders, {**full, key: "9", shown: "last"}]


@pytest.mark.parametrize("kind", ["woocommerce", "shopify"])
def test_a_bad_order_stops_no_other_and_no_address_is_shown_or_kept(shop: Shop, kind: str) -> None:
    orders = orders_of(kind)

    said = night(shop, kind, orders)

    assert said.code in {0, 1}, said
    source = said.json["source"]
    assert source["rows"] >= len(orders)
    assert shop.sql("SELECT count(*) FROM sale WHERE order_no = '9'") == [(1,)]
    assert all(len(shop.events(name)) > 100 for name in NAMES)
    shown = said.out + said.err + str(shop.store_bytes())
    assert not any(secret in shown for secret in (ADDRESS, "example.com", *SECRETS[kind].values()))
