"""Parses quantities and unit prices: lists in a cell, in the order of the product IDs. It never guesses or rounds."""

import re
from collections.abc import Sequence
from decimal import Decimal

from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cells import CellError
from conversions.intake.sources.cells.decimal_points import DIGITS_PER_GROUP, is_decimal_point
from conversions.model.conversion import MAX_QUANTITY, Money, Reason
from conversions.model.money import exponent, money

_QUANTITY = re.compile(r"[0-9]{1,9}(?:[.,]0+)?")
"""Databases and pandas write ``2.0`` where a column has decimals."""


class CartCells:
    """Which of the two columns are mapped, and how amounts are written."""

    def __init__(self, amount: Amounts, *, quantities: bool, unit_prices: bool) -> None:
        self._quantities, self._unit_prices = quantities, unit_prices
        self._amount = amount
        self.mapped = quantities or unit_prices

    def quantities(self, cells: Sequence[str], products: int) -> tuple[int, ...] | Reason | None:
        """Return one quantity for each of *products* lines, or why not; None where no column is mapped."""
        if not self._quantities:
            return None
        if len(cells) != products:
            return Reason.CART_COUNT
        parsed = tuple(_quantity(cell) for cell in cells)
        return parsed if all(1 <= quantity <= MAX_QUANTITY for quantity in parsed) else Reason.BAD_QUANTITY

    def unit_prices(self, cells: Sequence[str], products: int, currency: str) -> tuple[Decimal, ...] | Reason | None:
        """Return one price for each of *products* lines, or why not; None where no column is mapped."""
        if not self._unit_prices:
            return None
        if len(cells) != products:
            return Reason.CART_COUNT
        if self._amount.may_be_thousands and _ambiguous(cells, currency):
            return Reason.BAD_UNIT_PRICE
        prices = tuple(price for cell in cells if (price := self._price(cell, currency)) is not None)
        return prices if len(prices) == products else Reason.BAD_UNIT_PRICE

    def _price(self, cell: str, currency: str) -> Decimal | None:
        """Return the price, by the rules of amounts; None where it is none."""
        try:
            price = money(self._amount(cell, "unit_prices", currency), currency)
        except CellError:
            return None
        return price.amount if isinstance(price, Money) and price.minor >= 0 else None


def _quantity(cell: str) -> int:
    """Return the quantity; 0, which no line has, where the cell is no whole number or may be in thousands."""
    if _QUANTITY.fullmatch(cell) is None or is_decimal_point(cell) is False or cell[-4:-3] == ",":
        return 0
    return int(re.split("[.,]", cell)[0])


def _ambiguous(cells: Sequence[str], currency: str) -> bool:
    """Return whether ``1.200`` may be in thousands; a price of the same cell that shows decimals excludes it."""
    decimals = exponent(currency)
    if decimals is None or decimals >= DIGITS_PER_GROUP:
        return False
    shown = [is_decimal_point(cell) for cell in cells]
    return False in shown and True not in shown
