"""The answers of the shop: tokens, pages, costs and errors as Shopify gives them."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from conversions.sandbox.base import Answer, Request, to_json
from conversions.sandbox.shop_faults import Chance, ShopFaults
from conversions.sandbox.shopify.bulk import PATH as BULK_PATH
from conversions.sandbox.shopify.bulk import BulkOperations, to_count
from conversions.sandbox.shopify.faults import KINDS, TOKEN_FAULTS, ShopFault
from conversions.sandbox.shopify.listing import OrderList, chosen, page
from conversions.sandbox.shopify.orders import FIRST_ID, in_utc, money
from conversions.sandbox.shopify.query import Field, QueryError, parse
from conversions.sandbox.shopify.schema import actual_cost, connection, cost, shown

VERSION = "2026-10"
TOKEN_PATH, API_PATH = "/admin/oauth/access_token", f"/admin/api/{VERSION}/graphql.json"
CLIENT_ID, CLIENT_SECRET = "sandbox-client", "shpss_sandbox"
ACCESS_TOKEN, GRANTED_TOKEN = "shpat_sandbox", "shpat_granted"
TOKEN_SECONDS = 86_399
HORIZON = timedelta(days=60)
MAX_COST = 1_000
_HTML = "text/html; charset=UTF-8"
_SEE = " See https://shopify.dev/docs/apps/launch/protected-customer-data for more details."


class Shop:
    """A Shopify shop. Several threads may call it at the same time."""

    def __init__(self, orders: OrderList, faults: Iterable[str], clock: Callable[[], datetime], seed: int = 0) -> None:
        """Raises Usage for an invalid fault."""
        self.orders = orders
        self.requests = 0
        self._clock = clock
        self._seed = seed
        self.use_faults(faults)
        self._bulk = BulkOperations(self._condition)
        self._edited: dict[int, datetime] = {}
        self._refunds: dict[int, Decimal] = {}
        self._spent, self._spent_at = 0.0, clock()
        self._lock = threading.Lock()

    def use_faults(self, faults: Iterable[str]) -> None:
        """Replace the current faults. Raises Usage for an invalid one."""
        self._faults = ShopFaults(KINDS, faults, self._seed)

    def refund(self, order_id: int, amount: Decimal) -> None:
        """Pay back a part of an order now, which changes it."""
        nth = (order_id - FIRST_ID) // 3
        with self._lock:
            self._refunds[nth] = amount
            self._edited[nth] = self._now()

    def owns(self, path: str) -> bool:
        """Whether a path is the shop's."""
        return path.startswith(("/admin/", BULK_PATH))

    def answer(self, request: Request) -> Answer | None:
        """The answer to a POST; None: close the connection."""
        with self._lock:
            self.requests += 1
            if request.path == TOKEN_PATH:
                return self._token(request)
            if (fault := self._faults.draw()) is not None:
                return _failure(fault)
            if request.path.startswith(BULK_PATH):
                return self._bulk.answer(request)
            if request.path != API_PATH:
                return Answer(404, to_json({"errors": "Not Found"}))
            if request.shop_token not in {ACCESS_TOKEN, GRANTED_TOKEN}:
                return _UNKNOWN_TOKEN
            return self._graphql(request)

    def _token(self, request: Request) -> Answer:
        form = dict(parse_qsl(request.body.decode()))
        for fault in TOKEN_FAULTS:
            if self._faults.condition(fault):
                return _TOKEN_FAILURES[fault]
        if form.get("grant_type") != "client_credentials":
            return Answer(400, to_json({"error": "invalid_request"}))
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return _TOKEN_FAILURES[ShopFault.WRONG_SECRET]
        scope = ",".join(self._scopes())
        return Answer(200, to_json({"access_token": GRANTED_TOKEN, "scope": scope, "expires_in": TOKEN_SECONDS}))

    def _scopes(self) -> list[str]:
        return ["read_orders", *([] if self._faults.condition(ShopFault.NO_OLD_ORDERS) else ["read_all_orders"])]

    def _graphql(self, request: Request) -> Answer:
        try:
            self._bulk.host = request.host
            asked = json.loads(request.body)
            fields = parse(asked["query"], asked.get("variables") or {})
            points = max(cost(fields), 1)
            most = self._faults.condition(ShopFault.MAX_COST)
            if points > ((most.value if most else None) or MAX_COST):
                return _said(_error("MAX_COST_EXCEEDED", f"Query cost is {points}, which exceeds the limit."))
            if not self._spend(points):
                return _said({**_error("THROTTLED", "Throttled"), **self._extensions(points, None)})
            data = {field.name: self._resolve(field) for field in fields}
            actual = max(actual_cost(data) - 1, 1)
            self._spent -= points - actual
        except QueryError as mistake:
            return _said(_error("undefinedField", str(mistake)))
        except (ValueError, KeyError, TypeError):
            return Answer(400, to_json({"errors": {"query": "Required parameter missing or invalid"}}))
        other = self._faults.condition(ShopFault.OTHER_VERSION)
        headers = {"X-Shopify-API-Version": "2027-01" if other else VERSION}
        return Answer(200, json.dumps({"data": data, **self._extensions(points, None)}).encode(), headers=headers)

    def _resolve(self, field: Field) -> Any:
        match field.name:
            case "ordersCount":
                count = sum(1 for _ in chosen(field, self.orders, self._edited))
                return shown(field.fields, to_count(count, field.arguments.get("limit")))
            case "bulkOperationRunQuery":
                return shown(field.fields, self._bulk.run(field, self._chosen, in_utc(self._now())))
            case "bulkOperation":
                return shown(field.fields, self._bulk.find(field.arguments.get("id")))
            case "bulkOperations":
                return connection(field, self._bulk.all()[: field.arguments["first"]], None)
            case "orders":
                numbers, cursor = page(field, self.orders, self._edited)
                found = [self._order(nth) for nth in numbers]
                if numbers:
                    self._move(numbers[0])
                return connection(field, [order for order in found if self._is_shown(order)], cursor)
            case "order":
                nth = (int(str(field.arguments.get("id")).rpartition("/")[2]) - FIRST_ID) // 3
                return shown(field.fields, self._order(nth) if 0 <= nth < self.orders.count else None)
            case _:
                return shown(field.fields, {"accessScopes": [{"handle": scope} for scope in self._scopes()]})

    def _chosen(self, field: Field) -> Iterator[Any]:
        """Yield the orders that the query of a bulk operation asks for."""
        found = (self._order(nth) for nth in chosen(field, self.orders, self._edited))
        return (order for order in found if self._is_shown(order))

    def _order(self, nth: int) -> Any:
        order = self.orders.order(nth)
        if not isinstance(order, dict):
            return order
        if nth in self._refunds:
            order |= {
                "totalRefundedSet": money(str(self._refunds[nth])),
                "displayFinancialStatus": "PARTIALLY_REFUNDED",
            }
        if nth in self._edited:
            order["updatedAt"] = in_utc(self._edited[nth])
        if self._faults.condition(ShopFault.NO_ADDRESSES):
            order["email"] = None
        return order

    def _is_shown(self, order: Any) -> bool:
        if not self._faults.condition(ShopFault.NO_OLD_ORDERS):
            return True
        return datetime.fromisoformat(order["createdAt"]) >= self._clock() - HORIZON

    def _condition(self, kind: ShopFault) -> Chance | None:
        return self._faults.condition(kind)

    def _move(self, nth: int) -> None:
        """Change an order of the page that was just read, so that it moves to the end."""
        moving = self._faults.condition(ShopFault.MOVING)
        if moving and (moving.value or 0) > 0:
            moving.value = (moving.value or 0) - 1
            self._edited[nth] = self._now()

    def _spend(self, points: int) -> bool:
        """Take points from the bucket; return whether there were enough."""
        now = self._clock()
        self._spent = max(self._spent - (now - self._spent_at).total_seconds() * self._rate, 0)
        self._spent_at = now
        if self._faults.condition(ShopFault.POINTS) is None:
            self._spent = 0.0
        if self._spent + points > self._rate * 20:
            return False
        self._spent += points
        return True

    @property
    def _rate(self) -> int:
        """Points that come back in a second."""
        points = self._faults.condition(ShopFault.POINTS)
        return (points.value if points else None) or 100

    def _extensions(self, points: int, actual: int | None) -> dict[str, Any]:
        full = self._rate * 20
        status = {"maximumAvailable": full, "currentlyAvailable": full - self._spent, "restoreRate": self._rate}
        costs = {"requestedQueryCost": points, "actualQueryCost": actual, "throttleStatus": status}
        return {"extensions": {"cost": costs}}

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)


def _failure(fault: Chance) -> Answer | None:
    """The answer of a fault in place of data; None: close the connection."""
    wait = {"Retry-After": f"{fault.value}.0"} if fault.value is not None else {}
    match fault.kind:
        case ShopFault.TOO_MANY:
            return Answer(429, to_json({"errors": "Exceeded"}), headers={"Retry-After": "2.0", **wait})
        case ShopFault.UNAVAILABLE:
            return Answer(503, _html("Service Unavailable"), headers=wait, content_type=_HTML)
        case kind:
            return _FAILURES.get(kind)


def _said(value: object) -> Answer:
    return Answer(200, to_json(value))


def _error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"message": message, "extensions": {"code": code}}]}


def _html(title: str) -> bytes:
    return f"<!DOCTYPE html>\n<html lang=en><head><title>{title}</title></head><h1>{title}</h1></html>".encode()


def _oauth(code: str) -> Answer:
    return Answer(400, _html(f"400 - Oauth error {code}"), content_type=_HTML)


_UNKNOWN_TOKEN = Answer(
    401, to_json({"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
)
_NO_SCOPE = _error("ACCESS_DENIED", "Access denied for orders field. Required access: `read_orders` access scope.")
_NO_ACCESS = _error("ACCESS_DENIED", "This app is not approved to use the email field." + _SEE)
_NO_NODES: dict[str, Any] = {"data": {"orders": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}}}
_FAILURES: dict[StrEnum, Answer] = {
    ShopFault.THROTTLED: _said(_error("THROTTLED", "Throttled")),
    ShopFault.HTML: Answer(200, _html("Opening soon"), content_type=_HTML),
    ShopFault.EMPTY: Answer(200, b""),
    ShopFault.NO_DATA: _said({}),
    ShopFault.INTERNAL: _said(_error("INTERNAL_SERVER_ERROR", "Internal error. Looks like something went wrong.")),
    ShopFault.WRONG_TOKEN: _UNKNOWN_TOKEN,
    ShopFault.NO_SCOPE: _said({"data": {"orders": None}, **_NO_SCOPE}),
    ShopFault.NO_ACCESS: _said({**_NO_NODES, **_NO_ACCESS}),
    ShopFault.NO_SHOP: Answer(404, to_json({"errors": "Not Found"})),
    ShopFault.FROZEN: Answer(402, to_json({"errors": "This shop is unavailable"})),
    ShopFault.REDIRECT: Answer(301, b"", headers={"Location": "https://other.myshopify.com/admin?token=x"}),
}
"""Answers that no value changes; a dropped connection has none."""
_TOKEN_FAILURES = {
    ShopFault.WRONG_SECRET: Answer(400, to_json({"error": "invalid_client"})),
    ShopFault.NOT_INSTALLED: _oauth("app_not_installed"),
    ShopFault.NOT_PERMITTED: _oauth("shop_not_permitted"),
}
