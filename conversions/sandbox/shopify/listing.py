"""Which orders a request asks for, by the time of their change, after a cursor."""

import heapq
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Protocol

from conversions.sandbox.shopify.query import Field, QueryError
from conversions.sandbox.shopify.schema import mark, place

_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_TERM = re.compile(r"updated_at:(>=|<)'?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)'?")

Place = tuple[datetime, int]
"""When an order changed, and which one it is."""


class OrderList(Protocol):
    """The orders of a shop."""

    @property
    def count(self) -> int:
        """How many there are."""

    def changed(self, nth: int) -> datetime:
        """When the n-th order changed for the last time, UTC; it never falls with *nth*, from 0."""

    def order(self, nth: int) -> Any:
        """Return the n-th order with every field; its lines are a list."""


def page(field: Field, orders: OrderList, edited: Mapping[int, datetime]) -> tuple[list[int], str | None]:
    """Return the numbers of the orders of a page, and the cursor of the next one.

    *edited* are the orders that changed again, and when. Raises QueryError.
    """
    if field.arguments.get("sortKey") != "UPDATED_AT":
        raise QueryError("this shop sorts by UPDATED_AT only")
    since, until = _span(field.arguments.get("query"))
    after = _after(field.arguments.get("after")) or (since, -1)
    first = field.arguments["first"]
    found = list(islice(_places(orders, edited, max(after, (since, -1)), until), first + 1))
    if len(found) <= first:
        return [nth for _, nth in found], None
    at, nth = found[first - 1]
    return [nth for _, nth in found[:first]], mark({"last_id": nth, "last_value": at.isoformat()})


def chosen(field: Field, orders: OrderList, edited: Mapping[int, datetime]) -> Iterator[int]:
    """Yield the numbers of all orders that *field* asks for. Raises QueryError."""
    since, until = _span(field.arguments.get("query"))
    return (nth for _, nth in _places(orders, edited, (since, -1), until))


def _places(orders: OrderList, edited: Mapping[int, datetime], after: Place, until: datetime) -> Iterator[Place]:
    """Yield the places after *after*, in their sequence."""
    everything = range(orders.count)
    begin = bisect_right(everything, after, key=lambda nth: (orders.changed(nth), nth))
    end = bisect_left(everything, until, key=orders.changed)
    still = ((orders.changed(nth), nth) for nth in range(begin, end) if nth not in edited)
    again = sorted((at, nth) for nth, at in edited.items() if (at, nth) > after and at < until)
    return heapq.merge(still, again)


def _span(text: object) -> tuple[datetime, datetime]:
    since, until = _EARLIEST, _LATEST
    for term in str(text or "").split():
        match = _TERM.fullmatch(term)
        if match is None:
            raise QueryError(f"this shop does not know the search term {term!r}")
        at = datetime.fromisoformat(match[2])
        since, until = (at, until) if match[1] == ">=" else (since, at)
    return since, until


def _after(cursor: object) -> Place | None:
    if cursor is None:
        return None
    found = place(cursor)
    return datetime.fromisoformat(found["last_value"]), found["last_id"]
