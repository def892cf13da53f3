"""The format of one table: as declared, or stricter where the table's cells contradict the settings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zoneinfo import ZoneInfo

from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cart_cells import CartCells
from conversions.intake.sources.cells.times import Times
from conversions.intake.sources.fields import FIELDS
from conversions.settings import SourceBase

_TIMES = tuple(map(FIELDS.index, ("purchased_at", "completed_at", "updated_at")))


class Contradictions(NamedTuple):
    """Whether dates, and marks in amounts, contradict the declared format: another export may have another one."""

    dates: bool = False
    marks: bool = False


class TableFormat:
    """Parses times, amounts and carts of the present table."""

    def __init__(self, settings: SourceBase, zone: ZoneInfo, aliases: Mapping[str, str]) -> None:
        """*aliases* are the shop's words for currencies, in lower case."""
        columns, form = settings.columns, settings.format
        self._times = [Times(zone, form.dates, mixed=mixed) for mixed in (False, True)]
        self._amounts = [Amounts(form, aliases, mixed=mixed) for mixed in (False, True)]
        lines = {"quantities": columns.quantities is not None, "unit_prices": columns.unit_prices is not None}
        self._carts = [CartCells(amount, **lines) for amount in self._amounts]
        sums = form.items_amount == "sum" and all(lines.values())
        self._amount_fields = tuple(map(FIELDS.index, ("unit_prices" if sums else "amount", "refunded")))
        self.is_checked = bool(
            form.dates in {"dmy", "mdy"}
            or form.decimal_mark
            or form.thousands_mark
            or (form.minor_units and form.items_amount == "sum")
        )
        """Whether cells of a table can contradict the settings."""
        self.begin_table(Contradictions())

    def contradictions(self, rows: Iterable[Sequence[str]]) -> Contradictions:
        """Return what in *rows* shows that they are written in another way than the settings say."""
        of_time, of_amount = self._times[False].contradicts, self._amounts[False].contradicts
        dates = marks = False
        for cells in rows:
            dates = dates or any(cells[at] and of_time(cells[at]) for at in _TIMES)
            marks = marks or any(cells[at] and of_amount(cells[at]) for at in self._amount_fields)
        return Contradictions(dates, marks)

    def begin_table(self, contradictions: Contradictions) -> None:
        """Read the next rows by the declared format; where cells contradict it, only what has one meaning."""
        dates, marks = contradictions
        self.time, self.amount, self.cart = self._times[dates], self._amounts[marks], self._carts[marks]
