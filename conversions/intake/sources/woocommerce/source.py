"""A WooCommerce shop as a source of orders."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells import CellError, first_instant
from conversions.intake.sources.mapping import FIELDS, ColumnMap
from conversions.intake.sources.woocommerce.client import Client
from conversions.intake.sources.woocommerce.orders import (
    SEPARATOR,
    Cells,
    is_renewal,
    is_unpaid,
    is_without_lines,
    shown_number,
)
from conversions.intake.sources.woocommerce.paging import changed_orders
from conversions.model.conversion import Reason, Window
from conversions.settings import SourceBase, WooCommerceSource
from conversions.transport.route import Route

_PLACE = "WooCommerce"
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
        self._columns = ColumnMap(_mapped(settings), zone, key, mapped=False)
        self.client = Client(settings, route, sleep=time.sleep)
        self.unparsed = self._columns.unparsed
        self._cells = Cells(settings)
        self._rows = 0
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
        self.unparsed.reset(window)
        self._cells, self._rows = Cells(self._settings), 0
        since = first_instant(window.since, self._zone).replace(tzinfo=None)
        for orders in changed_orders(self.client.page, since, self._now()):
            yield [self._row(order) for order in orders]

    def skipped_files(self) -> list[str]:
        """Return an empty list: the API shows finished changes only."""
        return []

    @property
    def without_sku(self) -> int:
        """Lines of the last reading that were named by the product's number, because they have no SKU."""
        return self._cells.without_sku

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(tzinfo=None, microsecond=0)

    def _row(self, order: Any) -> Order | RowRejected:
        self._rows += 1
        if not isinstance(order, dict):
            return RowRejected(f"{_PLACE} row {self._rows}", Reason.WRONG_TYPE)
        try:
            cells = self._cells(order)
        except CellError as error:
            texts = [order[name] for name in _IDENTIFYING if isinstance(order.get(name), str)]
            number = order.get(self._settings.order_key)
            place = f"{_PLACE} row {self._rows}"
            return self._columns.malformed(error, number if isinstance(number, str) else "", texts, place)
        row = self._columns.order([cells.get(field, "") for field in FIELDS], _PLACE, self._rows, (0, self._rows))
        return row if isinstance(row, RowRejected) else self._judged(row, order)

    def _judged(self, row: Order, order: dict[str, Any]) -> Order:
        """Return the order with its shown number, and with the reason why it is no sale to report."""
        shown = shown_number(order)
        if shown == row.number or self._settings.order_key == "number":
            shown = ""
        reason = self._reason(order) if row.completed else None
        return row._replace(withheld=reason, shown_number=shown or None) if shown or reason else row

    def _reason(self, order: dict[str, Any]) -> Reason | None:
        if self._settings.renewals != "send" and is_renewal(order):
            return Reason.RENEWAL if self._settings.renewals else Reason.RENEWAL_UNDECIDED
        if is_without_lines(order):
            return Reason.NO_LINES
        return Reason.NOT_PAID if self._settings.unpaid == "withhold" and is_unpaid(order) else None


def _mapped(settings: WooCommerceSource) -> SourceBase:
    """Return the settings as those of a source with columns. WooCommerce writes decimals with a point, always."""
    common = settings.model_dump(include=set(SourceBase.model_fields) - {"columns"})
    return SourceBase.model_validate(
        {**common, "columns": settings.columns, "format": {"decimals": 3}, "product_separator": SEPARATOR}
    )
