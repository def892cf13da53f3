"""WooCommerce's own tables as a source of orders; an order means what it means in the REST API."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from conversions.errors import SettingsError, SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import first_instant
from conversions.intake.sources.shop_api.rows import Rows
from conversions.intake.sources.sql.database import Database
from conversions.intake.sources.woocommerce.orders import Cells, shown_number, withheld_reason
from conversions.intake.sources.woocommerce_tables.objects import order_object
from conversions.intake.sources.woocommerce_tables.statements import COLUMNS, window_statement
from conversions.intake.sources.woocommerce_tables.storage import is_out_of_use, other_preset, require_tables
from conversions.model.conversion import Window
from conversions.settings import WooCommerceTables

_IDENTIFYING = ("id", "number", "date_created_gmt", "total")
"""Fields by which a later run recognises a broken order."""
_REFUSED = (
    "the login may lack SELECT on a table, or the server is older than MariaDB 10.5 and MySQL 8. "
    "`conversions source query` prints the query: try it in the database's own client to see why."
)
ROWS_PER_CHUNK = 1_000
"""Rows in one list; a row with its JSON is some times the size of another source's."""
_NEVER = datetime(9999, 1, 1)  # noqa: DTZ001 - the column is UTC without an offset
"""No order changed since then."""


class WooCommerceDatabase:
    """The orders of a shop's tables that changed since the window began.

    One statement reads all of them, so that the database shows one moment, and an order cannot move while it is read.
    As in the REST API, the run chooses the days by the orders' own dates.
    """

    def __init__(
        self, settings: WooCommerceTables, *, zone: ZoneInfo, resolve: Callable[[str], Path], key: bytes
    ) -> None:
        self._settings, self._zone = settings, zone
        self._database = Database(settings.url.get_secret_value(), resolve, not_run=_REFUSED, refused=_REFUSED)
        if self._database.backend not in {"mysql", "mariadb"}:
            raise SettingsError(
                f"source.preset reads MySQL or MariaDB, where WooCommerce keeps its orders, and source.url names "
                f"{self._database.backend}. Write source.url as mysql+pymysql://USER@HOST/DATABASE."
            )
        self._rows = Rows(settings, "WooCommerce", _IDENTIFYING, zone=zone, key=key)
        self._cells = Cells(settings)
        self.unparsed = self._rows.unparsed
        self.description = f"WooCommerce in the {self._database.name}"

    def check(self) -> None:
        """Run the query for no order. Raises SourceError where tables or a column are missing."""
        if not self._settings.view:
            require_tables(self._database, self._settings)
        for _ in self._read(_NEVER):
            pass

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield the orders that changed since *window* began.

        Raises SourceUnavailable where the database cannot be reached, SourceError where it refuses the query.
        """
        self._rows.start(window)
        self._cells = Cells(self._settings)
        for rows in self._read(first_instant(window.since, self._zone).replace(tzinfo=None)):
            yield [self._row(row) for row in rows]

    def skipped_files(self) -> list[str]:
        """Return an empty list: a database shows finished transactions only."""
        return []

    def refused_files(self) -> list[str]:
        """Return an empty list: there are no files."""
        return []

    @property
    def without_sku(self) -> int:
        """Lines of the last reading that were named by the product's number, because they have no SKU."""
        return self._cells.without_sku

    def is_out_of_use(self) -> bool:
        """Return whether new orders go into other tables; False where the login cannot see it."""
        return not self._settings.view and is_out_of_use(self._database, self._settings)

    @property
    def other_preset(self) -> str:
        """The preset for the other way of keeping orders."""
        return other_preset(self._settings)

    def _read(self, since: datetime) -> Iterator[Iterable[Mapping[str, Any]]]:
        with self._database.result(window_statement(self._settings), {"since": since}) as result:
            names = list(result.keys())
            if missing := [name for name in COLUMNS if name not in names]:
                raise SourceError(
                    f"The view {self._settings.view} has no column {', '.join(missing)}. Make it again with the output "
                    "of `conversions source query --view NAME`."
                )
            for rows in result.partitions(ROWS_PER_CHUNK):
                yield (dict(zip(names, row, strict=True)) for row in rows)

    def _row(self, row: Mapping[str, Any]) -> Order | RowRejected:
        try:
            order = order_object(row)
        except (ValueError, TypeError):
            return self._rows.row(None, self._cells, lambda _: None, shown_number)
        return self._rows.row(order, self._cells, partial(withheld_reason, settings=self._settings), shown_number)
