"""Quantities and unit prices as shops keep them: lists in a cell, one value for each product ID."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from conversions.intake.order import Cart
from conversions.model.conversion import MAX_QUANTITY, Reason
from tests.intake.sources.shop import ALL, MAPPED, ROW, files, kept_in, orders, read, written
from tests.intake.sources.test_mapping import order

CART = {"quantities": "Pieces", "unit_prices": "Prices"}
BOTH = ALL | CART


def cart(products: str = "CD-1|BOOK-7", quantities: str = "2|1", prices: str = "100.00|49.90", **cells: str) -> Cart:
    settings: dict[str, Any] = {"format": {"decimals": 3}} if cells.pop("decimals", "") else {}
    found = order(BOTH, settings, product_ids=products, quantities=quantities, unit_prices=prices, **cells).cart
    assert found is not None
    return found


def test_each_product_has_its_quantity_and_price_in_the_order_of_the_cell() -> None:
    assert cart() == Cart(("CD-1", "BOOK-7"), (2, 1), (Decimal(100), Decimal("49.9")))
    assert cart(" CD-1 | BOOK-7 ", " 2 | 1 ", " 100 | 49.9000 ") == cart()


def test_a_product_may_have_several_lines_and_is_known_once() -> None:
    found = order(BOTH, product_ids="A|B|A", quantities="1|2|3", unit_prices="1|2|3")
    assert found.product_ids == ("A", "B")
    assert found.cart == Cart(("A", "B", "A"), (1, 2, 3), (Decimal(1), Decimal(2), Decimal(3)))


def test_only_mapped_columns_are_read() -> None:
    assert order(ALL).cart is None
    assert order(ALL | {"quantities": "Pieces"}, quantities="2|1").cart == Cart(("CD-1", "BOOK-7"), (2, 1), None)
    prices = order(ALL | {"unit_prices": "Prices"}, unit_prices="2|1").cart
    assert prices == Cart(("CD-1", "BOOK-7"), None, (Decimal(2), Decimal(1)))


@pytest.mark.parametrize("cell", ["", "2", "2|1|1", "2|", "|1"])
def test_another_number_of_values_than_of_products_is_a_reason(cell: str) -> None:
    assert cart(quantities=cell).quantities == Reason.CART_COUNT
    assert cart(prices=cell).unit_prices == Reason.CART_COUNT


@pytest.mark.parametrize(
    "cell",
    ["0", "-1", "1.5", "1,5", "2,000", "two", "1e3", "20304050", str(MAX_QUANTITY + 1), "1.000", "٣", "+1", "0x1"],
)
def test_a_quantity_is_a_whole_number_of_pieces(cell: str) -> None:
    assert cart(quantities=f"1|{cell}").quantities == Reason.BAD_QUANTITY


@pytest.mark.parametrize(
    ("cell", "quantity"), [("1", 1), ("2.0", 2), ("2.00", 2), ("2,0", 2), (str(MAX_QUANTITY), MAX_QUANTITY)]
)
def test_a_quantity_may_end_in_zeros(cell: str, quantity: int) -> None:
    assert cart(quantities=f"1|{cell}").quantities == (1, quantity)


@pytest.mark.parametrize("cell", ["-1.00", "49,9,0", "1,234", "€49", "49.901", "NaN", "Infinity", "1e2", "1" * 13])
def test_a_price_follows_the_rules_of_amounts(cell: str) -> None:
    assert cart(prices=f"100.00|{cell}").unit_prices == Reason.BAD_UNIT_PRICE


def test_a_gift_costs_nothing() -> None:
    assert cart(prices="100.00|0").unit_prices == (Decimal(100), Decimal(0))


def test_three_digits_behind_a_point_need_proof() -> None:
    assert cart(prices="1.200|2.000").unit_prices == Reason.BAD_UNIT_PRICE
    assert cart(prices="1.200|2.000", decimals="3").unit_prices == (Decimal("1.2"), Decimal(2))
    assert cart(prices="1.200|0.500").unit_prices == (Decimal("1.2"), Decimal("0.5"))
    assert cart(prices="1.200|2.000", currency="KWD").unit_prices == (Decimal("1.2"), Decimal(2))


def test_a_price_needs_the_order_s_currency() -> None:
    assert cart(currency="KRONER").unit_prices == Reason.BAD_UNIT_PRICE
    assert cart(prices="100|50.5", currency="JPY").unit_prices == Reason.BAD_UNIT_PRICE


@pytest.mark.parametrize("kind", ["csv", "parquet", "sql"])
def test_every_source_reads_the_same_cart(kind: str, tmp_path: Path) -> None:
    rows = [ROW | {"Pieces": "2|1", "Prices": "100.00|49.90"}]
    (found,) = orders(read(kept_in(kind, tmp_path, rows, MAPPED | CART)))
    assert found.cart == cart()


@pytest.mark.parametrize("kind", ["parquet", "sql"])
def test_one_product_may_have_numbers(kind: str, tmp_path: Path) -> None:
    rows = [ROW | {"Products": "CD-1", "Pieces": 2, "Prices": 49.9}]
    (found,) = orders(read(kept_in(kind, tmp_path, rows, MAPPED | CART)))
    assert found.cart == Cart(("CD-1",), (2,), (Decimal("49.9"),))


@pytest.mark.parametrize(
    ("pieces", "prices"),
    [
        (pa.array([[2, 1]]), pa.array([[100.0, 49.9]])),
        (pa.array([[2.0, 1.0]]), pa.array([[Decimal("100.000"), Decimal("49.900")]])),
        (pa.array([["2", "1"]]), pa.array([["100.00", "49.90"]])),
    ],
)
def test_lists_of_parquet_are_lists_and_numbers_by_their_type(tmp_path: Path, pieces: Any, prices: Any) -> None:
    path = tmp_path / "orders.parquet"
    row = {name: pa.array([text]) for name, text in ROW.items()} | {"Products": pa.array([["CD-1", "BOOK-7"]])}
    parquet.write_table(pa.table(row | {"Pieces": pieces, "Prices": prices}), path)
    (found,) = orders(read(files(written(path, path.read_bytes()), kind="parquet", mapped=MAPPED | CART)))
    assert found.cart == cart()


def test_what_cannot_be_used_is_named_after_a_reading(tmp_path: Path) -> None:
    rows = [ROW | {"Pieces": "2,5|1", "Prices": "100,00|49,9,0"}] * 2
    source = kept_in("csv", tmp_path, rows, MAPPED | CART)
    read(source)
    assert source.unparsed.words("quantities") == "`2,5|1`"
    assert source.unparsed.words("unit_prices") == "`100,00|49,9,0`"
