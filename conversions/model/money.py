"""Money in the units of its currency, either exact or refused: no amount is ever rounded."""

from decimal import Decimal
from functools import cache, lru_cache

from conversions.model.conversion import Money, Reason, unit

AMOUNT_LIMIT = Decimal(10**12)
"""In currency units; orders of web shops stay far below it, values of a wrong column may not."""
MINOR_UNITS_LIMIT = 10**15
"""In minor units; every smaller amount is exact as a JSON number, because a double keeps 15 digits (IEEE 754)."""
MAX_STORED_DIGITS = 18
"""The decimal digits that fit a 64-bit integer of the store."""


@lru_cache(maxsize=1_024)
def exponent(code: str) -> int | None:
    """Return the decimals of the currency by ISO 4217; None where it is unknown or has no minor unit (gold, XXX)."""
    return _exponents().get(code)


def money(amount: Decimal, currency: str) -> Money | Reason:
    """Return *amount* (finite, in currency units) as money that may be sent; its value is exact as a float.

    Zeros beyond the currency's decimals are dropped; other surplus digits give a reason for a person.
    """
    decimals = exponent(currency)
    if decimals is None:
        return Reason.UNKNOWN_CURRENCY
    if amount.copy_abs() >= AMOUNT_LIMIT:
        return Reason.AMOUNT_TOO_LARGE
    minor = int(amount.scaleb(decimals))
    if minor * unit(decimals) != amount:
        return Reason.TOO_MANY_DECIMALS
    return Money(minor, currency, decimals) if abs(minor) < MINOR_UNITS_LIMIT else Reason.AMOUNT_TOO_LARGE


def as_stated(amount: Decimal, currency: str) -> Money:
    """Return *amount* (finite, in currency units) for the balance, even if it has too many decimals for its currency.

    The exponent is the larger of the currency's decimals and the amount's decimals. From a trillion upwards, decimals
    that do not fit a 64-bit integer are cut off.
    """
    stated = amount.normalize()
    decimals = max(exponent(currency) or 0, -int(stated.as_tuple().exponent))
    decimals = min(decimals, MAX_STORED_DIGITS - 1 - stated.adjusted())
    return Money(int(amount.scaleb(decimals)), currency, decimals)


@cache
def _exponents() -> dict[str, int]:
    from iso4217 import Currency

    return {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
