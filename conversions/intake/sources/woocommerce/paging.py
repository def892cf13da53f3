"""Reads every order that changed in a span, although orders move between pages while they are read.

The API pages by offset. An order that changes while pages are read leaves a span that has ended, and every order behind
it moves one place up: the next page skips one. So a span is read in passes until a pass is whole; what changed
meanwhile is read at the end. A long span is halved until a pass is short, so that a busy shop's passes become whole,
and so that memory stays flat.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from conversions.errors import SourceUnavailable
from conversions.intake.sources.shop_api.failures import unfit
from conversions.intake.sources.woocommerce import errors
from conversions.intake.sources.woocommerce.client import Page, Span

MAX_PAGES = 50
"""A span with more pages is halved; a pass of so many takes about a minute."""
MAX_PASSES = 6
"""Passes over one span before the run gives up."""
MIN_HIDDEN = 10
"""So many orders, counted and none shown, say that the key may see none; a plug-in may hide a few."""
MAX_UNCOUNTED = 1_000_000
"""Orders of one span that a site may show where it does not count them."""
_SECOND = timedelta(seconds=1)
_LATER = timedelta(days=1)
"""Beyond the newest change, also where the site's clock is ahead of this machine's."""

Version = tuple[str, str]
"""An order's id, and the time of its change."""
Fetch = Callable[[Span, int], Page]
"""Returns a page of the orders that changed in a span."""


def changed_orders(fetch: Fetch, since: datetime, now: datetime) -> Iterator[list[Any]]:
    """Yield every order that changed from *since* on, a page at a time; both are UTC without offset.

    An order that changes while it is read may come twice; the one with the newer change counts. Raises what *fetch*
    raises, SourceUnavailable where orders keep moving, SourceError where pages do not end, do not follow the span, or
    show nothing of what they count.
    """
    now = now.replace(microsecond=0)
    if since < now:
        yield from _span(fetch, (since - _SECOND, now))
    # What changed since then is no longer in the first span; here it stays, since this span has not ended.
    yield from _span(fetch, (now - _SECOND, now + _LATER))


def _span(fetch: Fetch, changed: Span, first: Page | None = None) -> Iterator[list[Any]]:
    """Read a span, in halves while it is long; *first* is its first page."""
    first = first or fetch(changed, 1)
    (since, until), total = changed, first.total or 0
    middle = (since + (until - since) / 2).replace(microsecond=0)
    if not first.orders or total <= MAX_PAGES * len(first.orders) or not since + _SECOND < middle < until:
        yield from _passes(fetch, changed, first)
        return
    earlier, later = (since, middle), (middle - _SECOND, until)
    begin = fetch(earlier, 1)
    if (begin.total or 0) >= total and (fetch(later, 1).total or 0) >= total:
        raise unfit(errors.NO_SPAN)  # both halves have all of it
    yield from _span(fetch, earlier, begin)
    yield from _span(fetch, later)


@dataclass(slots=True)
class _Pass:
    """What one pass over all pages of a span has seen."""

    versions: set[Version] = field(default_factory=set)
    totals: set[int | None] = field(default_factory=set)

    def add(self, page: Page) -> list[Version]:
        """Add a page; return the version of each of its orders. What has no id is known by its place."""
        first = len(self.versions)
        versions = [_version(order, first + nth) for nth, order in enumerate(page.orders)]
        self.versions.update(versions)
        self.totals.add(page.total)
        return versions

    def is_whole(self, former: "_Pass | None") -> bool:
        """Whether no order can have moved: the total never changed, and so many orders came.

        Nothing enters a span that has ended; so nothing can make up for an order that left it.
        A site may hide its totals, or count orders that it does not show; then two passes must have seen the same.
        """
        if len(self.totals) != 1:
            return False
        return self.totals == {len({number for number, _ in self.versions})} or former == self


def _passes(fetch: Fetch, changed: Span, first: Page | None) -> Iterator[list[Any]]:
    """Read a span until a pass is whole; yield what no former pass has seen. *first* is its first page."""
    known: set[Version] = set()
    former = None
    for _ in range(MAX_PASSES):
        this = _Pass()
        idle = 0
        for page in _pages(fetch, changed, first):
            before = len(this.versions)
            versions = this.add(page)
            idle = 0 if len(this.versions) > before else idle + 1
            if idle > MAX_PAGES:
                raise unfit(errors.NO_END)
            yield [order for version, order in zip(versions, page.orders, strict=True) if version not in known]
        if this.is_whole(former):
            if not this.versions and (hidden := max(this.totals, key=lambda total: total or 0) or 0) >= MIN_HIDDEN:
                raise unfit(errors.HIDDEN.format(total=hidden))
            return
        known |= this.versions
        former, first = this, None
    raise SourceUnavailable(
        f"The shop's orders changed faster than they could be read ({MAX_PASSES} passes). No order was kept, and "
        "nothing was sent. Run `conversions run` again when the shop is quieter."
    )


def _pages(fetch: Fetch, changed: Span, first: Page | None) -> Iterator[Page]:
    """Yield pages until the total is reached; without a total until a page is empty. Sites may cap ``per_page``.

    A page may be empty before the last one, where a site hides orders.
    """
    number, seen = 1, 0
    page = first or fetch(changed, 1)
    while page.orders or number < (page.pages or 0):
        yield page
        seen += len(page.orders)
        if seen > (MAX_UNCOUNTED if page.total is None else 2 * page.total + MAX_PAGES):
            raise unfit(errors.NO_END)
        if not page.has_next and page.total is not None and seen >= page.total:
            return
        number += 1
        page = fetch(changed, number)
    if number == 1 or page.total is not None:
        yield page


def _version(order: object, place: int) -> Version:
    if not isinstance(order, dict):
        return f"no order {place}", ""
    number = order.get("id")
    return number if isinstance(number, str) else f"no id {place}", str(order.get("date_modified_gmt"))
