"""One order of Shopify's API as the cells of a row, which are then read like those of any source.

The time of purchase is when the order was created, because the click came before that. The time of completion, by which
a window selects the order, is when it was last paid, or else processed, or else created.

The amount is ``totalPriceSet`` minus ``totalRefundedSet``. ``currentTotalPriceSet`` is another thing: what the order
would cost now, after lines were removed, whether or not anything was paid back.
"""

from collections.abc import Iterator
from typing import Any

from conversions.intake.sources.cells.cells import CellError
from conversions.intake.sources.shop_api.values import SEPARATOR, UNKNOWN, Json, text, unit_price
from conversions.model.conversion import Reason
from conversions.settings import ShopifySource

RENEWAL_SOURCE = "subscription_contract"
"""Begins the ``sourceName`` of orders that a subscription makes; Shopify wrote ``subscription_contract_checkout_one``
from October 2025 on. The first order of a subscription comes from the checkout, as ``web``."""
_PAYMENTS = frozenset({"SALE", "CAPTURE"})


class Cells:
    """The cells of an order, by our column; ``order`` is a node of the API."""

    def __init__(self, settings: ShopifySource) -> None:
        self._settings = settings
        self._side = f"{settings.money}Money"
        self.without_sku = 0
        """Lines that were named by the product's number, because they have no SKU."""

    def __call__(self, order: Json) -> dict[str, str]:
        """Return the cells. Raises CellError where a value has a type that cannot be read."""
        price, refund = (
            self._money(order, "totalPriceSet", "amount"),
            self._money(order, "totalRefundedSet", "refunded"),
        )
        currency = text(price, "currencyCode", "currency")
        if (other := text(refund, "currencyCode", "refunded")) and other != currency:
            raise CellError(Reason.BAD_AMOUNT, "refunded")
        lines = [(product_id, line) for line in _lines(order) if (product_id := self._product_id(line))]
        details = _details(order.get("customAttributes"))
        return {
            "order_id": order_number(order) if self._settings.order_key == "id" else text(order, "name", "order_id"),
            "email": text(order, "email", "email"),
            "amount": text(price, "amount", "amount"),
            "currency": currency,
            "product_ids": SEPARATOR.join(product_id for product_id, _ in lines),
            "quantities": SEPARATOR.join(text(line, "quantity", "quantities") or UNKNOWN for _, line in lines),
            "unit_prices": SEPARATOR.join(self._unit_price(line, currency) for _, line in lines),
            "purchased_at": text(order, "createdAt", "purchased_at"),
            "status": text(order, "displayFinancialStatus", "status"),
            "completed_at": _paid_at(order) or text(order, "processedAt", "completed_at"),
            "updated_at": text(order, "updatedAt", "updated_at"),
            "refunded": text(refund, "amount", "refunded"),
            "consent": _detail(details, self._settings.consent_attribute),
            "ad_personalization": _detail(details, self._settings.ad_personalization_attribute),
        }

    def _money(self, holder: Json, name: str, field: str) -> Json:
        return _object(_object(holder.get(name), field).get(self._side), field)

    def _unit_price(self, line: Json, currency: str) -> str:
        total = text(self._money(line, "discountedTotalSet", "unit_prices"), "amount", "unit_prices")
        return unit_price(total, text(line, "quantity", "unit_prices"), currency)

    def _product_id(self, line: Json) -> str:
        """Return the line's product ID; empty for a line without a product, such as a tip or a custom item.

        A deleted product has no number any more; its line still has the SKU.
        """
        sku = text(line, "sku", "product_ids").strip()
        match self._settings.product_id:
            case "product":
                return _number(line, "product") or sku
            case "variant":
                return _number(line, "variant") or sku
            case "sku":
                product = _number(line, "product")
                self.without_sku += not sku
                return sku or (product and f"{self._settings.sku_fallback}{product}")


def order_number(order: Json) -> str:
    """Return Shopify's own number of an order; the end of its global id, where the field is not filled."""
    number = text(order, "legacyResourceId", "order_id").strip()
    return number or text(order, "id", "order_id").rpartition("/")[2]


def shown_number(order: Json) -> str:
    """Return the name that people see, such as #1001."""
    name = order.get("name")
    return name.strip() if isinstance(name, str) else ""


def is_renewal(order: Json) -> bool:
    """Return whether a subscription made the order by itself: no click caused it."""
    source = order.get("sourceName")
    return isinstance(source, str) and source.startswith(RENEWAL_SOURCE)


def is_without_lines(order: Json) -> bool:
    """Return whether an order has no lines at all."""
    return not any(True for _ in _lines(order))


def _paid_at(order: Json) -> str:
    """Return when the last successful payment was processed; empty where there was none, as for a draft of zero."""
    payments = (_object(value, "completed_at") for value in _list(order.get("transactions"), "completed_at"))
    times = [
        text(payment, "processedAt", "completed_at")
        for payment in payments
        if text(payment, "kind", "completed_at") in _PAYMENTS and payment.get("status") == "SUCCESS"
    ]
    return max(times, default="")  # all are UTC in one form


def _lines(order: Json) -> Iterator[Json]:
    for value in _list(_object(order.get("lineItems"), "product_ids").get("nodes"), "product_ids"):
        yield _object(value, "product_ids")


def _number(line: Json, name: str) -> str:
    thing = _object(line.get(name), "product_ids")
    number = text(thing, "legacyResourceId", "product_ids").strip()
    return number or text(thing, "id", "product_ids").rpartition("/")[2]


def _details(value: object) -> dict[str, object]:
    """Return the additional details by key; of several with one key the last."""
    entries = (entry for entry in value if isinstance(entry, dict)) if isinstance(value, list) else ()
    return {str(entry.get("key")): entry.get("value") for entry in entries}


def _detail(details: dict[str, object], key: str | None) -> str:
    """Return the text of a detail. A list or an object says neither yes nor no."""
    value = details.get(key) if key else None
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else ""


def _object(value: object, field: str) -> Json:
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    raise CellError(Reason.WRONG_TYPE, field)


def _list(value: object, field: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, list):
        return value
    raise CellError(Reason.WRONG_TYPE, field)
