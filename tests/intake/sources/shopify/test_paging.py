"""Every order and every line is read, whatever changes between two pages."""

import tracemalloc
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.errors import SourceError
from conversions.intake.sources.shopify import paging
from conversions.intake.sources.shopify.client import Page
from conversions.sandbox.shopify import Shop
from conversions.sandbox.shopify.orders import Orders, in_utc, line
from tests.intake.sources.shop import WINDOW, orders
from tests.intake.sources.shopify_shop import as_order, served, shopify

SINCE = datetime(2026, 11, 15, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@dataclass
class MovingShop:
    """Orders with the time of their change; after a request some of them change again, and move to the end."""

    orders: dict[int, datetime]
    size: int
    edits: dict[int, int] = field(default_factory=dict)
    """By the number of a request, the place of the order that changes after it."""
    requests: int = 0
    clock: datetime = NOW

    def fetch(self, filter_: str, after: str | None) -> Page:
        self.requests += 1
        self.clock += SECOND
        since = datetime.fromisoformat(filter_.split("'")[1])
        begin = tuple(map(int, after.split("/"))) if after else (0, -1)
        found = sorted((int(at.timestamp()), nth) for nth, at in self.orders.items() if at >= since)
        rest = [place for place in found if place > begin]
        shown = rest[: self.size]
        answer = [{"id": str(nth), "updatedAt": in_utc(self.orders[nth])} for _, nth in shown]
        if self.requests in self.edits and found:
            self.orders[found[self.edits[self.requests] % len(found)][1]] = self.clock
        return Page(answer, f"{shown[-1][0]}/{shown[-1][1]}" if len(rest) > self.size else None)


@given(
    changes=st.lists(st.integers(0, 7 * 86_400 - 1), max_size=40),
    size=st.integers(1, 12),
    edits=st.dictionaries(st.integers(1, 30), st.integers(0, 40), max_size=4),
    per_search=st.integers(1, 30),
)
def test_every_order_and_its_newest_version_is_read_although_orders_move(
    changes: list[int], size: int, edits: dict[int, int], per_search: int
) -> None:
    shop = MovingShop({nth: SINCE + second * SECOND for nth, second in enumerate(changes)}, size, edits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "ORDERS_PER_SEARCH", per_search)
        read = [order for page in paging.changed_orders(shop.fetch, SINCE) for order in page]

    assert {order["id"] for order in read} == {str(nth) for nth in shop.orders}
    if shop.requests not in edits:
        newest = {nth: max(o["updatedAt"] for o in read if o["id"] == str(nth)) for nth in shop.orders}
        assert newest == {nth: in_utc(at) for nth, at in shop.orders.items()}


def test_a_long_search_is_begun_anew_where_it_stopped_and_ties_do_not_stop_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "ORDERS_PER_SEARCH", 10)
    filters = []
    shop = MovingShop({nth: SINCE + nth // 25 * SECOND for nth in range(100)}, 5)

    def fetch(filter_: str, after: str | None) -> Page:
        filters.append(filter_)
        return shop.fetch(filter_, after)

    read = [order["id"] for page in paging.changed_orders(fetch, SINCE) for order in page]

    assert set(read) == {str(nth) for nth in range(100)}
    assert len(set(filters)) == 4


def test_an_order_that_changes_between_two_pages_is_read_in_both_versions() -> None:
    shop = Shop(Orders(250, NOW, 6), ["moving=2"], lambda: NOW)

    read = orders(row for chunk in served(shop, lambda: NOW).chunks(WINDOW) for row in chunk)

    numbers = [order.number for order in read]
    assert len(set(numbers)) == 250
    again = [order for order in read if numbers.count(order.number) == 2]
    assert len(again) == 4
    assert again[-1].rank > again[0].rank


def test_every_line_of_an_order_is_read() -> None:
    row = {"Order": "1", "E-mail": "a@example.com", "Total": "9", "Currency": "DKK", "Products": "", "Status": "paid"}
    listed = [as_order({**row, "Paid": "2026-11-20T10:00:00Z"}) for _ in range(3)]
    for nth, (order, count) in enumerate(zip(listed, (5, 6, 230), strict=True)):
        order |= {"id": f"gid://shopify/Order/{450_789_469 + 3 * nth}", "legacyResourceId": str(nth)}
        order["lineItems"] = [line(7_000 + number, None, None) for number in range(count)]

    read = orders(row for chunk in shopify(listed, NOW).chunks(WINDOW) for row in chunk)

    assert [len(order.product_ids) for order in read] == [5, 6, 230]
    assert read[2].product_ids == tuple(str(7_000 + number) for number in range(230))


def test_an_order_that_was_deleted_between_two_pages_is_none_and_no_lines_are_left_out() -> None:
    order: Any = {"id": "1", "lineItems": {"nodes": [{}], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}}
    pages = [Page([1, 2], "y"), Page([3], None)]

    assert paging.with_all_lines(lambda _id, _after: None, order) is None
    assert paging.with_all_lines(lambda _id, _after: pages.pop(0), order)["lineItems"] == {"nodes": [1, 2, 3]}
    assert paging.with_all_lines(lambda _id, _after: None, "x") == "x"


def test_a_cursor_that_stands_still_ends_the_reading() -> None:
    shop = Shop(Orders(250, NOW, 6), [], lambda: NOW)
    source = served(shop, lambda: NOW)
    chunks = source.chunks(WINDOW)
    resolve = shop._resolve

    def still(field: Any) -> Any:
        field.arguments["after"] = None
        return resolve(field)

    shop._resolve = still  # type: ignore[method-assign]
    next(chunks)
    with pytest.raises(SourceError, match="no page of orders"):
        next(chunks)


def test_memory_does_not_grow_with_the_orders() -> None:
    peaks = []
    for count in (20_000, 80_000):

        def fetch(filter_: str, after: str | None, count: int = count) -> Page:
            since = datetime.fromisoformat(filter_.split("'")[1])
            first = int(after) if after else int((since - SINCE).total_seconds() // 5)
            shown = range(first, min(first + 100, count))
            answer = [{"id": str(nth), "updatedAt": in_utc(SINCE + nth * 5 * SECOND)} for nth in shown]
            return Page(answer, str(first + 100) if first + 100 < count else None)

        tracemalloc.start()
        seen = sum(len(page) for page in paging.changed_orders(fetch, SINCE))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert count <= seen <= count + 10
    assert peaks[1] < peaks[0] * 1.5
