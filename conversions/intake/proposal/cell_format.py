"""How amounts and dates are written, where cells prove it; what could be read in two ways is left to a person."""

import re
from collections.abc import Iterable
from operator import gt
from typing import Literal

from conversions.intake.proposal.cell_kinds import Cells, order_of_time
from conversions.model.money import exponent
from conversions.settings.source_format import DateOrder
from conversions.settings.values import is_currency

Open = Literal["ambiguous", "contradictory"]
"""Every cell has two meanings; or some cells prove one thing and others another."""

_GROUPS = r"[0-9]{1,3}(?:[. ']?[0-9]{3})*"
_COMMA = re.compile(rf"(?:\D*{_GROUPS},(?:[0-9]{{1,2}}|[0-9]{{4,6}}|-)|\D*[0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}})\D*")
_POINT = re.compile(
    r"(?:\D*[0-9]{1,3}(?:[, ']?[0-9]{3})*\.(?:[0-9]{1,2}|[0-9]{4,6}|-)|\D*[0-9]{1,3}(?:,[0-9]{3}){2,})\D*"
)
_EITHER = re.compile(r"\D*[1-9][0-9]{0,2}[.,][0-9]{3}\D*")
_CODE, _CODE_IN_NAME = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])"), re.compile(r"[(,\[] ?([A-Z]{3})[)\]]?$")
_FEW_ROWS, _LARGE = 3, 1_000
_ORDERS: tuple[DateOrder | None, ...] = (None, "dmy", "mdy", "excel", "unix")


def decimal_mark(cells: Iterable[str]) -> Literal[".", ","] | Open | None:
    """Return the mark before decimals that *cells* prove; None where no cell needs one. Typed numbers have none."""
    texts = [cell for cell in cells if type(cell) is str]
    comma, point = any(map(_COMMA.fullmatch, texts)), any(map(_POINT.fullmatch, texts))
    if comma and point:
        return "contradictory"
    if comma or point:
        return "," if comma else "."
    return "ambiguous" if any(map(_EITHER.fullmatch, texts)) else None


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
