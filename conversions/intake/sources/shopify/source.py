"""A Shopify shop as a source of orders."""

import time
from collections.abc import Callable, Generator, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from conversions import catalogue
from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import first_instant
from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shop_api.rows import Rows, renewal_reason
from conversions.intake.sources.shop_api.values import Json
from conversions.intake.sources.shopify import bulk, errors, export_file, queries
from conversions.intake.sources.shopify.client import Client
from conversions.intake.sources.shopify.orders import Cells, is_renewal, is_without_lines, shown_number
from conversions.intake.sources.shopify.paging import changed_orders, changed_since, with_all_lines
from conversions.model.conversion import Reason, Window
from conversions.observe.progress import SILENT, Progress
from conversions.settings import ShopifySource
from conversions.transport.route import Route

HORIZON = timedelta(days=60)
"""Orders that were created earlier are absent unless the app has the scope read_all_orders."""
ALL_ORDERS = "read_all_orders"
MIN_ORDERS = 10
"""So many orders, none with an address, say that the app may read none; fewer may all be sales at a till."""
SEARCH_LAG = timedelta(minutes=5)
"""A change may be found by a search so much later."""
_DAY = timedelta(days=1)
_IDENTIFYING = ("id", "legacyResourceId", "name", "createdAt")
"""Fields by which a later run recognises a broken order."""


class Shopify:
    """The orders of a shop that changed since the window began.

    The API has no filter for the day of payment. Every order of the window changed after the window began; the run
    chooses the days by the orders' own dates.
    """

    def __init__(  # noqa: PLR0913 - what sources of every kind need
        self,
        settings: ShopifySource,
        *,
        zone: ZoneInfo,
        clock: Callable[[], datetime],
        key: bytes,
        route: Route,
        progress: Progress = SILENT,
    ) -> None:
        self._settings = settings
        self._zone, self._clock = zone, clock
        self._rows = Rows(settings, "Shopify", _IDENTIFYING, zone=zone, key=key)
        self.client = Client(settings, route, clock, sleep=time.sleep)
        self.unparsed = self._rows.unparsed
        self._progress = progress
        self._cells = Cells(settings)
        self.orders_without_address = 0
        """Orders of the last reading, if none of them shows an e-mail address; otherwise 0."""
        self.description = f"the Shopify shop {settings.shop}"

    def check(self) -> None:
        """Read one page. Raises SettingsError without credentials, SourceError where the shop gives no orders."""
        next(changed_orders(self.client.orders, self._clock() - _DAY))

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield the orders that changed since *window* began, a page at a time.

        An order that changes during the reading may be in it twice. Raises SourceUnavailable where a page cannot be
        read now, SourceError where the shop gives no orders, or shows none of a part of the window, or no address:
        half a window is never a whole one.
        """
        self._rows.start(window)
        self._cells = Cells(self._settings)
        since = first_instant(window.since, self._zone)
        if since < self._clock() - HORIZON - _DAY and self.is_limited():
            raise self._beyond_horizon(window)
        orders = addresses = 0
        for nodes in changed_orders(self.client.orders, since, self._exported):
            whole = [order for node in nodes if (order := with_all_lines(self.client.lines, node)) is not None]
            orders += len(whole)
            addresses += sum(isinstance(order, dict) and bool(order.get("email")) for order in whole)
            yield [self._row(order) for order in whole]
        self.orders_without_address = 0 if addresses else orders
        if self.orders_without_address >= MIN_ORDERS:
            raise Failure(errors.NO_ADDRESSES.format(orders=orders)).error(self._settings.shop)

    def skipped_files(self) -> list[str]:
        """Return an empty list: the API shows finished changes only."""
        return []

    def refused_files(self) -> list[str]:
        """Return an empty list: there are no files."""
        return []

    @property
    def without_sku(self) -> int:
        """Lines of the last reading that were named by the product's number, because they have no SKU."""
        return self._cells.without_sku

    @property
    def api_version(self) -> str:
        """The version of the API that is asked for."""
        return self._settings.api_version

    def is_limited(self) -> bool:
        """Return whether the app sees the orders of the last 60 days only. Raises SourceError without an answer."""
        return ALL_ORDERS not in self.client.scopes()

    def _exported(self, since: datetime) -> Generator[list[Any], None, bool]:
        """Yield the orders that changed since then from a bulk operation, where they are many; return whether all.

        The operation takes its time, and an order may change meanwhile: such orders are read again, page by page.
        """
        if not bulk.is_worthwhile(self.client.ask, changed_since(since)):
            return False
        export = self._export(since)
        if isinstance(export, bulk.Export):
            failure = yield from export_file.orders(export, partial(self.client.block, export.url or ""))
            if failure is None:
                yield from changed_orders(self.client.orders, export.created_at - SEARCH_LAG)
                return True
            export = failure
        structlog.get_logger().warning(f"The shop {self._settings.shop} {export.sentence} Pages are read in its place.")
        return False

    def _export(self, since: datetime) -> bulk.Export | Failure:
        """Return the finished bulk operation; say meanwhile what the run waits for, and until when."""
        begun = bulk.begin(self.client.ask, queries.bulk(self._settings, changed_since(since)))
        if isinstance(begun, Failure):
            return begun
        until = (self._clock() + timedelta(seconds=bulk.MAX_WAIT_SECONDS)).astimezone(self._zone)
        sentence = catalogue.text("waits", "bulk").format(
            shop=self._settings.shop, until=f"{until:%H:%M:%S} ({self._zone.key})"
        )
        with self._progress.wait(sentence, bulk.MAX_WAIT_SECONDS):
            return bulk.wait_for(self.client.ask, begun, time.sleep)

    def _row(self, order: Any) -> Order | RowRejected:
        return self._rows.row(order, self._cells, self._reason, shown_number)

    def _reason(self, order: Json) -> Reason | None:
        if order.get("test") is True:
            return Reason.TEST_ORDER
        if order.get("cancelledAt"):
            return Reason.CANCELLED
        if is_renewal(order) and (renewal := renewal_reason(self._settings)):
            return renewal
        return Reason.NO_LINES if is_without_lines(order) else None

    def _beyond_horizon(self, window: Window) -> SourceError:
        first = (self._clock() - HORIZON).astimezone(self._zone).date() + _DAY
        return SourceError(
            f"The window begins on {window.since}, and the shop {self._settings.shop} shows this app orders of the "
            "last 60 days only: older ones are missing without an error. No order was kept, and nothing was sent. "
            f"Request the scope {ALL_ORDERS} for the app in the Dev Dashboard, or run with --since {first} or later."
        )
