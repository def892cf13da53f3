from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.model.conversion import Money, Reason
from conversions.model.money import as_stated, exponent, money

CODES = st.sampled_from(["DKK", "EUR", "SEK", "USD", "JPY", "ISK", "KWD", "CLF"])
AMOUNTS = st.decimals(-(10**15) + 1, 10**15 - 1, allow_nan=False, places=6)


@pytest.mark.parametrize(
    ("code", "decimals"),
    [("DKK", 2), ("EUR", 2), ("HUF", 2), ("JPY", 0), ("ISK", 0), ("KWD", 3), ("TND", 3), ("CLF", 4), ("UYW", 4)],
)
def test_decimals_of_a_currency_are_those_of_iso_4217(code: str, decimals: int) -> None:
    assert exponent(code) == decimals


@pytest.mark.parametrize("code", ["", "dkk", "KR.", "DKK ", "XAU", "XXX", "XTS", "ZZZ", "208"])
def test_what_is_no_currency_with_a_minor_unit_is_unknown(code: str) -> None:
    assert exponent(code) is None
    assert money(Decimal(1), code) is Reason.UNKNOWN_CURRENCY


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("49.90", "DKK", 4990),
        ("49.9", "DKK", 4990),
        ("49", "DKK", 4900),
        ("0.01", "DKK", 1),
        ("-49.90", "DKK", -4990),
        ("49.900000", "DKK", 4990),
        ("1E+3", "DKK", 100000),
        ("1200.00", "JPY", 1200),
        ("1.234", "KWD", 1234),
        ("999999999999.99", "DKK", 99999999999999),
        ("99999999999.9999", "CLF", 999999999999999),
    ],
)
def test_money_is_in_the_units_of_its_currency_without_surplus_zeros(amount: str, currency: str, minor: int) -> None:
    assert money(Decimal(amount), currency) == Money(minor, currency, exponent(currency) or 0)


@pytest.mark.parametrize(
    ("amount", "currency"),
    [("49.905", "DKK"), ("0.001", "EUR"), ("100.5", "JPY"), ("1.2345", "KWD"), ("1." + "0" * 30 + "1", "DKK")],
)
def test_digits_beyond_the_currency_are_never_rounded_away(amount: str, currency: str) -> None:
    assert money(Decimal(amount), currency) is Reason.TOO_MANY_DECIMALS


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        *(("1000000000000", "DKK"), ("-1000000000000", "DKK"), ("1E+1000000", "JPY")),
        *(("100000000000", "CLF"), ("-100000000000", "CLF")),
    ],
)
def test_amounts_that_no_order_has_or_no_json_number_holds_are_too_large(amount: str, currency: str) -> None:
    assert money(Decimal(amount), currency) is Reason.AMOUNT_TOO_LARGE


@given(AMOUNTS, CODES, st.integers(0, 6))
def test_money_is_the_stated_amount_and_exact_as_a_json_number(amount: Decimal, code: str, places: int) -> None:
    amount = round(amount / 1000, places)

    paid = money(amount, code)

    assert isinstance(paid, Reason) or paid.amount == amount == Decimal(repr(float(paid.amount)))


@given(AMOUNTS, CODES)
def test_what_may_be_sent_is_accounted_for_alike(amount: Decimal, code: str) -> None:
    paid = money(amount, code)

    assert isinstance(paid, Reason) or as_stated(amount, code) == paid


@given(AMOUNTS, st.one_of(CODES, st.just("ZZZ")))
def test_accounting_fits_the_store_and_loses_nothing_below_a_trillion(amount: Decimal, code: str) -> None:
    stated = as_stated(amount, code)

    assert -(2**63) <= stated.minor < 2**63
    assert abs(stated.amount - amount) < Decimal("0.001")
    if abs(amount) < 10**12:
        assert stated.amount == amount
        assert stated.exponent >= (exponent(code) or 0)


@pytest.mark.parametrize(
    ("amount", "currency", "stated"),
    [
        ("49.90", "DKK", Money(4990, "DKK", 2)),
        ("49", "DKK", Money(4900, "DKK", 2)),
        ("49.905", "DKK", Money(49905, "DKK", 3)),
        ("0", "DKK", Money(0, "DKK", 2)),
        ("-0.125000", "EUR", Money(-125, "EUR", 3)),
        ("100.5", "JPY", Money(1005, "JPY", 1)),
        ("1000", "KR.", Money(1000, "KR.", 0)),
        ("49.90", "KR.", Money(499, "KR.", 1)),
    ],
)
def test_an_amount_that_does_not_fit_its_currency_is_accounted_for_as_stated(
    amount: str, currency: str, stated: Money
) -> None:
    assert as_stated(Decimal(amount), currency) == stated
