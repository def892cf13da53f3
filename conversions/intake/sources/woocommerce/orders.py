"""One order of WooCommerce's REST API as the cells of a row, which are then read like those of any source.

The time of purchase is when the order was created, because the click came before that. The time of completion, by which
a window selects the order, is when it was completed, or else paid, or else created.

PHP writes an empty object as ``[]`` and a list with gaps as an object; both are read as what they mean.
"""

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from conversions.intake.sources.cells.cells import CellError, NumberText, parse_amount
from conversions.intake.sources.cells.instants import is_naive
from conversions.intake.sources.shop_api.rows import renewal_reason
from conversions.intake.sources.shop_api.values import SEPARATOR, UNKNOWN, Json, text, unit_price
from conversions.model.conversion import Reason
from conversions.settings import WooCommerceMeaning

SUBSCRIPTION = "subscription"
_RENEWAL_META = "_subscription_renewal"
_PARTS_OF_BUNDLES = ("bundled_by", "_bundled_by", "composite_parent", "_composite_parent", "_mnm_container")
"""Fields or meta keys of a line that belongs to another line: bundles, composites, mix and match."""
_PAID = ("date_paid_gmt", "date_completed_gmt")


class Cells:
    """The cells of an order, by our column; ``order`` is an order object of the API."""

    def __init__(self, settings: WooCommerceMeaning) -> None:
        self._settings = settings
        self.without_sku = 0
        """Lines that were named by the product's number, because they have no SKU."""

    def __call__(self, order: Json) -> dict[str, str]:
        """Return the cells. Raises CellError where a value has a type that cannot be read."""
        metas = _metas(order.get("meta_data"))
        currency = text(order, "currency", "currency")
        lines = [(product_id, line) for line in self._lines(order) if (product_id := self._product_id(line))]
        return {
            "order_id": text(order, self._settings.order_key, "order_id"),
            "email": text(_object(order.get("billing"), "email"), "email", "email"),
            "amount": text(order, "total", "amount"),
            "currency": currency,
            "product_ids": SEPARATOR.join(product_id for product_id, _ in lines),
            "quantities": SEPARATOR.join(text(line, "quantity", "quantities") or UNKNOWN for _, line in lines),
            "unit_prices": SEPARATOR.join(_unit_price(line, currency) for _, line in lines),
            "purchased_at": _time(order, "date_created_gmt", "purchased_at"),
            "status": text(order, "status", "status").removeprefix("wc-"),
            "completed_at": _completion(order),
            "updated_at": _time(order, "date_modified_gmt", "updated_at"),
            "refunded": _refunded(order.get("refunds")),
            "consent": _meta_text(metas, self._settings.consent_meta),
            "ad_personalization": _meta_text(metas, self._settings.ad_personalization_meta),
        }

    def _lines(self, order: Json) -> Iterator[Json]:
        """Yield the lines to report, each once: some sites show every line twice, under the same number."""
        known: set[str] = set()
        for value in _list(order.get("line_items"), "product_ids"):
            line = _object(value, "product_ids")
            number = text(line, "id", "product_ids")
            if number not in known and (self._settings.bundled == "send" or not _is_part(line)):
                yield line
            known |= {number} - {""}

    def _product_id(self, line: Json) -> str:
        """Return the line's product ID; empty for a line without a product, such as one of a deleted product."""
        product = _number(line, "product_id")
        match self._settings.product_id:
            case "product":
                return product
            case "variation":
                return _number(line, "variation_id") or product
            case "sku":
                sku = text(line, "sku", "product_ids").strip()
                self.without_sku += not sku
                return sku or (product and f"{self._settings.sku_fallback}{product}")


def shown_number(order: Json) -> str:
    """Return the number that people see; plug-ins such as Sequential Order Numbers make their own."""
    number = order.get("number")
    return number.strip() if isinstance(number, str) else ""


def withheld_reason(order: Json, settings: WooCommerceMeaning) -> Reason | None:
    """Return why a finished sale is none to report, or None."""
    if is_renewal(order) and (renewal := renewal_reason(settings)):
        return renewal
    if is_without_lines(order):
        return Reason.NO_LINES
    return Reason.NOT_PAID if settings.unpaid == "withhold" and is_unpaid(order) else None


def is_renewal(order: Json) -> bool:
    """Return whether WooCommerce Subscriptions made the order by itself: no click caused it."""
    if order.get("created_via") == SUBSCRIPTION:
        return True
    return _RENEWAL_META in _metas(order.get("meta_data"))


def is_without_lines(order: Json) -> bool:
    """Return whether an order has no products; an order of a fee alone is no error."""
    return not order.get("line_items")


def is_unpaid(order: Json) -> bool:
    """Return whether an order is neither paid nor completed; cash on delivery is ``processing`` before it is paid."""
    return order.get("status") != "completed" and not any(order.get(name) for name in _PAID)


def _completion(order: Json) -> str:
    times = (_time(order, name, "completed_at") for name in ("date_completed_gmt", "date_paid_gmt"))
    return next(filter(None, times), "")


def _refunded(value: object) -> str:
    """Return the sum of the refunds' totals; WooCommerce writes them below zero."""
    totals = (text(_object(refund, "refunded"), "total", "refunded") for refund in _list(value, "refunded"))
    return NumberText(format(sum((abs(parse_amount(total, "refunded")) for total in totals), Decimal()), "f"))


def _time(order: Json, name: str, field: str) -> str:
    """Return a time of the API's ``_gmt`` fields, which are UTC without an offset."""
    time = text(order, name, field).strip()
    return f"{time}+00:00" if is_naive(time) else time


def _unit_price(line: Json, currency: str) -> str:
    """Return the price of one piece without tax, after discounts; ``price`` is the quotient as a float."""
    return unit_price(text(line, "total", "unit_prices"), text(line, "quantity", "unit_prices"), currency)


def _is_part(line: Json) -> bool:
    metas = _metas(line.get("meta_data"))
    return any(line.get(name) or metas.get(name) for name in _PARTS_OF_BUNDLES)


def _metas(value: object) -> dict[str, object]:
    """Return the meta data by key; of several with one key the last, which WordPress wrote last."""
    entries: Iterable[object] = value if isinstance(value, list) else value.values() if isinstance(value, dict) else ()
    metas = (entry for entry in entries if isinstance(entry, dict))
    return {str(entry.get("key")): entry.get("value") for entry in metas}


def _meta_text(metas: Mapping[str, object], key: str | None) -> str:
    """Return the text of a meta value. A list or an object says neither yes nor no."""
    value = metas.get(key) if key else None
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case _:
            return ""


def _number(line: Json, name: str) -> str:
    """Return a product's number, empty for 0, which stands for none."""
    number = text(line, name, "product_ids").strip()
    return "" if number == "0" else number


def _object(value: object, field: str) -> Json:
    if isinstance(value, dict):
        return value
    if value is None or value == []:
        return {}
    raise CellError(Reason.WRONG_TYPE, field)


def _list(value: object, field: str) -> list[Any]:
    match value:
        case list():
            return value
        case dict():
            return list(value.values())
        case None:
            return []
        case _:
            raise CellError(Reason.WRONG_TYPE, field)
