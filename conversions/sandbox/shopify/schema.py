"""The part of the Admin API's schema of 2026-10, what a query costs, and what it shows of an order."""

import base64
import json
from collections.abc import Sequence
from typing import Any

from conversions.sandbox.shopify.query import Field, QueryError

MAX_PAGE = 250
_MONEY = dict.fromkeys(
    (
        "totalPriceSet",
        "currentTotalPriceSet",
        "totalRefundedSet",
        "subtotalPriceSet",
        "discountedTotalSet",
        "discountedUnitPriceSet",
        "discountedUnitPriceAfterAllDiscountsSet",
        "originalUnitPriceSet",
        "originalTotalSet",
        "totalDiscountSet",
        "totalTaxSet",
    ),
    "MoneyBag",
)
_SCALARS = {
    "QueryRoot": "",
    "Order": "id legacyResourceId name email createdAt processedAt updatedAt closedAt cancelledAt cancelReason test "
    "displayFinancialStatus displayFulfillmentStatus sourceName sourceIdentifier currencyCode presentmentCurrencyCode "
    "note tags phone confirmed edited",
    "LineItem": "id name title quantity currentQuantity sku vendor isGiftCard requiresShipping taxable",
    "Product": "id legacyResourceId title handle",
    "ProductVariant": "id legacyResourceId title sku",
    "MoneyBag": "",
    "MoneyV2": "amount currencyCode",
    "Attribute": "key value",
    "OrderTransaction": "id kind status gateway processedAt createdAt test",
    "PageInfo": "hasNextPage hasPreviousPage startCursor endCursor",
    "OrderConnection": "",
    "OrderEdge": "cursor",
    "LineItemConnection": "",
    "LineItemEdge": "cursor",
    "Count": "count precision",
    "BulkOperation": "id status errorCode createdAt completedAt objectCount rootObjectCount fileSize url "
    "partialDataUrl query type",
    "BulkOperationConnection": "",
    "BulkOperationRunQueryPayload": "",
    "BulkOperationUserError": "code field message",
    "AppInstallation": "id",
    "AccessScope": "handle description",
}
_OBJECTS: dict[str, dict[str, str]] = {
    "QueryRoot": {
        "orders": "OrderConnection",
        "order": "Order",
        "ordersCount": "Count",
        "currentAppInstallation": "AppInstallation",
        "bulkOperation": "BulkOperation",
        "bulkOperations": "BulkOperationConnection",
        "bulkOperationRunQuery": "BulkOperationRunQueryPayload",
    },
    "Order": _MONEY
    | {"lineItems": "LineItemConnection", "customAttributes": "Attribute", "transactions": "OrderTransaction"},
    "LineItem": _MONEY | {"product": "Product", "variant": "ProductVariant", "customAttributes": "Attribute"},
    "MoneyBag": {"shopMoney": "MoneyV2", "presentmentMoney": "MoneyV2"},
    "OrderConnection": {"nodes": "Order", "edges": "OrderEdge", "pageInfo": "PageInfo"},
    "OrderEdge": {"node": "Order"},
    "LineItemConnection": {"nodes": "LineItem", "edges": "LineItemEdge", "pageInfo": "PageInfo"},
    "LineItemEdge": {"node": "LineItem"},
    "BulkOperationConnection": {"nodes": "BulkOperation", "pageInfo": "PageInfo"},
    "BulkOperationRunQueryPayload": {"bulkOperation": "BulkOperation", "userErrors": "BulkOperationUserError"},
    "AppInstallation": {"accessScopes": "AccessScope"},
}
"""Type of each field that has fields itself."""
_FREE = frozenset({"pageInfo", "nodes", "edges", "node"})
MAX_CONNECTIONS, MAX_DEPTH = 5, 2
"""Of the query of a bulk operation."""


def cost(fields: Sequence[Field], kind: str = "QueryRoot") -> int:
    """Return the points of a selection on type *kind*, each object one and each connection two and its nodes.

    Raises QueryError for a field that the type does not have, or with too large a page.
    """
    return sum(_field_cost(field, kind) for field in fields)


def _field_cost(field: Field, kind: str) -> int:
    if field.name in _SCALARS[kind].split():
        if field.fields:
            raise QueryError(f"Field '{field.name}' is a scalar and has no fields")
        return 0
    inner = _OBJECTS.get(kind, {}).get(field.name)
    if inner is None:
        raise QueryError(f"Field '{field.name}' doesn't exist on type '{kind}'")
    if not field.fields:
        raise QueryError(f"Field '{field.name}' must have a selection of its fields")
    points = cost(field.fields, inner)
    if not inner.endswith("Connection"):
        return points if field.name in _FREE else points + 1
    first = field.arguments.get("first")
    if not isinstance(first, int) or not 1 <= first <= MAX_PAGE:
        raise QueryError(f"you must provide one of first or last, from 1 to {MAX_PAGE}, on '{field.name}'")
    return 2 + first * (1 + points)


def connections(fields: Sequence[Field], kind: str = "QueryRoot", depth: int = 1) -> int:
    """Return how many connections the query of a bulk operation has. Raises QueryError for what Shopify refuses."""
    count = 0
    for field in fields:
        if field.name in _SCALARS[kind].split():
            continue
        inner = _OBJECTS.get(kind, {}).get(field.name)
        if inner is None:
            raise QueryError(f"Field '{field.name}' doesn't exist on type '{kind}'")
        if not inner.endswith("Connection"):
            count += connections(field.fields, inner, depth)
            continue
        if depth > MAX_DEPTH:
            raise QueryError(f"Bulk queries cannot contain connections with a nesting depth greater than {MAX_DEPTH}.")
        nested = connections((node := _node(field)).fields, _OBJECTS[_OBJECTS[inner]["edges"]]["node"], depth + 1)
        if nested and not any(named.name == "id" for named in node.fields):
            raise QueryError("The parent 'node' field for a nested connection must select the 'id' field.")
        count += 1 + nested
    if count > MAX_CONNECTIONS:
        raise QueryError(f"Bulk queries cannot contain more than {MAX_CONNECTIONS} connections.")
    return count


def _node(field: Field) -> Field:
    edges = next((inner for inner in field.fields if inner.name == "edges"), None)
    node = next((inner for inner in edges.fields if inner.name == "node"), None) if edges else None
    if node is None or any(inner.name == "nodes" for inner in field.fields):
        raise QueryError("All connection fields in a bulk query must select their contents using 'edges' > 'node'.")
    return node


def actual_cost(data: Any) -> int:
    """Return the points of what was shown, by the same rule as ``cost``."""
    if isinstance(data, list):
        return sum(map(actual_cost, data))
    if not isinstance(data, dict):
        return 0
    inner = sum(actual_cost(value) for name, value in data.items() if name != "pageInfo")
    return inner + (2 if "nodes" in data else 1)


def shown(fields: Sequence[Field], value: Any) -> Any:
    """Return what a selection shows of *value*; what *value* does not have is null, and what is no object stays."""
    if isinstance(value, list):
        return [shown(fields, item) for item in value]
    if not fields or not isinstance(value, dict):
        return value
    return {field.name: _shown(field, value.get(field.name)) for field in fields}


def connection(field: Field, nodes: Sequence[Any], cursor: str | None) -> Any:
    """Return a page; *cursor* is that of the next one, or None."""
    page = {"nodes": list(nodes), "pageInfo": {"hasNextPage": cursor is not None, "endCursor": cursor}}
    return shown(field.fields, page)


def _shown(field: Field, value: Any) -> Any:
    if field.name == "lineItems" and isinstance(value, list):
        first, after = field.arguments["first"], field.arguments.get("after")
        start = place(after)["last_line"] + 1 if after else 0
        more = start + first < len(value)
        cursor = mark({"last_line": start + first - 1}) if more else None
        return connection(field, value[start : start + first], cursor)
    if field.name == "transactions" and isinstance(value, list):
        value = value[: field.arguments.get("first")]
    return shown(field.fields, value)


def mark(place_: dict[str, Any]) -> str:
    """Return the cursor of a place."""
    return base64.b64encode(json.dumps(place_).encode()).decode()


def place(cursor: object) -> dict[str, Any]:
    """Return the place of a cursor. Raises QueryError for a text that is none."""
    try:
        found: dict[str, Any] = json.loads(base64.b64decode(str(cursor), validate=True))
    except ValueError:
        raise QueryError("Invalid cursor for current pagination sort.") from None
    return found
