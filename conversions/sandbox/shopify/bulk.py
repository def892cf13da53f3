"""Bulk operations: their query, their states, and their files of one JSON object a line."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Any

from conversions.sandbox.base import Answer, Request, to_json
from conversions.sandbox.shopify.faults import ShopFault
from conversions.sandbox.shopify.query import Field, QueryError, parse
from conversions.sandbox.shopify.schema import connections, shown

PATH = "/bulk/"
LIMIT = 5
"""Operations that an app may run at the same time in a shop."""
POLLS = 3
"""So often an operation is asked for before it is finished."""
SIGNATURE = "bulksecret"
_MIXED = 50
"""Orders whose lines are mixed where objects are not grouped."""
_PATH = re.compile(r"/bulk/(\d+)\.jsonl")
_RANGE = re.compile(r"bytes=(\d+)-(\d+)")

Condition = Callable[[ShopFault], object]
"""Returns something true where the shop has a fault."""


@dataclass(slots=True)
class Operation:
    """One bulk operation; its file is written when it begins, so later changes are not in it."""

    id: str
    query: str
    created_at: str
    file: bytes = b""
    objects: int = 0
    orders: int = 0
    polls: int = 0


@dataclass
class BulkOperations:
    """The operations of a shop. Not thread-safe: the caller holds a lock."""

    condition: Condition
    host: str = ""
    """Of the shop, for the address of a file."""
    operations: list[Operation] = field(default_factory=list)

    def run(self, field_: Field, find: Callable[[Field], Iterable[Any]], now: str) -> Any:
        """Begin an operation; *find* returns the orders that its query asks for."""
        query = str(field_.arguments.get("query"))
        running = sum(self._status(operation) in {"CREATED", "RUNNING"} for operation in self.operations)
        if self.condition(ShopFault.BULK_BUSY) or running >= LIMIT:
            return _refused("OPERATION_IN_PROGRESS", "A bulk query operation for this app and shop is already running.")
        try:
            (orders,) = parse(query, {})
            connections([orders])
        except (QueryError, ValueError) as mistake:
            return _refused("INVALID", str(mistake))
        node = orders.fields[0].fields[0]
        operation, file = Operation(f"gid://shopify/BulkOperation/{len(self.operations) + 1}", query, now), BytesIO()
        for order, lines in _objects(node, find(orders), grouped=field_.arguments.get("groupObjects") is True):
            operation.objects += len(order) + len(lines)
            operation.orders += len(order)
            file.writelines(to_json(value) + b"\n" for value in (*order, *lines))
        operation.file = file.getvalue()
        self.operations.append(operation)
        return {"bulkOperation": self._shown(operation), "userErrors": []}

    def find(self, id_: object) -> Any:
        """Return an operation, which is a step further each time that it is asked for; None: there is none."""
        operation = next((operation for operation in self.operations if operation.id == id_), None)
        if operation is None:
            return None
        operation.polls += 1
        return self._shown(operation)

    def all(self) -> list[Any]:
        """Return every operation, the newest first."""
        return [self._shown(operation) for operation in reversed(self.operations)]

    def answer(self, request: Request) -> Answer:
        """The file of an operation, or a part of it; the address is signed, and a token has no business here."""
        match = _PATH.fullmatch(request.path)
        operation = self.operations[int(match[1]) - 1] if match and int(match[1]) <= len(self.operations) else None
        if operation is None or request.query.get("signature") != SIGNATURE or self.condition(ShopFault.BULK_EXPIRED):
            return Answer(403, b"<Error><Code>ExpiredToken</Code></Error>", content_type="application/xml")
        if request.shop_token or request.authorization:
            return Answer(400, b"<Error><Code>InvalidArgument</Code></Error>", content_type="application/xml")
        size = len(operation.file) // (2 if self.condition(ShopFault.BULK_CUT) else 1)
        part = _RANGE.fullmatch(request.range or "")
        if part is None or self.condition(ShopFault.BULK_WHOLE):
            return Answer(200, operation.file[:size], content_type="application/jsonl")
        first, last = int(part[1]), min(int(part[2]), size - 1)
        if first > last:
            return Answer(416, b"", headers={"Content-Range": f"bytes */{size}"})
        said = {"Content-Range": f"bytes {first}-{last}/{size}"}
        return Answer(206, operation.file[first : last + 1], headers=said, content_type="application/jsonl")

    def _status(self, operation: Operation) -> str:
        if operation.polls < POLLS or self.condition(ShopFault.BULK_ENDLESS):
            return "RUNNING" if operation.polls else "CREATED"
        if self.condition(ShopFault.BULK_CANCELED):
            return "CANCELED"
        failed = self.condition(ShopFault.BULK_FAILED) or self.condition(ShopFault.BULK_DENIED)
        return "FAILED" if failed else "COMPLETED"

    def _shown(self, operation: Operation) -> Any:
        status = self._status(operation)
        place = f"http://{self.host}{PATH}{operation.id.rpartition('/')[2]}.jsonl?signature={SIGNATURE}"
        code = "ACCESS_DENIED" if self.condition(ShopFault.BULK_DENIED) else "TIMEOUT"
        return {
            "id": operation.id,
            "status": status,
            "query": operation.query,
            "type": "QUERY",
            "createdAt": operation.created_at,
            "objectCount": str(operation.objects),
            "rootObjectCount": str(operation.orders),
            "fileSize": str(len(operation.file)),
            "errorCode": code if status == "FAILED" else None,
            "url": place if status == "COMPLETED" and operation.objects else None,
            "partialDataUrl": place if status == "FAILED" and code == "TIMEOUT" else None,
        }


def _refused(code: str, message: str) -> Any:
    error = {"code": code, "field": None, "message": message}
    return {"bulkOperation": None, "userErrors": [error]}


def _objects(node: Field, orders: Iterable[Any], *, grouped: bool) -> Iterator[tuple[Sequence[Any], Sequence[Any]]]:
    """Yield orders and lines as the file has them: first the ones, then the others.

    Grouped lines follow their order. Others stand anywhere: here half of them before it, and in no sequence.
    """
    split = (_split(node, order) for order in orders)
    if grouped:
        yield from (([order], lines) for order, lines in split)
        return
    while some := list(islice(split, _MIXED)):
        lines = [line for _, found in some for line in found]
        yield [], lines[::-2]
        yield [order for order, _ in some], lines[-2::-2]


def _split(node: Field, order: Any) -> tuple[Any, list[Any]]:
    if not isinstance(order, dict):
        return order, []
    inner = next((named for named in node.fields if named.name == "lineItems"), None)
    lines = order.get("lineItems")
    own = shown([named for named in node.fields if named is not inner], order)
    if inner is None or not isinstance(lines, list):
        return own, []
    base = int(str(order.get("id")).rpartition("/")[2] or 0) * 1_000
    numbered = (
        {"id": f"gid://shopify/LineItem/{base + nth}", **line} if isinstance(line, dict) else line
        for nth, line in enumerate(lines)
    )
    found = (shown(inner.fields[0].fields[0].fields, line) for line in numbered)
    return own, [{**line, "__parentId": order.get("id")} for line in found if isinstance(line, dict)]


def to_count(count: int, limit: object) -> Any:
    """Return how many there are, at most *limit*."""
    most = limit if isinstance(limit, int) else 10_000
    return {"count": min(count, most), "precision": "EXACT" if count <= most else "AT_LEAST"}
