"""Decides whether a point before three digits is a decimal point or a thousands separator.

``1.200`` is twelve hundred in one export and one and a fifth in another; a wrong guess is wrong by a factor of 1,000.
Only other cells of the same column, or the operator, can decide it (issue 10, M3).
"""

from itertools import product

from conversions.intake.sources.cells.cells import NumberText
from conversions.model.money import exponent

AMOUNTS = ("amount", "refunded")
DecimalEvidence = tuple[bool | None, bool | None]
"""``is_decimal_point`` of these two columns in one row."""
UNKNOWN: DecimalEvidence = (None, None)
DIGITS_PER_GROUP = 3
"""Digits between two thousands separators."""

_ALL: list[DecimalEvidence] = [(paid, refunded) for paid, refunded in product((True, False, None), repeat=2)]


def _columns(row: DecimalEvidence, *, decimals: bool) -> tuple[str, ...]:
    return tuple(field for field, is_decimal in zip(AMOUNTS, row, strict=True) if is_decimal is decimals)


DECIMAL_COLUMNS = {row: _columns(row, decimals=True) for row in _ALL}
"""The columns in which the row shows that there are decimals."""
AMBIGUOUS_COLUMNS = {row: _columns(row, decimals=False) for row in _ALL}
"""The columns in which there may be thousands."""


def decimal_evidence(paid: str, refunded: str, currency: str) -> DecimalEvidence:
    """Return what a row proves about each amount column; ``UNKNOWN`` where 3 decimals are possible."""
    row = is_decimal_point(paid), is_decimal_point(refunded)
    if row == UNKNOWN:
        return UNKNOWN
    decimals = exponent(currency)
    return row if decimals is not None and decimals < DIGITS_PER_GROUP else UNKNOWN


def is_decimal_point(cell: str) -> bool | None:
    """Return True for a decimal point before three digits, False where it may separate thousands, otherwise None.

    Four digits in a row before the point, or a single 0, exclude thousands; that decides the whole column. ``1200.00``
    decides nothing: a column with two decimals cannot contain ``1.200`` unless the way of writing has changed.
    """
    text = cell.strip()
    if text[-4:-3] != "." or isinstance(cell, NumberText):
        return None
    whole = text[:-4].lstrip("+-")
    if not whole.isdecimal():
        return None  # other marks or signs: ``amounts`` decides by the cell alone
    if len(whole) > DIGITS_PER_GROUP or whole == "0":
        return True
    return None if whole.startswith("0") else False
