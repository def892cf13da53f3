"""Reads every order that changed from a moment on, with all of its lines.

Orders come by the time of their change, and a cursor is a place in that sequence. An order that changes while pages are
read moves to the end, where it is read again; none is skipped. The newest version of an order counts.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any

from conversions.intake.sources.shopify.client import Page

ORDERS_PER_SEARCH = 20_000
"""Shopify ends a search after 25,000 objects; a new one begins at the change where the last one stopped."""
ORDERS_BEFORE_EXPORT = 1_000
"""After so many orders the shop is asked how many there are; a usual night and ``doctor`` have fewer."""

FetchOrders = Callable[[str, str | None], Page]
"""Returns a page of the orders of a filter, after a cursor."""
FetchLines = Callable[[str, str | None], Page | None]
"""Returns a page of an order's lines, after a cursor; None: there is no such order any more."""
Export = Callable[[datetime], Generator[list[Any], None, bool]]
"""Yields every order that changed from a moment on, in another way; returns whether these were all."""


def changed_orders(fetch: FetchOrders, since: datetime, export: Export | None = None) -> Iterator[list[Any]]:
    """Yield every order that changed from *since* on, a page at a time. Raises what *fetch* raises.

    *export* is asked once for those that are left, where they are not few; where it does not have them, paging goes on.
    """
    after, seen = None, 0
    while True:
        page = fetch(changed_since(since), after)
        yield page.nodes
        if page.next is None:
            return
        after, seen = page.next, seen + len(page.nodes)
        if export and seen >= ORDERS_BEFORE_EXPORT:
            if (yield from export(_changed(page.nodes) or since)):
                return
            export = None
        if seen >= ORDERS_PER_SEARCH and (last := _changed(page.nodes)) and last > since:
            since, after, seen = last, None, 0


def changed_since(since: datetime) -> str:
    """Return the filter of the orders that changed from *since* on."""
    return f"updated_at:>='{since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'"


def with_all_lines(fetch: FetchLines, order: Any) -> Any:
    """Return an order with all of its lines, also those that its page did not contain; None where it was deleted.

    They are read again from the first one on, so that all are of one version of the order.
    """
    lines = order.get("lineItems") if isinstance(order, dict) else None
    info = lines.get("pageInfo") if isinstance(lines, dict) else None
    if not isinstance(info, dict) or info.get("hasNextPage") is not True:
        return order
    nodes: list[Any] = []
    after = None
    while (page := fetch(str(order.get("id")), after)) is not None:
        nodes += page.nodes
        if (after := page.next) is None:
            return {**order, "lineItems": {"nodes": nodes}}
    return None


def _changed(orders: list[Any]) -> datetime | None:
    """Return when the last order of a page changed, in whole seconds; None where it does not say it."""
    last = orders[-1] if orders else None
    text = last.get("updatedAt") if isinstance(last, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.astimezone(UTC).replace(microsecond=0) if at and at.tzinfo else None
