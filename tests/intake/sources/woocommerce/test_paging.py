"""Every order is read, whatever moves between two pages and whatever headers a site drops."""

import tracemalloc
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.errors import SourceError, SourceUnavailable
from conversions.intake.sources.woocommerce import paging
from conversions.intake.sources.woocommerce.client import Page, Span
from conversions.intake.sources.woocommerce.paging import MAX_PAGES, MAX_PASSES, changed_orders

SINCE = datetime(2026, 11, 15)
NOW = datetime(2026, 11, 22)
SECOND = timedelta(seconds=1)


@dataclass
class MovingShop:
    """Orders by id with the time of their change; after a request some of them change again, and leave the span."""

    orders: dict[int, datetime]
    cap: int
    edits: dict[int, int] = field(default_factory=dict)
    """By the number of a request, the place of the order that changes after it."""
    totals: bool = True
    links: bool = True
    requests: int = 0
    clock: datetime = NOW
    last_pass: dict[int, datetime] = field(default_factory=dict)
    """The orders when the last pass began."""

    def fetch(self, changed: Span, page: int) -> Page:
        self.requests += 1
        self.clock += SECOND
        if page == 1:
            self.last_pass = dict(self.orders)
        found = [number for number, at in sorted(self.orders.items()) if changed[0] < at < changed[1]]
        shown = found[(page - 1) * self.cap : page * self.cap]
        answer = [{"id": str(number), "date_modified_gmt": self.orders[number].isoformat()} for number in shown]
        if self.requests in self.edits and found:
            self.orders[found[self.edits[self.requests] % len(found)]] = self.clock
        has_next = self.links and page * self.cap < len(found)
        return Page(answer, len(found) if self.totals else None, has_next)


@given(
    changes=st.lists(st.integers(0, 7 * 86_400 - 1), max_size=40),
    cap=st.integers(1, 12),
    edits=st.dictionaries(st.integers(1, 30), st.integers(0, 40), max_size=4),
    headers=st.tuples(st.booleans(), st.booleans()),
)
def test_every_order_and_its_newest_version_is_read_although_orders_move(
    changes: list[int], cap: int, edits: dict[int, int], headers: tuple[bool, bool]
) -> None:
    orders = {700 + 3 * nth: SINCE + second * SECOND for nth, second in enumerate(changes)}
    shop = MovingShop(orders, cap, edits, *headers)

    read = [order for page in changed_orders(shop.fetch, SINCE, NOW) for order in page]

    newest = {number: max(o["date_modified_gmt"] for o in read if o["id"] == str(number)) for number in orders}
    assert {o["id"] for o in read} == set(map(str, orders))
    assert all(newest[number] >= at.isoformat() for number, at in shop.last_pass.items())


def test_what_a_site_counts_and_does_not_show_stops_nobody() -> None:
    shop = MovingShop(dict.fromkeys(range(5), SINCE + SECOND), 2)

    def fetch(changed: Span, page: int) -> Page:
        answer = shop.fetch(changed, page)
        return Page(answer.orders, (answer.total or 0) + 1, has_next=False)

    assert sum(len(page) for page in changed_orders(fetch, SINCE, NOW)) == 5


def test_orders_that_never_stand_still_end_the_reading() -> None:
    numbers = count()

    def fetch(changed: Span, page: int) -> Page:
        return Page([{"id": str(next(numbers))}] if page < 3 else [], 2 + next(numbers), has_next=False)

    with pytest.raises(SourceUnavailable, match=f"{MAX_PASSES} passes"):
        list(changed_orders(fetch, SINCE, NOW))


@pytest.mark.parametrize(("total", "words"), [(900, "same orders for every span"), (None, "pages without an end")])
def test_a_site_that_does_not_filter_or_does_not_end_is_refused(
    total: int | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "MAX_UNCOUNTED", 1_000)
    numbers = count()

    def fetch(changed: Span, page: int) -> Page:
        return Page([{"id": str(next(numbers))} for _ in range(10)], total, has_next=True)

    with pytest.raises(SourceError, match=words):
        list(changed_orders(fetch, SINCE, NOW))


def test_a_busy_shop_is_read_in_short_spans_and_in_flat_memory() -> None:
    peaks = []
    for orders in (20_000, 80_000):
        shop = MovingShop({}, 100)

        def fetch(changed: Span, page: int, shop: MovingShop = shop, step: timedelta = (NOW - SINCE) / orders) -> Page:
            first = max(-((SINCE - changed[0]) // step), 0)
            end = max(min(-((SINCE - changed[1]) // step), (NOW - SINCE) // step), first)
            shop.requests += 1
            shown = range(first, end)[(page - 1) * 100 : page * 100]
            return Page([{"id": str(nth)} for nth in shown], end - first, has_next=page * 100 < end - first)

        tracemalloc.start()
        seen = sum(len(page) for page in changed_orders(fetch, SINCE, NOW))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert orders <= seen <= orders * 1.001
        assert shop.requests <= orders / 100 * 1.15 + MAX_PAGES
    assert peaks[1] < peaks[0] * 1.5
