"""A number as a person or a platform's report writes it: ``1,234.50``, ``1.234,50``, ``1 234``, ``DKK 1,234.50``."""

import re
from decimal import Decimal

_AROUND = re.compile(r"^[^\d,.-]*[^\d-]*(?=-?\d)|(?<=\d)[^\d]+$")
"""A currency before or after the digits."""
_PLAIN = re.compile(r"-?\d+(?:[.,]\d+)?")
_GROUPED = re.compile(r"-?[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})*(?:(?!\1)[.,]\d+)?")
MAX_LENGTH = 40


def number(text: str) -> Decimal | None:
    """Return the number that *text* means; None where it means none.

    One mark with three digits behind it separates thousands: reports have two decimals, or none.
    """
    bare = _AROUND.sub("", re.sub(r"[\s'\u2019]", "", text.replace("\u2212", "-")))
    if len(bare) > MAX_LENGTH or not bare.isascii():
        return None
    if grouped := _GROUPED.fullmatch(bare):
        return Decimal(bare.replace(grouped[1], "").replace(",", "."))
    return Decimal(bare.replace(",", ".")) if _PLAIN.fullmatch(bare) else None
