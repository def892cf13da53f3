"""The orders of the shop. The n-th is always the same; what real shops have is among them at about its real share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

FIRST_ID = 450_789_469
FINISHED_AFTER = timedelta(hours=1)
CONSENT_ATTRIBUTE = "ad_consent"
CENT = Decimal("0.01")
RATE = Decimal("0.134")
"""Of a buyer who saw euro in a shop of Danish kroner."""

Json = dict[str, Any]


def money(amount: str, presentment: str | None = None) -> Json:
    """Return an amount in the shop's currency, and in the one that the buyer saw."""
    shop = {"amount": amount, "currencyCode": "DKK"}
    return {
        "shopMoney": shop,
        "presentmentMoney": {"amount": presentment, "currencyCode": "EUR"} if presentment else shop,
    }


def line(product: int | None, variant: int | None, sku: str | None, quantity: int = 1) -> Json:
    """Return a line; without numbers its product was deleted."""
    return {
        "quantity": quantity,
        "currentQuantity": quantity,
        "sku": sku,
        "title": "IPod Nano - 8gb",
        "product": {"legacyResourceId": str(product)} if product else None,
        "variant": {"legacyResourceId": str(variant)} if variant else None,
        "discountedTotalSet": money(f"{199 * quantity}.00"),
    }


_LINES = (
    line(632910392, 39072856, "IPOD2008GREEN"),
    line(632910392, 49148385, "IPOD2008RED"),
    line(632910392, 457924702, "IPOD2008BLACK"),
)
"""Of the order that Shopify's own Python library tests with."""


def _refund(order: Json, amount: str, status: str) -> None:
    order |= {"totalRefundedSet": money(amount), "displayFinancialStatus": status}


def _unpaid(order: Json) -> None:
    order |= {"displayFinancialStatus": "PENDING", "transactions": []}


def _captured(order: Json) -> None:
    order["transactions"].insert(0, {"kind": "AUTHORIZATION", "status": "SUCCESS", "processedAt": order["createdAt"]})
    order["transactions"][1] |= {"kind": "CAPTURE", "processedAt": order["updatedAt"]}


def _till(order: Json) -> None:
    order |= {"email": None, "sourceName": "pos"}


def _many_lines(order: Json) -> None:
    order["lineItems"] = [line(7_000 + nth, 8_000 + nth, f"PART-{nth}") for nth in range(25)]


def _edited(order: Json) -> None:
    order |= {"currentTotalPriceSet": money("199.65")}


def _foreign(order: Json) -> None:
    amount = order["totalPriceSet"]["shopMoney"]["amount"]
    order["totalPriceSet"] = money(amount, f"{Decimal(amount) * RATE:.2f}")
    order["totalRefundedSet"] = money("0.0", "0.0")


_TRAITS: tuple[tuple[int, int, Callable[[Json], object]], ...] = (
    (10, 3, _captured),
    (20, 6, _unpaid),
    (25, 11, lambda order: _refund(order, "10.00", "PARTIALLY_REFUNDED")),
    (50, 13, lambda order: _refund(order, order["totalPriceSet"]["shopMoney"]["amount"], "REFUNDED")),
    (33, 17, _till),
    (40, 12, lambda order: order.update(sourceName="subscription_contract_checkout_one")),
    (60, 34, lambda order: order.update(cancelledAt=order["updatedAt"])),
    (70, 23, lambda order: order.update(test=True)),
    (80, 37, lambda order: order.update(lineItems=[line(None, None, "GONE-1"), line(None, None, None)])),
    (90, 41, lambda order: order.update(lineItems=[line(632910392, 39072856, "")])),
    (90, 43, _many_lines),
    (120, 47, lambda order: _refund(order, "10.00", "REFUNDED")),
    (120, 53, _edited),
    (120, 55, _foreign),
    (120, 61, lambda order: order.update(lineItems=[])),
    (120, 67, lambda order: order.update(email="no-domain")),
    (120, 71, lambda order: order.update(displayFinancialStatus=None)),
)
"""One order in so many, from which on, and what is special about it."""


@dataclass(slots=True)
class Orders:
    """So many orders, spread evenly over the days before *now*; the last is three hours old."""

    count: int
    now: datetime
    """UTC."""
    days: int
    _start: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._start = self.now.replace(microsecond=0) - timedelta(days=self.days, hours=3)

    def created(self, nth: int) -> datetime:
        """When the n-th order was created, from 0; UTC, whole seconds."""
        at = self._start + timedelta(days=self.days) * nth / max(self.count, 1)
        return at.replace(microsecond=0)

    def changed(self, nth: int) -> datetime:
        """When the n-th order changed for the last time; it rises with *nth*."""
        return self.created(nth) + FINISHED_AFTER

    def order(self, nth: int) -> Json:
        """Return the n-th order with every field; its lines are a list."""
        number = FIRST_ID + 3 * nth
        created, changed = in_utc(self.created(nth)), in_utc(self.changed(nth))
        order: Json = {
            "id": f"gid://shopify/Order/{number}",
            "legacyResourceId": str(number),
            "name": f"#{1001 + nth}",
            "email": f"buyer{nth}@example.com",
            "createdAt": created,
            "processedAt": created,
            "updatedAt": changed,
            "cancelledAt": None,
            "test": False,
            "displayFinancialStatus": "PAID",
            "sourceName": "web",
            "totalPriceSet": money(str((995 + nth * 7919 % 90_000) * CENT)),
            "totalRefundedSet": money("0.0"),
            "transactions": [{"kind": "SALE", "status": "SUCCESS", "processedAt": created}],
            "customAttributes": [{"key": "custom engraving", "value": "Happy Birthday"}, *_consent(nth)],
            "lineItems": [*_LINES],
        }
        for every, first, change in _TRAITS:
            if nth % every == first:
                change(order)
        return order


def in_utc(at: datetime) -> str:
    """Return an instant as the API writes it."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _consent(nth: int) -> list[Json]:
    """Seven of ten visitors agree, two refuse, one was never asked."""
    if nth % 10 == 9:
        return []
    return [{"key": CONSENT_ATTRIBUTE, "value": "granted" if nth % 10 < 7 else "denied"}]
