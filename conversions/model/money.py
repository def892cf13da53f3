"""Money in the units of its currency, exact or refused: nothing is ever rounded (design 5.12)."""

from decimal import Decimal
from functools import cache, lru_cache

from conversions.model.conversion import Money, Reason, unit

TOO_LARGE = Decimal(10**12)
"""In currency units; no order of a web shop is near it, a misread column is."""
INEXACT = 10**15
"""In minor units; below it every amount survives as a JSON number, since a double keeps 15 digits (IEEE 754)."""
STORED_DIGITS = 18
"""So many decimal digits fit the store's 64-bit integers."""


@lru_cache(maxsize=1_024)
def exponent(code: str) -> int | None:
    """How many decimals the currency has by ISO 4217; None where it is unknown or has no minor unit (gold, XXX)."""
    return _exponents().get(code)


def money(amount: Decimal, currency: str) -> Money | Reason:
    """*amount* (finite, in currency units) as it may be sent; its value is exact as a float.

    Zeros beyond the currency's decimals are dropped, other surplus digits are a reason to ask a person.
    """
    decimals = exponent(currency)
    if decimals is None:
        return Reason.UNKNOWN_CURRENCY
    if amount.copy_abs() >= TOO_LARGE:
        return Reason.AMOUNT_TOO_LARGE
    minor = int(amount.scaleb(decimals))
    if minor * unit(decimals) != amount:
        return Reason.TOO_MANY_DECIMALS
    return Money(minor, currency, decimals) if abs(minor) < INEXACT else Reason.AMOUNT_TOO_LARGE


def as_stated(amount: Decimal, currency: str) -> Money:
    """*amount* (finite, in currency units) for accounting, also where it does not fit its currency.

    The exponent is the currency's, or as many decimals as the amount has if those are more. From a trillion upwards
    decimals that a 64-bit integer cannot hold beside the rest are cut off.
    """
    stated = amount.normalize()
    decimals = max(exponent(currency) or 0, -int(stated.as_tuple().exponent))
    decimals = min(decimals, STORED_DIGITS - 1 - stated.adjusted())
    return Money(int(amount.scaleb(decimals)), currency, decimals)


@cache
def _exponents() -> dict[str, int]:
    from iso4217 import Currency

    return {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
