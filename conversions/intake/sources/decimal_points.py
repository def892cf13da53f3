"""What the point of an amount stands before, where three digits are behind it: thousands or decimals.

``1.200`` is twelve hundred in one export and one and a fifth in another, and one number would be wrong by a thousand.
Only other cells of its column, or the operator, can settle that (issue 10, M3).
"""

from itertools import product

from conversions.intake.sources.cells import Typed
from conversions.model.money import exponent

AMOUNTS = ("amount", "refunded")
Points = tuple[bool | None, bool | None]
"""Of these two columns in one row, each as ``before_decimals``."""
SILENT: Points = (None, None)
GROUP = 3
"""Digits of a group of thousands."""

_ALL: list[Points] = [(paid, refunded) for paid, refunded in product((True, False, None), repeat=2)]
SETTLED = {points: tuple(field for field, one in zip(AMOUNTS, points, strict=True) if one) for points in _ALL}
"""The columns in which the row shows that there are decimals."""
DOUBTFUL = {points: tuple(field for field, one in zip(AMOUNTS, points, strict=True) if one is False) for points in _ALL}
"""The columns in which there may be thousands."""


def points(paid: str, refunded: str, currency: str) -> Points:
    """What both readable amounts of a row tell; nothing where *currency* has three decimals or more, or is unknown."""
    told = before_decimals(paid), before_decimals(refunded)
    if told == SILENT:
        return SILENT
    decimals = exponent(currency)
    return told if decimals is not None and decimals < GROUP else SILENT


def before_decimals(cell: str) -> bool | None:
    """Whether the point of a readable amount stands before decimals, where three digits are behind it; otherwise None.

    False: it may as well stand before thousands. Four digits in a row before it, or nothing but a 0, are no thousands:
    they settle it for their column. ``1200.00`` settles nothing, since a column in which amounts have two decimals has
    no place for ``1.200`` at all: there the way of writing has changed.
    """
    text = cell.strip()
    if text[-4:-3] != "." or isinstance(cell, Typed):
        return None
    whole = text[:-4].lstrip("+-")
    if len(whole) > GROUP or whole == "0":
        return True
    return None if whole.startswith("0") else False
