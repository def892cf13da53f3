"""What the cells of a column are: addresses, currencies, amounts, times, product IDs or words of a status."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cells import CellError
from conversions.intake.sources.cells.list_cells import is_nothing, split_list
from conversions.intake.sources.cells.order_numbers import ROUNDED
from conversions.intake.sources.cells.times import EXCEL_DAY, UNIX_TIME, Times
from conversions.intake.sources.unparsed import MAX_WORD_CHARACTERS
from conversions.model.conversion import PRODUCT_ID, Reason
from conversions.model.subject import holds_address
from conversions.settings.source_format import DateOrder, Format
from conversions.settings.values import is_currency

Cells = Sequence[str]
TIMES = frozenset({"purchased_at", "completed_at", "updated_at", "cancelled_at"})
MAX_STATUSES, MAX_CURRENCY_WORDS = 30, 5
_NUMBERS = frozenset({"amount", "refunded", "unit_prices", "quantities"})
_ADDRESS = re.compile(r"'?[^@\s]+@[^@\s]+\.[^@\s]+")
_DECIMALS = re.compile(r"[0-9][.,][0-9]")
_MAX_LETTERS = 4
_SEPARATORS = ("|", ",", ";")
_AMOUNT = Amounts(Format(), {})  # type: ignore[call-arg]
_TIMES = [Times(ZoneInfo("UTC"), order) for order in (None, "dmy", "mdy")]


def fits(field: str, cells: Cells) -> bool | None:
    """Return whether *cells*, none of them blank, may be those of our column *field*; None where there are none."""
    if not cells:
        return None
    if field in _NUMBERS:
        return _most(_is_amount, cells)
    if field in TIMES:
        return _most(_is_time, cells) or _most(EXCEL_DAY.fullmatch, cells) or _most(UNIX_TIME.fullmatch, cells)
    match field:
        case "email":
            return _most(_ADDRESS.fullmatch, cells, 0.5)
        case "currency":
            return _most(is_currency, cells) or _are_currency_words(cells)
        case "product_ids":
            return product_separator(cells) is not None
        case "status":
            return len(set(cells)) <= MAX_STATUSES and not any(map(_is_long, cells))
        case _:
            return not any(map(_is_long, cells)) and not any(map(ROUNDED.fullmatch, cells))


def proves(field: str, cells: Cells) -> bool:
    """Return whether *cells* alone, without a name, say that they are those of our column *field*."""
    match field:
        case "email":
            return fits(field, cells) is True
        case "currency":
            return bool(cells) and _most(is_currency, cells)
        case "purchased_at":
            return bool(cells) and _most(_is_time, cells)
        case "amount":
            return fits(field, cells) is True and any(map(_DECIMALS.search, cells))
        case _:
            return False


def product_separator(cells: Cells) -> str | None:
    """Return what separates the product IDs in *cells*; None where they are no product IDs, such as names."""
    return next((mark for mark in _SEPARATORS if _most(partial(_are_ids, mark), cells)), None)


def order_of_time(cell: str, order: DateOrder | None) -> bool:
    """Return whether *cell* is a time with that setting of ``dates``."""
    try:
        Times(ZoneInfo("UTC"), order)(cell, "")
    except CellError:
        return False
    return True


def is_blank(cell: str) -> bool:
    """Return whether *cell* says nothing."""
    return not cell.strip() or is_nothing(cell)


def _most(test: Callable[[str], object], cells: Cells, share: float = 0.9) -> bool:
    """Return whether *test* is true of that share of *cells*; it looks no further than that is open."""
    failures, most = 0, (1 - share) * len(cells)
    for cell in cells:
        failures += not test(cell)
        if failures > most:
            return False
    return True


def _are_currency_words(cells: Cells) -> bool:
    """Return whether *cells* are a few short words or signs, such as ``kr.``."""
    return len(set(cells)) <= MAX_CURRENCY_WORDS and all(len(cell) <= _MAX_LETTERS + 1 for cell in cells)


def _are_ids(separator: str, cell: str) -> bool:
    parts = split_list(cell, separator)
    return bool(parts) and all(map(PRODUCT_ID.fullmatch, parts))


def _is_amount(cell: str) -> bool:
    if sum(map(str.isalpha, cell)) > _MAX_LETTERS:
        return False
    try:
        _AMOUNT(cell, "", "")
    except CellError as error:
        return error.reason is Reason.AMBIGUOUS_AMOUNT
    return True


def _is_time(cell: str) -> bool:
    for parse in _TIMES:
        try:
            parse(cell, "")
        except CellError:
            continue
        return True
    return False


def _is_long(cell: str) -> bool:
    return len(cell) > MAX_WORD_CHARACTERS or holds_address(cell)
