"""The orders of a test in a Shopify shop: real HTTP, through the sandbox."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.sandbox import Sandbox
from conversions.sandbox.shopify import Shop
from conversions.settings import ShopifySource
from tests.intake.sources.closing import close_with

Json = dict[str, Any]
ZONE = ZoneInfo("Europe/Copenhagen")


@dataclass(frozen=True, slots=True)
class Listed:
    """Orders that all changed in the same second, so that every order of a page is a tie."""

    orders: Sequence[Any]
    at: datetime

    @property
    def count(self) -> int:
        return len(self.orders)

    def changed(self, nth: int) -> datetime:
        return self.at

    def order(self, nth: int) -> Any:
        return self.orders[nth]


def shopify(orders: Sequence[Any], now: datetime, faults: Iterable[str] = (), **settings: Any) -> Source:
    """A source of *orders*; its shop closes with it."""
    changed = now.astimezone(UTC).replace(microsecond=0) - timedelta(hours=1)
    return served(Shop(Listed(orders, changed), faults, lambda: now), lambda: now, **settings)


def served(shop: Shop, clock: Callable[[], datetime], zone: ZoneInfo = ZONE, **settings: Any) -> Source:
    """A source of the orders of *shop*; the shop closes with it."""
    sandbox = Sandbox(clock=clock)
    sandbox.shop = shop
    sandbox.__enter__()
    found = shop_settings(endpoint=sandbox.url, **settings)
    source = open_source(found, zone=zone, resolve=Path, clock=clock, key=b"k" * 32)
    close_with(source, sandbox)
    return source


def shop_settings(**settings: Any) -> ShopifySource:
    credentials = (
        {} if "access_token" in settings else {"client_id": "sandbox-client", "client_secret": "shpss_sandbox"}
    )
    return ShopifySource.model_validate(
        {
            "kind": "shopify",
            "shop": "sandbox.myshopify.com",
            "completed": ["paid", "partially_refunded"],
            "renewals": "withhold",
            **credentials,
            **settings,
        }
    )


def as_order(row: Json) -> Json:
    """The row of a test as the API would write it."""
    currency = row["Currency"]
    return {
        "id": f"gid://shopify/Order/{row['Order']}",
        "legacyResourceId": row["Order"],
        "name": row["Order"],
        "displayFinancialStatus": row["Status"],
        "email": row["E-mail"],
        "totalPriceSet": money(row["Total"], currency),
        "totalRefundedSet": money(row.get("Refunded"), currency),
        "lineItems": [{"product": {"legacyResourceId": product}} for product in str(row["Products"]).split("|")],
        "transactions": [],
        "createdAt": row["Paid"],
        "processedAt": row.get("Completed"),
        "updatedAt": row.get("Updated"),
        "customAttributes": [{"key": name, "value": row.get(name)} for name in ("Consent", "Ads")],
    }


def money(amount: Any, currency: Any) -> Json:
    return {"shopMoney": {"amount": amount, "currencyCode": currency}}
