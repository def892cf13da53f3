"""How amounts and dates are written, where cells prove it; what could be read in two ways is left to a person."""

import re
from collections.abc import Iterable
from decimal import Decimal
from operator import gt
from typing import Literal

from conversions.intake.proposal.cell_kinds import Cells, order_of_time
from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cells import CellError
from conversions.model.money import exponent
from conversions.settings.source_format import DateOrder, Format
from conversions.settings.values import is_currency

Open = Literal["ambiguous", "contradictory"]
"""Every cell has two meanings; or some cells prove one thing and others another."""

_CODE, _CODE_IN_NAME = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])"), re.compile(r"[(,\[] ?([A-Z]{3})[)\]]?$")
_FEW_ROWS, _LARGE = 3, 1_000
_AMOUNTS: dict[str, Amounts] = {
    ".": Amounts(Format(decimal_mark="."), {}),  # type: ignore[call-arg]
    ",": Amounts(Format(decimal_mark=","), {}),  # type: ignore[call-arg]
}
_ORDERS: tuple[DateOrder | None, ...] = (None, "dmy", "mdy", "excel", "unix")


def decimal_mark(cells: Iterable[str]) -> Literal[".", ","] | Open | None:
    """Return the mark before decimals that *cells* prove; None where no cell needs one. Typed numbers have none."""
    read = [(_amount(cell, "."), _amount(cell, ",")) for cell in cells if type(cell) is str]
    point = any(with_comma is None for with_point, with_comma in read if with_point is not None)
    comma = any(with_point is None for with_point, with_comma in read if with_comma is not None)
    if comma and point:
        return "contradictory"
    if comma or point:
        return "," if comma else "."
    return "ambiguous" if any(with_point != with_comma for with_point, with_comma in read) else None


def date_order(columns: Iterable[Cells]) -> DateOrder | Open | None:
    """Return the setting ``dates`` with which most cells of all *columns* are times; None where none is needed."""
    cells = [cell for column in columns for cell in column]
    read = {order: [order_of_time(cell, order) for cell in cells] for order in _ORDERS}
    best = max(_ORDERS, key=lambda order: sum(read[order]))
    if best not in {"dmy", "mdy"}:
        return best
    day_first, month_first = any(map(gt, read["dmy"], read["mdy"])), any(map(gt, read["mdy"], read["dmy"]))
    if day_first and month_first:
        return "contradictory"
    return best if day_first or month_first else "ambiguous"


def counts_minor_units(cells: Cells, currency: str | None) -> bool:
    """Return whether *cells* may be amounts in the smallest unit: all are whole and large, in a currency with cents."""
    numbers = [int(cell) for cell in cells if cell.isdecimal()]
    cents = currency is None or exponent(currency) == 2
    return cents and len(cells) >= _FEW_ROWS and len(numbers) == len(cells) and min(numbers) >= _LARGE


def stated_currency(name: str, cells: Cells) -> str | None:
    """Return the ISO code that the name of the amounts' column states, or that stands beside every amount."""
    in_name = _CODE_IN_NAME.search(name)
    codes = {in_name[1]} if in_name else {code[0] if code else "" for code in map(_CODE.search, cells)}
    return codes.pop() if len(codes) == 1 and all(map(is_currency, codes)) else None


def _amount(cell: str, mark: str) -> Decimal | None:
    """Return the amount where *mark* stands before decimals; None where *cell* is none then."""
    try:
        return _AMOUNTS[mark](cell, "", "")
    except CellError:
        return None
