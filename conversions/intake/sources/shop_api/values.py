"""The values of a JSON object as cells; another type than a cell can have is refused with our column."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from conversions.intake.sources.cells.cells import CellError
from conversions.model.conversion import Reason
from conversions.model.money import exponent

SEPARATOR = "\n"
"""Between product IDs: an SKU cannot contain it."""
UNKNOWN = "?"
"""A quantity or a price that is not known; the cart of such an order is not used."""

Json = Mapping[str, Any]


def text(holder: Json, name: str, field: str) -> str:
    """Return a scalar as text, null and a missing one as empty. Raises CellError for anything else."""
    match holder.get(name):
        case None:
            return ""
        case str() as value:
            return value
        case _:
            raise CellError(Reason.WRONG_TYPE, field)


def unit_price(total: str, quantity: str, currency: str) -> str:
    """Return what one piece of a line cost, rounded to the minor unit; ``UNKNOWN`` where that cannot be told."""
    minor = exponent(currency.strip().upper())
    try:
        price = Decimal(total) / Decimal(quantity)
        return UNKNOWN if minor is None else format(price.quantize(Decimal(1).scaleb(-minor), ROUND_HALF_UP), "f")
    except ArithmeticError:
        return UNKNOWN
