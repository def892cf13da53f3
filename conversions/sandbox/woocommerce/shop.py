"""The answers of the shop: keys, pages, headers and errors as WordPress and WooCommerce give them."""

import base64
import binascii
import json
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from conversions.sandbox.base import Answer, Request, to_json
from conversions.sandbox.shop_faults import Chance, ShopFaults
from conversions.sandbox.woocommerce.faults import KINDS, ShopFault
from conversions.sandbox.woocommerce.listing import DEFAULT_PAGE, MAX_PAGE, InvalidParameter, OrderList, chosen, number
from conversions.sandbox.woocommerce.orders import FIRST_ID, ID_STEP, set_time

ROUTE = "/wp-json/wc/v3/orders"
KEY, SECRET = "ck_sandbox", "cs_sandbox"
DISPLAY_DECIMALS = 0
"""Money has so many decimals unless the client asks for more with ``dp``."""

_DECIMAL = re.compile(r"-?\d{1,15}(\.\d{1,6})?")
_HTML = "text/html; charset=UTF-8"
_NOTICE = (
    b"<br />\n<b>Notice</b>:  Undefined index: total in <b>/var/www/wp-content/plugins/tax/tax.php</b> on line "
    b"<b>12</b><br />\n"
)
_CANNOT_VIEW = ("woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
_BAD_SECRET = ("woocommerce_rest_authentication_error", "Consumer secret is invalid.")
_NO_ROUTE = ("rest_no_route", "No route was found matching the URL and request method.")


class Shop:
    """A WooCommerce shop. Several threads may call it at the same time."""

    def __init__(self, orders: OrderList, faults: Iterable[str], clock: Callable[[], datetime], seed: int = 0) -> None:
        """Raises Usage for an invalid fault."""
        self.orders = orders
        self.requests = 0
        self._clock = clock
        self._faults = ShopFaults(KINDS, faults, seed)
        self._seed = seed
        self._edited: dict[int, datetime] = {}
        self._refunds: dict[int, Decimal] = {}
        self._lock = threading.Lock()

    def use_faults(self, faults: Iterable[str]) -> None:
        """Replace the current faults. Raises Usage for an invalid one."""
        self._faults = ShopFaults(KINDS, faults, self._seed)

    def refund(self, order_id: int, amount: Decimal) -> None:
        """Pay back a part of an order now, which changes it."""
        nth = (order_id - FIRST_ID) // ID_STEP
        with self._lock:
            self._refunds[nth] = amount
            self._edited[nth] = self._now()

    def owns(self, path: str) -> bool:
        """Whether a path is the shop's."""
        return path.startswith("/wp-json/")

    def answer(self, request: Request) -> Answer | None:
        """The answer to a GET; None: close the connection."""
        with self._lock:
            self.requests += 1
            if (fault := self._faults.draw()) is not None:
                return _failure(fault, request)
            if request.path.rstrip("/") != ROUTE:
                return _error(404, *_NO_ROUTE)
            return self._unauthorised(request) or self._page(request)

    def _unauthorised(self, request: Request) -> Answer | None:
        key, secret = request.query.get("consumer_key"), request.query.get("consumer_secret")
        if key is None and self._faults.condition(ShopFault.NO_HEADER) is None:
            key, secret = _basic(request.authorization or "")
        if key != KEY:
            return _error(401, *_CANNOT_VIEW)
        return None if secret == SECRET else _error(401, *_BAD_SECRET)

    def _page(self, request: Request) -> Answer:
        query = request.query
        try:
            found = chosen(query, self.orders, self._edited)
            page, size = number(query, "page", 1, 1 << 31), number(query, "per_page", DEFAULT_PAGE, MAX_PAGE)
            decimals = int(query.get("dp", DISPLAY_DECIMALS))
        except ValueError as mistake:
            name = str(mistake) if isinstance(mistake, InvalidParameter) else "dp"
            return _error(400, "rest_invalid_param", f"Invalid parameter(s): {name}")
        if cap := self._faults.condition(ShopFault.CAP):
            size = min(size, cap.value or DEFAULT_PAGE)
        shown = found[(page - 1) * size : page * size]
        orders = [_fields(self._order(nth, decimals), query.get("_fields")) for nth in shown]
        if shown:
            self._move(shown[0])
        return Answer(200, json.dumps(orders).encode(), headers=self._headers(request, page, size, len(found)))

    def _move(self, nth: int) -> None:
        """Change an order of the page that was just read, so that it leaves the span that is being read."""
        moving = self._faults.condition(ShopFault.MOVING)
        if moving and (moving.value or 0) > 0:
            moving.value = (moving.value or 0) - 1
            self._edited[nth] = self._now()

    def _order(self, nth: int, decimals: int) -> dict[str, Any]:
        order = self.orders.order(nth)
        if nth in self._refunds:
            order["refunds"] = [*order["refunds"], {"id": 1, "reason": "", "total": f"-{self._refunds[nth]}"}]
        if nth in self._edited:
            set_time(order, "modified", self._edited[nth])
        if isinstance(order["total"], str) and _DECIMAL.fullmatch(order["total"]):
            order["total"] = f"{Decimal(order['total']):.{decimals}f}"
        return order

    def _headers(self, request: Request, page: int, size: int, total: int) -> dict[str, str]:
        pages = -(-total // size)
        totals = {"X-WP-Total": str(total), "X-WP-TotalPages": str(pages)}
        if self._faults.condition(ShopFault.NO_TOTALS):
            totals = {}
        if page >= pages or self._faults.condition(ShopFault.NO_LINK):
            return totals
        return {**totals, "Link": f'<https://shop.example{request.path}?page={page + 1}>; rel="next"'}

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None, microsecond=0)


def _failure(fault: Chance, request: Request) -> Answer | None:
    """The answer of a fault in place of a page; None: close the connection."""
    wait = {"Retry-After": str(fault.value)} if fault.value is not None else {}
    match fault.kind:
        case ShopFault.THROTTLED:
            return Answer(429, to_json({"code": "too_many_requests"}), headers={"Retry-After": "1", **wait})
        case ShopFault.UNAVAILABLE:
            return Answer(503, _html("Service Unavailable"), headers=wait, content_type=_HTML)
        case ShopFault.FIREWALL:
            return Answer(fault.value or 406, _html("Not Acceptable!"), content_type=_HTML)
        case ShopFault.REDIRECT:
            return Answer(301, b"", headers={"Location": f"https://www.shop.example{request.path}?consumer_key=x"})
        case kind:
            return _FAILURES.get(kind)


def _html(title: str) -> bytes:
    return f"<!DOCTYPE html>\n<html lang=da><head><title>{title}</title></head><h1>{title}</h1></html>".encode()


def _error(status: int, code: str, message: str) -> Answer:
    return Answer(status, to_json({"code": code, "message": message, "data": {"status": status}}), code=code)


def _basic(authorization: str) -> tuple[str | None, str]:
    """Key and secret of a header for basic authentication."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        key, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None, ""
    return (key, secret) if scheme.lower() == "basic" and colon else (None, "")


def _fields(order: dict[str, Any], wanted: str | None) -> dict[str, Any]:
    """Trim an order to ``_fields``; ``billing.email`` keeps one field of an object, as WordPress does since 5.3."""
    if not wanted:
        return order
    trimmed: dict[str, Any] = {}
    for name in wanted.split(","):
        outer, _, inner = name.strip().partition(".")
        value = order.get(outer)
        if outer in order:
            trimmed[outer] = {inner: value[inner]} if inner and isinstance(value, dict) and inner in value else value
    return trimmed


_FAILURES: dict[StrEnum, Answer] = {
    ShopFault.MAINTENANCE: Answer(503, _html("Maintenance"), headers={"Retry-After": "600"}, content_type=_HTML),
    ShopFault.HTML: Answer(200, _html("Coming soon"), content_type=_HTML),
    ShopFault.EMPTY: Answer(200, b""),
    ShopFault.PHP_NOTICE: Answer(200, _NOTICE + b'[{"id":727}]', content_type=_HTML),
    ShopFault.WRONG_KEY: _error(401, *_CANNOT_VIEW),
    ShopFault.WRONG_SECRET: _error(401, *_BAD_SECRET),
    ShopFault.NO_PERMALINKS: Answer(404, _html("Not Found"), content_type=_HTML),
    ShopFault.NO_PLUGIN: _error(404, *_NO_ROUTE),
}
"""Answers that no value changes; a dropped connection has none."""
