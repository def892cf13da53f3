"""How amounts and dates are written, where cells prove it; what could be read in two ways is left to a person."""

import re
from collections.abc import Iterable
from typing import Literal

from conversions.intake.proposal.cell_kinds import Cells, order_of_time
from conversions.settings.source_format import DateOrder

Open = Literal["ambiguous", "contradictory"]
"""Every cell has two meanings; or some cells prove one thing and others another."""

_GROUPS = r"[0-9]{1,3}(?:[. ']?[0-9]{3})*"
_COMMA = re.compile(rf"(?:\D*{_GROUPS},(?:[0-9]{{1,2}}|[0-9]{{4,6}}|-)|\D*[0-9]{{1,3}}(?:\.[0-9]{{3}}){{2,}})\D*")
_POINT = re.compile(
    r"(?:\D*[0-9]{1,3}(?:[, ']?[0-9]{3})*\.(?:[0-9]{1,2}|[0-9]{4,6}|-)|\D*[0-9]{1,3}(?:,[0-9]{3}){2,})\D*"
)
_EITHER = re.compile(r"\D*[1-9][0-9]{0,2}[.,][0-9]{3}\D*")
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
    read = {order: sum(order_of_time(cell, order) for cell in cells) for order in _ORDERS}
    most = max(read.values())
    if read[None] == most:
        return None
    if read["dmy"] == read["mdy"] == most:
        return "ambiguous"
    best = max(_ORDERS, key=lambda order: read[order])
    others = {"dmy": "mdy", "mdy": "dmy"}
    if best in others and most < len(cells) and read[others[best]] > read[None]:  # type: ignore[index]
        return best if _nearly(most, len(cells)) else "contradictory"
    return best


def _nearly(count: int, of: int) -> bool:
    return count >= 0.98 * of
