"""The orders of a test in a WooCommerce shop: real HTTP, through the sandbox."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from conversions.intake.sources import open_source
from conversions.intake.sources.base import Source
from conversions.sandbox import Sandbox
from conversions.sandbox.woocommerce import Shop
from conversions.settings import WooCommerceSource
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


def woocommerce(
    orders: Sequence[Any], now: datetime, faults: Iterable[str] = (), zone: ZoneInfo = ZONE, **settings: Any
) -> Source:
    """A source of *orders*; its shop closes with it."""
    changed = now.astimezone(UTC).replace(tzinfo=None, microsecond=0) - timedelta(hours=1)
    return served(Shop(Listed(orders, changed), faults, lambda: now), lambda: now, zone, **settings)


def served(shop: Shop, clock: Callable[[], datetime], zone: ZoneInfo = ZONE, **settings: Any) -> Source:
    """A source of the orders of *shop*; the shop closes with it."""
    sandbox = Sandbox(clock=clock)
    sandbox.shop = shop
    sandbox.__enter__()
    source = open_source(shop_settings(sandbox.url, **settings), zone=zone, resolve=Path, clock=clock, key=b"k" * 32)
    close_with(source, sandbox)
    return source


def shop_settings(url: str, **settings: Any) -> WooCommerceSource:
    return WooCommerceSource.model_validate(
        {
            "kind": "woocommerce",
            "url": url,
            "consumer_key": "ck_sandbox",
            "consumer_secret": "cs_sandbox",
            "completed": ["completed"],
            "renewals": "withhold",
            **settings,
        }
    )


def as_order(row: Json) -> Json:
    """The row of a test as the API would write it."""
    refunded, products = row.get("Refunded"), str(row["Products"])
    return {
        "id": row["Order"],
        "number": row["Order"],
        "status": row["Status"],
        "currency": row["Currency"],
        "total": row["Total"],
        "billing": {"email": row["E-mail"]},
        "line_items": [{"product_id": product} for product in products.split("|")],
        "refunds": [] if refunded in (None, "") else [{"total": refunded}],
        "date_created_gmt": in_utc(row["Paid"]),
        "date_completed_gmt": in_utc(row.get("Completed")),
        "date_paid_gmt": None,
        "date_modified_gmt": in_utc(row.get("Updated")),
        "meta_data": [{"key": name, "value": row.get(name)} for name in ("Consent", "Ads")],
    }


def in_utc(cell: Any) -> Any:
    """A time on the shop's clock as the API writes it; anything else stays."""
    try:
        at = datetime.fromisoformat(cell)
    except (TypeError, ValueError):
        return cell
    if at.tzinfo or len(cell) <= len("2026-11-20"):
        return cell
    return at.replace(tzinfo=ZONE).astimezone(UTC).replace(tzinfo=None).isoformat()
