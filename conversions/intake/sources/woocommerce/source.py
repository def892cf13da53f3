"""A WooCommerce shop as a source of orders."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import first_instant
from conversions.intake.sources.shop_api.rows import Rows
from conversions.intake.sources.woocommerce.client import Client
from conversions.intake.sources.woocommerce.orders import Cells, shown_number, withheld_reason
from conversions.intake.sources.woocommerce.paging import changed_orders
from conversions.model.conversion import Window
from conversions.settings import WooCommerceSource
from conversions.transport.route import Route

_IDENTIFYING = ("id", "number", "date_created_gmt", "total")
"""Fields by which a later run recognises a broken order."""


class WooCommerce:
    """The orders of a shop that changed since the window began.

    The API has no filter for the day of payment or completion. Every order of the window changed after the window
    began; the run chooses the days by the orders' own dates.
    """

    def __init__(
        self, settings: WooCommerceSource, *, zone: ZoneInfo, clock: Callable[[], datetime], key: bytes, route: Route
    ) -> None:
        self._settings = settings
        self._zone, self._clock = zone, clock
        self._rows = Rows(settings, "WooCommerce", _IDENTIFYING, zone=zone, key=key)
        self.client = Client(settings, route, sleep=time.sleep)
        self.unparsed = self._rows.unparsed
        self._cells = Cells(settings)
        self.description = f"the WooCommerce shop {settings.url}"

    def check(self) -> None:
        """Read one page. Raises SettingsError without a key, SourceError where the shop gives no orders."""
        now = self._now()
        self.client.page((now - timedelta(days=1), now), 1)

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield the orders that changed since *window* began, a page at a time.

        An order that changes during the reading may be in it twice. Raises SourceUnavailable where a page cannot be
        read now, SourceError where the shop gives no orders: half a window is never a whole one.
        """
        self._rows.start(window)
        self._cells = Cells(self._settings)
        since = first_instant(window.since, self._zone).replace(tzinfo=None)
        for orders in changed_orders(self.client.page, since, self._now()):
            yield [self._row(order) for order in orders]

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

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def _row(self, order: Any) -> Order | RowRejected:
        return self._rows.row(order, self._cells, partial(withheld_reason, settings=self._settings), shown_number)
