"""Amounts as exports write them: each has one meaning, or is refused."""

import contextlib
from decimal import Decimal
from typing import Any

import pytest
from babel.numbers import format_currency, format_decimal
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conversions.intake.sources.cells.amounts import Amounts
from conversions.intake.sources.cells.cells import CellError, NumberText
from conversions.model.conversion import Reason
from conversions.settings.source_format import Format

LOCALES = {
    "da": (",", "."),
    "en": (".", ","),
    "sv": (",", " "),
    "nb": (",", " "),
    "de_CH": (".", "'"),
    "pl": (",", " "),
}
"""Decimal mark and thousands mark; Babel writes the last with NBSP, narrow NBSP or a curly apostrophe."""
MONEY = st.decimals(-(10**12) + 1, 10**12 - 1, places=2)


def amount(cell: str, currency: str = "DKK", aliases: dict[str, str] | None = None, **declared: Any) -> Decimal:
    return Amounts(Format(**declared), aliases or {})(cell, "amount", currency)


def refusal(cell: str, currency: str = "DKK", **declared: Any) -> Reason:
    with pytest.raises(CellError) as refused:
        amount(cell, currency, **declared)
    assert refused.value.field == "amount"
    return refused.value.reason


@settings(deadline=None)
@given(MONEY, st.sampled_from(sorted(LOCALES)))
@example(Decimal("-1234.50"), "sv")
@example(Decimal("1234567.00"), "de_CH")
def test_an_amount_of_any_locale_is_read_back_exactly_where_its_marks_are_declared(value: Decimal, name: str) -> None:
    decimal, thousands = LOCALES[name]
    declared: dict[str, Any] = {"decimal_mark": decimal, "thousands_mark": thousands}
    written = format_decimal(value, "#,##0.00", locale=name)

    assert amount(written, **declared) == value
    assert amount(format_decimal(value, "0.00", locale=name), **declared) == value
    assert amount(written) == value  # two decimals have one meaning
    assert amount(format_currency(value, "DKK", "¤ #,##0.00", locale=name)) == value
    assert amount(f"{written} DKK") == value


@settings(deadline=None)
@given(st.decimals(-(10**9), 10**9, places=3), st.sampled_from(sorted(LOCALES)))
def test_three_decimals_are_read_exactly_where_declared_and_never_wrong_elsewhere(value: Decimal, name: str) -> None:
    decimal, thousands = LOCALES[name]
    written = format_decimal(value, "#,##0.000", locale=name)

    assert amount(written, decimal_mark=decimal) == value
    assert amount(written, decimal_mark=decimal, thousands_mark=thousands) == value
    with contextlib.suppress(CellError):
        assert amount(written.replace(".", ",") if name == "de_CH" else written, decimals=3) == value


@settings(deadline=None)
@given(st.text("0123456789., '-+()krDK€\u00a0\u2212", max_size=12), st.sampled_from([None, ".", ","]))
@example("(1", None)
@example("1)", None)
def test_no_text_breaks_the_reading_and_its_digits_are_kept(text: str, mark: str | None) -> None:
    with contextlib.suppress(CellError):
        value = amount(text, decimal_mark=mark)
        digits = "".join(character for character in text if character in "0123456789")
        assert "".join(map(str, value.as_tuple().digits)).strip("0") == digits.strip("0")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        *(
            ("129,00", "129"),
            ("1.234,50", "1234.5"),
            ("1,234.50", "1234.5"),
            ("1 234,50", "1234.5"),
            ("129,5", "129.5"),
        ),
        *(("1\u00a0234,50", "1234.5"), ("1\u202f234", "1234"), ("1'234.50", "1234.5"), ("1’234", "1234")),
        *(("1.234.567", "1234567"), ("1,234,567.8", "1234567.8"), ("1234,567", "1234.567"), ("0,500", "0.5")),
        *(("kr. 1.234,50", "1234.5"), ("kr.129,00", "129"), ("DKK129.00", "129"), ("129,00 DKK", "129"), ("5kr", "5")),
        *(("129,-", "129"), ("kr. 129,-", "129"), ("129.- kr", "129"), ("dkk 5", "5")),
        *(("(129.00)", "-129"), ("129.00-", "-129"), ("\u2212129,00", "-129"), ("'-100.00", "-100"), ("'5", "5")),
        *(("kr -5", "-5"), ("-kr. 5", "-5"), ("- 5,00 kr.", "-5"), ("(kr. 5)", "-5"), ("129,00- DKK", "-129")),
        *(("+1,5", "1.5"), ("999.999.999.999,99", "999999999999.99"), ("129,350000000", "129.35")),
    ],
)
def test_a_cell_with_one_meaning_is_read_without_a_setting(cell: str, value: str) -> None:
    assert amount(cell) == Decimal(value)


@pytest.mark.parametrize(
    "cell", ["1,234", "999,000", "kr 1.234", "(1,234)", "1.200-", "1.234 DKK", "-12,345", "'1,234"]
)
def test_three_digits_behind_the_only_mark_are_never_guessed(cell: str) -> None:
    assert refusal(cell) is Reason.AMBIGUOUS_AMOUNT
    thousands = Decimal("".join(character for character in cell if character.isdecimal()))
    mark, other = (",", ".") if "," in cell else (".", ",")
    assert abs(amount(cell, decimal_mark=mark)) == abs(amount(cell, decimals=3)) == thousands / 1000
    assert abs(amount(cell, decimal_mark=other)) == abs(amount(cell, thousands_mark=mark)) == thousands


@pytest.mark.parametrize(
    "cell",
    [
        *("", "-", "()", "(", ".", ",", ".5", "5.", "kr", "kr.", "1.23.456", "1,23,456.00", "12,34,56", "1..2", "1,,2"),
        *("01.234.567", "1.2.3", "1 23", "1  234", "1.234'567", "1,234.567.890", "1e5", "1E+2", "NaN", "inf", "0x10"),
        *("=1+1", "5%", "5 stk", "5 kr 5", "--5", "(-5)", "-5-", "(5", "5)", "1_000", "٣", "１２", "½", "12\n13"),
        *(
            "1000000000000,00",
            "1.000.000.000.000",
            "1,1234567",
            "45 12 34 56",
            "20.11.2026",
            "2026-11-20",
            "5 DKK extra",
        ),
    ],
)
def test_what_has_no_meaning_is_refused(cell: str) -> None:
    assert refusal(cell) is Reason.BAD_AMOUNT


@pytest.mark.parametrize(
    ("cell", "declared"),
    [
        ("129.00", {"decimal_mark": ","}),
        ("129,00", {"decimal_mark": "."}),
        ("1,234.50", {"decimal_mark": ","}),
        ("129.00", {"thousands_mark": "."}),
        ("1'234", {"thousands_mark": " "}),
        ("1.234,50", {"decimal_mark": ",", "thousands_mark": "'"}),
    ],
)
def test_declared_marks_are_strict(cell: str, declared: dict[str, str]) -> None:
    assert refusal(cell, **declared) is Reason.BAD_AMOUNT


def test_a_number_by_its_type_has_a_point_whatever_the_texts_have() -> None:
    assert amount(NumberText("1.234"), decimal_mark=",", thousands_mark=".") == Decimal("1.234")
    assert amount(NumberText("129.5"), thousands_mark=".") == Decimal("129.5")


@pytest.mark.parametrize(
    ("cell", "currency"),
    [
        ("€12", "DKK"),
        ("12 €", "DKK"),
        ("5 SEK", "DKK"),
        ("$5", "EUR"),
        ("kr 5", "EUR"),
        ("US$ 5", "DKK"),
        ("5 NOK", "EUR"),
    ],
)
def test_a_sign_or_code_of_another_currency_is_an_error_of_the_cell(cell: str, currency: str) -> None:
    assert refusal(cell, currency) is Reason.OTHER_CURRENCY


@pytest.mark.parametrize(
    ("cell", "currency"),
    [
        *(
            ("kr 5", "SEK"),
            ("kr. 5", "NOK"),
            ("5 kr", "ISK"),
            ("€5", "EUR"),
            ("£5", "GBP"),
            ("5 zł", "PLN"),
            ("5 Kč", "CZK"),
        ),
        *(
            ("5 Ft", "HUF"),
            ("$5", "USD"),
            ("US$5", "USD"),
            ("$5", "CAD"),
            ("¥5", "JPY"),
            ("CHF 5", "CHF"),
            ("5 RON", "RON"),
        ),
    ],
)
def test_signs_are_those_of_the_countries_that_use_them(cell: str, currency: str) -> None:
    assert amount(cell, currency) == 5


def test_the_shops_own_word_for_a_currency_counts_beside_an_amount_too() -> None:
    assert amount("Fr. 5", "CHF", {"fr.": "CHF"}) == 5
    with pytest.raises(CellError):
        amount("kr 5", "SEK", {"kr": "DKK"})


def test_an_unknown_currency_is_the_orders_fault_not_the_amounts() -> None:
    assert amount("kr 5", "XYZ") == 5


@pytest.mark.parametrize(
    ("cell", "currency", "value"),
    [
        ("19900", "DKK", "199"),
        ("-19900", "DKK", "-199"),
        ("19900", "JPY", "19900"),
        ("19900", "KWD", "19.9"),
        ("5 kr", "DKK", "0.05"),
    ],
)
def test_minor_units_are_counted_in_the_currencys_own(cell: str, currency: str, value: str) -> None:
    assert amount(cell, currency, minor_units=True) == Decimal(value)
    assert amount(
        NumberText(f"{cell}.00") if cell.lstrip("-").isdecimal() else cell, currency, minor_units=True
    ) == Decimal(value)


@pytest.mark.parametrize("cell", ["199.00", "199,00", "19.900", "19,900", "19 900", "199.5"])
def test_a_mark_among_minor_units_is_an_error_of_the_cell(cell: str) -> None:
    assert refusal(cell, minor_units=True) is Reason.BAD_AMOUNT
    assert amount("19.900", minor_units=True, thousands_mark=".") == 199


@pytest.mark.parametrize(
    "value", [0.1 + 0.2, 1.1 * 3, 129.95 * 3, sum([0.1] * 10_000), 0.1 + 0.2 - 0.3, 4.35 * 100, -0.1 - 0.2]
)
def test_the_tail_of_a_calculated_float_is_noise(value: float) -> None:
    assert amount(repr(value)) == round(Decimal(value), 2)
    assert amount(repr(value).replace(".", ",")) == round(Decimal(value), 2) if "e" not in repr(value) else True


@pytest.mark.parametrize(
    "cell",
    [
        "29.35000001",
        "0.3000000004",
        "12345678.12345678",
        "123456789.1200501",
        "1.1234567",
        "123456789012.1234567",
        "1e-07",
        "0.00000001",
    ],
)
def test_a_digit_that_may_be_meant_is_never_rounded_away(cell: str) -> None:
    assert refusal(cell) is Reason.BAD_AMOUNT


def test_noise_needs_a_currency_with_known_decimals() -> None:
    assert amount("1999.9999999999998", "JPY") == 2000
    assert refusal("0.30000000000000004", "XYZ") is Reason.BAD_AMOUNT


@pytest.mark.parametrize(
    "declared",
    [
        {"decimal_mark": ",", "thousands_mark": ","},
        {"minor_units": True, "decimal_mark": "."},
        {"minor_units": True, "decimals": 3},
    ],
)
def test_settings_that_contradict_each_other_are_refused(declared: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"same mark|without decimals"):
        Format(**declared)
