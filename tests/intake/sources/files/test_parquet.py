"""Parquet: typed cells are read as the text that they mean."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.model.conversion import Reason
from tests.intake.sources.shop import ALL, MAPPED, ROW, SETTLED, files, orders, parquet_file, read, rejected, written


def rows_of(path: Path, mapped: dict[str, str] = MAPPED, **columns: Any) -> list[Order | RowRejected]:
    """One column of values, or a ready Arrow array, in place of the usual text."""
    size = max(len(column) for column in columns.values())
    table = {name: [text] * size for name, text in ROW.items()} | columns
    parquet.write_table(pa.table(table), path)
    return read(files(written(path, path.read_bytes()), kind="parquet", mapped=mapped))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.parquet"


def amounts(rows: list[Order | RowRejected]) -> list[Decimal]:
    return [order.amount for order in orders(rows)]


def test_decimals_never_pass_through_binary(path: Path) -> None:
    values = [Decimal("29.35000000"), Decimal("999999999999.990000")]

    assert amounts(rows_of(path, Total=pa.array(values, pa.decimal128(26, 8)))) == values


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_a_float_is_the_shortest_decimal_that_it_stands_for(path: Path, kind: Any) -> None:
    read = rows_of(path, Total=pa.array([29.35, 100.0, 0.5, None, float("nan")], kind))

    assert amounts(read) == [Decimal("29.35"), Decimal(100), Decimal("0.5")]
    assert [row.reason for row in rejected(read)] == [Reason.BAD_AMOUNT] * 2


def test_an_amount_that_was_calculated_in_floats_is_the_one_that_was_meant(path: Path) -> None:
    (order,) = orders(rows_of(path, Total=pa.array([0.1 + 0.2])))

    assert order.amount == Decimal("0.3")


def test_a_float_with_a_digit_that_may_be_meant_is_rejected_not_rounded(path: Path) -> None:
    assert [row.field for row in rejected(rows_of(path, Total=pa.array([29.35000001])))] == ["amount"]


def test_order_numbers_that_pandas_made_floats_of_are_whole_again(tmp_path: Path) -> None:
    frame = pd.DataFrame([{**ROW, "Order": 1001}, {**ROW, "Order": None}])
    frame.to_parquet(tmp_path / "orders.parquet")
    written(tmp_path / "orders.parquet", (tmp_path / "orders.parquet").read_bytes(), SETTLED)

    rows = read(files(tmp_path / "orders.parquet", kind="parquet"))

    assert [order.number for order in orders(rows)] == ["1001"]
    assert rejected(rows) == [RowRejected("orders.parquet row 2", Reason.NO_ORDER_NUMBER, None, "order_id")]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "+01:00", "America/New_York", "No/Where"])
def test_a_timestamp_with_a_zone_is_that_instant(path: Path, unit: str, zone: str) -> None:
    instant = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    column = (
        pa.array([instant], pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, "UTC")).cast(pa.timestamp(unit, zone))
    )

    assert [order.purchased_at for order in orders(rows_of(path, Paid=column))] == [instant]


def test_a_timestamp_without_zone_is_in_the_shops(path: Path) -> None:
    (order,) = orders(rows_of(path, Paid=pa.array([datetime(2026, 11, 20, 13, 30)], pa.timestamp("ms"))))

    assert order.purchased_at == datetime(2026, 11, 20, 12, 30, tzinfo=UTC)


def test_a_date_is_that_day(path: Path) -> None:
    (order,) = orders(rows_of(path, Paid=pa.array([date(2026, 11, 20)])))

    assert (order.purchase_day, order.ends_day) == (date(2026, 11, 20), True)


@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("us")])
def test_a_date_that_python_cannot_hold_spoils_its_own_row_only(path: Path, kind: Any) -> None:
    rows = rows_of(path, Paid=pa.array([0, 2**62, -(2**62)], pa.int64()).cast(kind))

    assert len(orders(rows)) == 1
    assert [row.reason for row in rejected(rows)] == [Reason.BAD_DATE] * 2


def test_a_list_of_product_ids_is_a_list(path: Path) -> None:
    rows = rows_of(path, Products=pa.array([["CD-1", "BOOK-7"], [], None]))

    assert [order.product_ids for order in orders(rows)] == [("CD-1", "BOOK-7"), (), ()]
    assert [o.product_ids for o in orders(rows_of(path, Products=pa.array([[7, 8]])))] == [("7", "8")]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_text_is_text_however_it_is_kept(path: Path, kind: Any) -> None:
    rows = rows_of(path, Status=pa.array(["completed", "open", None]).cast(kind))

    assert [order.completed for order in orders(rows)] == [True, False, False]


def test_bytes_that_are_not_utf_8_spoil_their_own_row_only(tmp_path: Path) -> None:
    path = parquet_file(tmp_path / "a.parquet", [ROW, ROW | {"Order": "\udcff"}, ROW])

    rows = read(files(path, kind="parquet"))

    assert len(orders(rows)) == 2
    assert rejected(rows) == [RowRejected("a.parquet row 2", Reason.NOT_TEXT, None, "order_id")]


def test_missing_cells_of_optional_columns_are_empty(path: Path) -> None:
    nothing = {name: pa.array([None], pa.string()) for name in ALL.values() if name not in ROW}

    (order,) = orders(rows_of(path, ALL, **nothing))

    assert (order.refunded, order.window_day) == (Decimal(0), order.purchase_day)


def test_rows_are_numbered_across_row_groups_from_1(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({name: [text] * 7 for name, text in (ROW | {"Order": ""}).items()})
    parquet.write_table(table, path, row_group_size=3)

    rows = rejected(read(files(written(path, path.read_bytes()), kind="parquet")))

    assert [row.place for row in rows] == [f"a.parquet row {row}" for row in range(1, 8)]


def test_only_mapped_columns_are_read(path: Path) -> None:
    unreadable = pa.array([{"a": 1}])

    assert len(orders(rows_of(path, Note=unreadable, **{"Total.extra": pa.array(["x"])}))) == 1


def test_a_column_may_have_a_dot_in_its_name(path: Path) -> None:
    assert len(orders(rows_of(path, MAPPED | {"order_id": "o.id"}, **{"o.id": pa.array(["1"])}))) == 1


def test_a_header_that_lacks_columns_is_one_sentence(path: Path) -> None:
    parquet.write_table(pa.table({"Order": ["1"]}), path)

    with pytest.raises(SourceError, match=r'^orders.parquet has no column "E-mail" \(source.columns.email\), "Total"'):
        files(written(path, path.read_bytes()), kind="parquet").check()


@pytest.mark.parametrize("content", [b"PAR1", b"Order,E-mail\n", b"\0" * 100])
def test_a_file_that_is_not_parquet_is_named(path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"^orders.parquet is empty or not a complete Parquet file"):
        files(written(path, content), kind="parquet").check()


def test_a_damaged_file_is_named(path: Path) -> None:
    numbers = [f"{number:032x}" for number in range(3_000)]
    table = pa.table({name: [text] * 3_000 for name, text in ROW.items()} | {"Order": numbers})
    parquet.write_table(table, path, compression="zstd", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[200:2_000] = bytes(1_800)

    with pytest.raises(SourceError, match=r"^orders.parquet is damaged; export it again.$"):
        read(files(written(path, bytes(content)), kind="parquet"))


def test_a_name_with_dots_leads_into_structures(path: Path) -> None:
    billing = pa.array([{"contact": {"email": "ida@example.org"}, "country": "DK"}, None, {"contact": None}])
    found = orders(rows_of(path, MAPPED | {"email": "billing.contact.email"}, billing=billing))

    assert [order.email for order in found] == ["ida@example.org", "", ""]


def test_a_column_of_that_very_name_comes_before_a_structure(path: Path) -> None:
    columns = {"billing": pa.array([{"email": "no@example.org"}]), "billing.email": pa.array(["ida@example.org"])}

    assert orders(rows_of(path, MAPPED | {"email": "billing.email"}, **columns))[0].email == "ida@example.org"


@pytest.mark.parametrize(
    ("column", "name", "words"),
    [
        (pa.array([{"sku": "A", "name": "Rød kjole"}]), "Products", 'such as "Products.sku"'),
        (pa.array([{"sku": {"id": "A"}}]), "Products.sku", 'such as "Products.sku.id"'),
        (pa.array([[{"sku": "A"}]]), "Products", "lists of structures"),
        (pa.array([[("A", 1)]], pa.map_(pa.string(), pa.int64())), "Products", "lists of structures"),
        (pa.array([[["A"]]]), "Products", "lists of structures"),
    ],
)
def test_structures_are_refused_with_what_to_map(path: Path, column: Any, name: str, words: str) -> None:
    with pytest.raises(SourceError, match=re.escape(words)):
        rows_of(path, MAPPED | {"product_ids": name}, Products=column)


@pytest.mark.parametrize("name", ["billing.mail", "billing.email.x", "invoice.email", "billing."])
def test_a_field_that_is_not_there_is_a_missing_column(path: Path, name: str) -> None:
    with pytest.raises(SourceError, match=rf'no column "{name}"'):
        rows_of(path, MAPPED | {"email": name}, billing=pa.array([{"email": "ida@example.org"}]))


@pytest.mark.parametrize("folders", [["Status=completed"], ["Status=completed", "Status=on%20hold"]])
def test_the_folders_of_partitions_are_columns(tmp_path: Path, folders: list[str]) -> None:
    without = {name: value for name, value in ROW.items() if name != "Status"}
    for number, folder in enumerate(folders):
        (tmp_path / folder).mkdir()
        parquet_file(tmp_path / folder / "part-0.parquet", [without | {"Order": str(number)}])

    found = orders(read(files(tmp_path / "*" / "*.parquet", kind="parquet")))

    assert [order.status for order in found] == [unquote(folder.partition("=")[2]) for folder in folders]
