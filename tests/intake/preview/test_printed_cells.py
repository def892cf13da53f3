"""Which cells of the shop a preview prints: words of the shop, and none that may be a person."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.intake.preview.amount_shape import AmountShape
from conversions.intake.preview.printed_cells import (
    Words,
    is_currency,
    is_name,
    printed_amount,
    printed_number,
    printed_product,
)


def words(*cells: str) -> dict[str | None, int]:
    column = Words("status", "completed".__eq__)
    for cell in cells:
        column.add(cell)
    return dict(column.counts())


def test_a_word_is_printed_where_several_orders_have_it_and_there_are_few() -> None:
    assert words("completed", "sendt", "sendt") == {"completed": 1, "sendt": 2}
    assert words("completed", "sendt", "sendt", "Ida", "Bo") == {"completed": 1, "sendt": 2, None: 2}
    assert words(*"aabbccddeeff", "completed") == {None: 12, "completed": 1}
    assert words("", "", "20304050", "20304050") == {"": 2, None: 2}


@given(st.lists(st.emails() | st.from_regex(r"[0-9]{8,12}", fullmatch=True), max_size=20))
def test_an_address_or_a_long_number_is_never_printed(cells: list[str]) -> None:
    assert set(words(*cells, *cells)) <= {None}


def test_words_beyond_the_limit_are_counted_as_one() -> None:
    column = Words("status", is_currency)
    for n in range(5_000):
        column.add(f"word {n}")
    assert dict(column.counts()) == {None: 5_000}


@pytest.mark.parametrize(
    "product_id", ["SKU-1", "007", "1e5", "22", "4006381333931", "gid://shopify/Product/12345", "TEA"]
)
def test_an_id_is_printed(product_id: str) -> None:
    assert printed_product(product_id) == product_id


@pytest.mark.parametrize(
    "product_id",
    [
        "20304050",
        "+4520304050",
        "4520304050",
        "004520304050",
        "010190-1234",
        "Ida",
        "Ida Jensen",
        "Anne-Marie",
        "a@b.example",
    ],
)
def test_what_may_be_a_person_is_not_printed_as_a_product(product_id: str) -> None:
    assert printed_product(product_id) is None


@pytest.mark.parametrize(
    "number", [None, "Ida Jensen", "+45 20 30 40 50", "ida.1@kunde.example", "ida.1%40kunde.example"]
)
def test_what_may_be_a_person_is_not_printed_as_an_order_number(number: str | None) -> None:
    assert printed_number(number) is None
    assert printed_number("#1001-DK") == "#1001-DK"


def test_an_amount_has_its_currencys_decimals_and_is_no_telephone_number() -> None:
    assert str(printed_amount(Decimal("376.990000"), "DKK")) == "376.99"
    assert str(printed_amount(Decimal("376.991"), "DKK")) == "376.991"
    assert printed_amount(Decimal(20304050), "DKK") is None
    assert printed_amount(Decimal(20304050), "JPY") == 20304050


@pytest.mark.parametrize(
    ("amounts", "asked"),
    [
        (["12900", "4500", "100000"], True),
        (["12999", "14950", "99995"], True),
        (["129.00", "45.00", "1000.00"], False),
        (["12900.50", "14950", "99995"], False),
        (["12900", "12900"], False),
    ],
)
def test_large_whole_amounts_may_be_minor_units(amounts: list[str], asked: bool) -> None:
    shape = AmountShape()
    for amount in amounts:
        shape.add(Decimal(amount))
    assert shape.may_be_minor_units("DKK") is asked
    assert not shape.may_be_minor_units("JPY")


def test_a_name_has_spaces_or_is_long() -> None:
    assert [is_name(text) for text in ("SKU-1", "Blue cup", "x" * 41)] == [False, True, True]
