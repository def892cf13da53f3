"""JSON whose numbers stay the texts that the shop wrote: a float would change amounts."""

import json
from decimal import Decimal
from typing import Any

from conversions.intake.sources.cells.cells import NumberText

_EXACT_DIGITS = 15
"""Every decimal with so many digits survives a float. PHP with ``serialize_precision = 17`` writes 29.35 as
``29.350000000000001``; the shortest decimal of the same float is what it meant."""
_MAX_EXPONENT = 30


def parse(body: bytes) -> Any:
    """Parse *body*, with or without a byte order mark; bytes that are not UTF-8 become lone surrogates.

    Raises ValueError where it is not JSON.
    """
    text = body.decode("utf-8", "surrogateescape").removeprefix("\ufeff")
    try:
        return json.loads(text, parse_float=_float, parse_int=NumberText, parse_constant=NumberText)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _float(literal: str) -> NumberText:
    value = Decimal(literal)
    if abs(value.adjusted()) > _MAX_EXPONENT:
        return NumberText(literal)  # its zeros would fill the memory
    exact = value if len(value.as_tuple().digits) <= _EXACT_DIGITS else Decimal(repr(float(literal)))
    return NumberText(format(exact, "f"))
