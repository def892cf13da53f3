"""A bulk operation: the shop itself writes all orders into one file, which costs no points.

Source: Shopify's "Perform bulk operations with the GraphQL Admin API" and its types BulkOperation, BulkOperationStatus
and BulkOperationUserErrorCode of 2026-10, read 2026-11-30.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shop_api.values import Json
from conversions.intake.sources.shopify import errors, queries

MIN_ORDERS = 4_000
"""Orders that are left after the first pages: a file is read sooner than these."""
MAX_WAIT_SECONDS = 3 * 3600.0
"""How long a run waits for a file; an operation may take ten days."""
_FIRST_PAUSE, _MAX_PAUSE = 2.0, 30.0
_UNFINISHED = frozenset({"CREATED", "RUNNING"})
_ENDING = frozenset({"CANCELING"})

Ask = Callable[..., Json | Failure]
"""Takes the kind of a query, its text and its variables; returns the data of the answer."""


@dataclass(frozen=True, slots=True)
class Export:
    """A finished operation."""

    url: str | None = field(repr=False)
    """Whoever has it can read the file. None: the file would be empty."""
    created_at: datetime
    objects: int
    """Lines of the file: orders, and lines of orders."""
    orders: int


def is_worthwhile(ask: Ask, filter_: str) -> bool:
    """Return whether *filter_* chooses so many orders that a file is read sooner than pages."""
    data = ask("count", queries.COUNT, filter=filter_, limit=MIN_ORDERS)
    return not isinstance(data, Failure) and (_number(_inner(data, "ordersCount"), "count") or 0) >= MIN_ORDERS


def begin(ask: Ask, query: str) -> str | Failure:
    """Return the id of an operation with *query*: of one that still runs, such as a killed run's, or of a new one."""
    return _unfinished(ask, query) or _started(ask, query)


def wait_for(ask: Ask, id_: str, sleep: Callable[[float], None]) -> Export | Failure:
    """Return the finished operation; *sleep* waits between two questions."""
    waited, pause = 0.0, _FIRST_PAUSE
    while True:
        data = ask("bulk", queries.BULK_OPERATION, id=id_)
        if isinstance(data, Failure):
            return data
        operation = _inner(data, "bulkOperation")
        if str(operation.get("status")) not in _UNFINISHED | _ENDING:
            return _ended(operation)
        if waited >= MAX_WAIT_SECONDS:
            return Failure(errors.BULK_LATE.format(hours=round(MAX_WAIT_SECONDS / 3600)))
        sleep(pause)
        waited, pause = waited + pause, min(pause * 1.5, _MAX_PAUSE)


def _unfinished(ask: Ask, query: str) -> str | None:
    data = ask("bulk", queries.BULK_OPERATIONS)
    nodes = None if isinstance(data, Failure) else _inner(data, "bulkOperations").get("nodes")
    for operation in nodes if isinstance(nodes, list) else ():
        if (
            isinstance(operation, dict)
            and str(operation.get("status")) in _UNFINISHED
            and operation.get("query") == query
        ):
            return str(operation.get("id"))
    return None


def _started(ask: Ask, query: str) -> str | Failure:
    data = ask("bulk", queries.RUN_BULK, query=query)
    if isinstance(data, Failure):
        return data
    started = _inner(data, "bulkOperationRunQuery")
    id_ = _inner(started, "bulkOperation").get("id")
    return id_ if isinstance(id_, str) else Failure(errors.no_bulk(started.get("userErrors")))


def _ended(operation: Json) -> Export | Failure:
    """Return the finished operation. A partial file is never read: nothing says which orders it lacks."""
    if operation.get("status") != "COMPLETED":
        return Failure(errors.bulk_ended(operation))
    objects, orders = _number(operation, "objectCount"), _number(operation, "rootObjectCount")
    url, created_at = operation.get("url"), _instant(operation.get("createdAt"))
    if objects is None or orders is None or created_at is None or not (isinstance(url, str) or objects == 0):
        return Failure(errors.BULK_UNCLEAR)
    return Export(url if isinstance(url, str) else None, created_at, objects, orders)


def _inner(holder: Json, name: str) -> Json:
    value = holder.get(name)
    return value if isinstance(value, dict) else {}


def _number(holder: Json, name: str) -> int | None:
    """Return a count, which Shopify writes as a number or as a text."""
    value = holder.get(name)
    return int(value) if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20 else None


def _instant(value: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at and at.tzinfo and at.year > 2000 else None
