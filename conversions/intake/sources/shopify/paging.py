"""Reads every order that changed from a moment on, with all of its lines.

Orders come by the time of their change, and a cursor is a place in that sequence. An order that changes while pages are
read moves to the end, where it is read again; none is skipped. The newest version of an order counts.
"""

from collections.abc import Callable, Generator, Iterator
from datetime import UTC, datetime
from typing import Any

from conversions.intake.sources.shop_api.failures import unfit
from conversions.intake.sources.shopify import errors
from conversions.intake.sources.shopify.client import Page

ORDERS_PER_SEARCH = 20_000
"""Shopify ends a search after 25,000 objects; a new one begins at the change where the last one stopped."""
ORDERS_BEFORE_EXPORT = 1_000
"""After so many orders the shop is asked how many there are; a usual run and ``doctor`` read fewer."""
MAX_IDLE = 20
"""Pages in a row that may bring no other order than the ones before."""
MAX_PAGES_OF_LINES = 200
"""Shopify's own limit for the lines of an order is far below so many pages."""

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
    after, seen, end = None, 0, _End()
    while True:
        page = fetch(changed_since(since), after)
        end.expect(page.nodes)
        yield page.nodes
        if page.next is None:
            return
        after, seen = page.next, seen + len(page.nodes)
        if export and seen >= ORDERS_BEFORE_EXPORT:
            if (yield from export(_changed(page.nodes) or since)):
                return
            export = None
        if seen >= ORDERS_PER_SEARCH and (last := _changed(page.nodes)) and last > since:
            since, after, seen, end = last, None, 0, _End()


class _End:
    """Whether pages can still come to an end: later ones bring later changes, or other orders of the same moment."""

    def __init__(self) -> None:
        self._last: datetime | None = None
        self._known: set[str] = set()
        """Orders of that moment."""
        self._idle = 0

    def expect(self, orders: list[Any]) -> None:
        """Take the next page. Raises SourceError after too many that bring nothing new."""
        changed = _changed(orders)
        if changed and (self._last is None or changed > self._last):
            self._last, self._known = changed, set()
        known = len(self._known)
        self._known |= {str(order.get("id")) for order in orders if isinstance(order, dict)}
        self._idle = 0 if len(self._known) > known else self._idle + 1
        if self._idle > MAX_IDLE:
            raise unfit(errors.NO_END)


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
    for _ in range(MAX_PAGES_OF_LINES):
        if (page := fetch(str(order.get("id")), after)) is None:
            return None
        nodes += page.nodes
        if (after := page.next) is None:
            return {**order, "lineItems": {"nodes": nodes}}
    raise unfit(errors.NO_END)


def _changed(orders: list[Any]) -> datetime | None:
    """Return when the last order of a page changed, in whole seconds; None where it does not say it."""
    last = orders[-1] if orders else None
    text = last.get("updatedAt") if isinstance(last, dict) else None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
        return at.astimezone(UTC).replace(microsecond=0) if at and at.tzinfo else None
    except (ValueError, OverflowError):  # the first hours of year 1 have no UTC
        return None
