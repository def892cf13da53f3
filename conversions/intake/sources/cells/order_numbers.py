"""Parses order numbers, which the store keeps and shows."""

import re

from conversions.intake.sources.cells.cells import CellError
from conversions.model.conversion import Reason
from conversions.model.subject import holds_address

ROUNDED = re.compile(r"[0-9][.,][0-9]{1,5}E\+[0-9]{2}")
"""How Excel shows a long number, ``5,00E+12``: many orders have the same text."""


def order_number(cell: str) -> str:
    """Return the order number. The store keeps and shows it, so an address in its place raises CellError."""
    number = cell.strip()
    if not number:
        raise CellError(Reason.NO_ORDER_NUMBER, "order_id")
    if len(number) > 100 or not number.isprintable() or holds_address(number) or ROUNDED.fullmatch(number):
        raise CellError(Reason.BAD_ORDER_NUMBER, "order_id")
    return number
