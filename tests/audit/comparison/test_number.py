"""Numbers of platforms' reports, in every notation that their languages give them."""

from decimal import Decimal

import pytest

from conversions.audit.comparison.number import number


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("1234", "1234"),
        ("1,234.00", "1234.00"),
        ("1.234,00", "1234.00"),
        ("1 234,50", "1234.50"),
        ("1\u202f234\u00a0567", "1234567"),
        ("12,345,678", "12345678"),
        ("1.234", "1234"),
        ("0.125", "0.125"),
        ("612.5", "612.5"),
        ("612,49", "612.49"),
        ("DKK 1,234.50", "1234.50"),
        ("kr. 1.234,50", "1234.50"),
        ("1.234,50 kr.", "1234.50"),
        ("kr 50", "50"),
        ("\u22123.00", "-3.00"),
        ("0", "0"),
    ],
)
def test_a_number_is_read(text: str, read: str) -> None:
    assert number(text) == Decimal(read)


@pytest.mark.parametrize(
    "text", ["", "--", "n/a", "1,23,456", "1.2.3", "1e9", "12%of5", "1234,567,8", "٣٤", "9" * 50, "NaN", "Infinity"]
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert number(text) is None
