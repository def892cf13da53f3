"""The order objects of a shop system as rows of a source."""

from collections.abc import Callable, Collection
from typing import Any
from zoneinfo import ZoneInfo

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import CellError
from conversions.intake.sources.cells.order_numbers import order_number
from conversions.intake.sources.fields import FIELDS
from conversions.intake.sources.mapping import ColumnMap
from conversions.intake.sources.shop_api.values import SEPARATOR, Json
from conversions.model.conversion import Reason, Window
from conversions.settings import ShopifySource, SourceBase, WooCommerceMeaning

ShopSystemSource = WooCommerceMeaning | ShopifySource
Cells = Callable[[Json], dict[str, str]]
"""Returns an order's cells by our column. Raises CellError where a value has a type that cannot be read."""
Judge = Callable[[Json], Reason | None]
"""Returns why a finished sale is none to report, or None."""


class Rows:
    """Turns order objects into orders, or into the reason why one cannot be read."""

    def __init__(
        self, settings: ShopSystemSource, place: str, identifying: Collection[str], *, zone: ZoneInfo, key: bytes
    ) -> None:
        """*place* is the shop system's name, for messages; a later run knows a broken order by *identifying* fields."""
        self._columns = ColumnMap(_mapped(settings), zone, key, mapped=False)
        self._key, self._place = settings.columns.order_id, place
        self._identifying = identifying
        self.unparsed = self._columns.unparsed
        self._rows = 0

    def start(self, window: Window) -> None:
        """Begin a reading of *window*."""
        self.unparsed.reset(window)
        self._rows = 0

    def row(self, order: Any, cells: Cells, judge: Judge, shown: Callable[[Json], str]) -> Order | RowRejected:
        """Return the next row; *shown* returns the number that people see."""
        self._rows += 1
        if not isinstance(order, dict):
            return RowRejected(f"{self._place} row {self._rows}", Reason.WRONG_TYPE)
        try:
            texts = cells(order)
        except CellError as error:
            return self._malformed(error, order)
        row = self._columns.order([texts.get(name, "") for name in FIELDS], self._place, self._rows, (0, self._rows))
        if isinstance(row, RowRejected):
            return row
        reason, number = judge(order) if row.completed else None, _shown(shown(order))
        beside = number if number != row.number else None
        return row._replace(withheld=reason, shown_number=beside) if reason or beside else row

    def _malformed(self, error: CellError, order: Json) -> RowRejected:
        """Return the rejection of an order with a value of a wrong type."""
        texts = [order[name] for name in self._identifying if isinstance(order.get(name), str)]
        number = order.get(self._key)
        place = f"{self._place} row {self._rows}"
        return self._columns.rejections.of_value(error, number if isinstance(number, str) else "", texts, place)


def renewal_reason(settings: ShopSystemSource) -> Reason | None:
    """Return why a renewal of a subscription is not sent; None: it is."""
    match settings.renewals:
        case "send":
            return None
        case "withhold":
            return Reason.RENEWAL
        case None:
            return Reason.RENEWAL_UNDECIDED


def _shown(number: str) -> str | None:
    """Return the number that people see, which the store keeps as well; None where it is none."""
    try:
        return order_number(number)
    except CellError:
        return None


def _mapped(settings: ShopSystemSource) -> SourceBase:
    """Return the settings as those of a source with columns. Shop systems write decimals with a point, always."""
    common = settings.model_dump(include=set(SourceBase.model_fields) - {"columns"})
    return SourceBase.model_validate(
        {**common, "columns": settings.columns, "format": {"decimal_mark": "."}, "product_separator": SEPARATOR}
    )
