"""``layout = "items"``: a row is one line of an order, and an order is whole or refused."""

import csv
import io
import tracemalloc
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.files import items
from conversions.model.conversion import Reason
from tests.intake.sources.shop import (
    ADDRESS,
    MAPPED,
    WINDOW,
    csv_text,
    files,
    orders,
    packed,
    read,
    rejected,
    workbook,
    written,
)

LINES = {"quantities": "Pieces", "unit_prices": "Price"}
COLUMNS = MAPPED | {"completed_at": "Completed", "refunded": "Refunded"} | LINES
ONCE = [name for field, name in COLUMNS.items() if field not in {"order_id", "product_ids", *LINES}]
Row = dict[str, str]


def row(number: str = "1001", **changes: str) -> Row:
    """A line of an order, with everything that the order says once."""
    return {
        "Order": number,
        "E-mail": ADDRESS,
        "Total": "249.90",
        "Currency": "DKK",
        "Products": "CD-1",
        "Paid": "2026-11-20T13:30:00+01:00",
        "Status": "completed",
        "Completed": "",
        "Refunded": "",
        "Pieces": "1",
        "Price": "249.90",
    } | changes


def blank(number: str = "", **changes: str) -> Row:
    """A further line, which says nothing of the order again."""
    return row(number, **dict.fromkeys(ONCE, "")) | changes


def rows_of(folder: Path, rows: Sequence[Row] | str, mapped: Row = COLUMNS, **form: Any) -> list[Order | RowRejected]:
    text = rows if isinstance(rows, str) else csv_text(rows)
    return read(files(written(folder / "items.csv", text), mapped=mapped, format={"layout": "items", **form}))


def told(rows: Sequence[Order | RowRejected]) -> list[tuple[str, Reason, str | None, str | None]]:
    return [(one.place.removeprefix("items.csv "), one.reason, one.order_no, one.field) for one in rejected(rows)]


@pytest.mark.parametrize(
    "further", [blank(Products="BOOK-7"), blank("1001", Products="BOOK-7"), row(Products="BOOK-7")]
)
def test_further_rows_are_lines_whether_they_repeat_the_order_or_not(tmp_path: Path, further: Row) -> None:
    (order,) = orders(rows_of(tmp_path, [row(), further]))

    assert (order.number, order.email, order.amount) == ("1001", ADDRESS, Decimal("249.90"))
    assert order.product_ids == ("CD-1", "BOOK-7")
    assert order.cart is not None
    assert (order.cart.quantities, order.cart.unit_prices) == ((1, 1), (Decimal("249.90"), Decimal("249.90")))


def test_what_an_order_says_is_in_any_of_its_rows_and_never_in_another_orders(tmp_path: Path) -> None:
    first, second = rows_of(
        tmp_path, [blank("1"), row("1", Total=""), blank(Total="5.00"), blank("2", Paid="2026-11-20")]
    )

    assert isinstance(first, Order)
    assert (first.email, first.amount) == (ADDRESS, Decimal("5.00"))
    assert isinstance(second, RowRejected)
    assert (second.order_no, second.reason, second.field) == ("2", Reason.BAD_AMOUNT, "amount")


@pytest.mark.parametrize(
    ("column", "field", "other"),
    [
        ("Total", "amount", "10.00"),
        ("E-mail", "email", "else@example.org"),
        ("Paid", "purchased_at", "2026-11-19"),
        ("Currency", "currency", "SEK"),
        ("Status", "status", "refunded"),
        ("Refunded", "refunded", "1.00"),
    ],
)
def test_an_order_that_contradicts_itself_is_refused_with_its_column(
    tmp_path: Path, column: str, field: str, other: str
) -> None:
    rows = rows_of(tmp_path, [row("1"), row("2", Refunded="2.00"), blank(**{column: other}), row("3")])

    assert [order.number for order in orders(rows)] == ["1", "3"]
    assert told(rows) == [("row 3", Reason.LINES_DISAGREE, "2", field)]
    assert "example.org" not in repr(rows)


def test_several_lines_of_one_product_stay_lines(tmp_path: Path) -> None:
    (order,) = orders(rows_of(tmp_path, [row(Pieces="2"), blank(Pieces="3"), blank(Products="007", Pieces="1")]))

    assert order.product_ids == ("CD-1", "007")
    assert order.cart is not None
    assert (order.cart.product_ids, order.cart.quantities) == (("CD-1", "CD-1", "007"), (2, 3, 1))


def test_a_row_without_product_cells_is_no_line(tmp_path: Path) -> None:
    (order,) = orders(rows_of(tmp_path, [row(), blank(Products=" ", Pieces="", Price=""), blank(Products="B")]))

    assert order.product_ids == ("CD-1", "B")
    assert order.cart is not None
    assert order.cart.quantities == (1, 1)


def test_rows_without_anything_are_nothing(tmp_path: Path) -> None:
    nothing = ",".join([""] * len(COLUMNS))

    rows = rows_of(tmp_path, f"{csv_text([row()])}{nothing}\n{nothing}\n")

    assert [order.product_ids for order in orders(rows)] == [("CD-1",)]
    assert rejected(rows) == []


def test_a_line_without_an_id_leaves_no_cart_but_the_order(tmp_path: Path) -> None:
    (order,) = orders(rows_of(tmp_path, [row(), blank(Products="", Price="49.00")]))

    assert order.product_ids == ("CD-1",)
    assert order.cart is not None
    assert (order.cart.quantities, order.cart.unit_prices) == (Reason.CART_COUNT, Reason.CART_COUNT)


@pytest.mark.parametrize("cell", ["A|B", "A‖B"])
def test_a_cell_is_one_product(tmp_path: Path, cell: str) -> None:
    (order,) = orders(rows_of(tmp_path, [row(Products=cell)]))

    assert len(order.product_ids) == 1


SUMS = [
    ([row(Pieces="2", Price="100.50"), blank(Pieces="1", Price="49")], "250.00"),
    ([row(Pieces="1.5", Price="100.00"), blank(Products="", Pieces="1", Price="29.00")], "179.00"),
    ([row(Pieces="2", Price="100.00"), blank(Pieces="-1", Price="100.00")], "100.00"),
    ([row(Pieces="1", Price="100.00"), blank(Products="", Pieces="", Price="")], "100.00"),
]


@pytest.mark.parametrize(("rows", "total"), SUMS)
def test_a_sum_is_quantity_times_unit_price_of_all_lines(tmp_path: Path, rows: list[Row], total: str) -> None:
    (order,) = orders(rows_of(tmp_path, rows, items_amount="sum"))

    assert order.amount == Decimal(total)


@pytest.mark.parametrize(
    ("form", "price", "total"),
    [
        ({}, "129,50", "259.00"),
        ({"decimal_mark": ","}, "1.234,50", "2469.00"),
        ({"decimal_mark": ","}, "kr. 1.234", "2468.00"),
        ({"minor_units": True}, "19900", "398.00"),
        ({"decimals": 3}, "1.200", "2.40"),
    ],
)
def test_a_sum_is_of_amounts_as_the_format_says(tmp_path: Path, form: Any, price: str, total: str) -> None:
    (order,) = orders(rows_of(tmp_path, [row(Pieces="2", Price=price)], items_amount="sum", **form))

    assert order.amount == Decimal(total)


@pytest.mark.parametrize("word", ["NULL", "-", "0000-00-00 00:00:00"])
def test_a_word_for_nothing_says_nothing_of_the_order(tmp_path: Path, word: str) -> None:
    further = blank(Products="B", Total=word, Completed=word, Paid=word)

    (order,) = orders(rows_of(tmp_path, [row(Completed="2026-11-21"), further]))

    assert (order.amount, order.window_day.day) == (Decimal("249.90"), 21)


def test_a_sum_is_of_the_lines_amounts_where_one_of_the_two_is_not_mapped(tmp_path: Path) -> None:
    mapped = {field: name for field, name in COLUMNS.items() if field != "unit_prices"}

    (order,) = orders(rows_of(tmp_path, [row(), blank(Total="0.10"), blank()], mapped, items_amount="sum"))

    assert order.amount == Decimal("250.00")


@pytest.mark.parametrize(
    ("below", "priced"),
    [
        ([blank(Products="", Total="499.80")], False),
        ([blank(Products="", Total="499.80"), blank(Products="", Total="99.96")], False),
        ([blank(Products="", Pieces="2", Price="249.90")], True),
    ],
)
def test_a_total_below_the_orders_is_not_added_to_the_last_one(tmp_path: Path, below: list[Row], priced: bool) -> None:
    mapped = {field: name for field, name in COLUMNS.items() if priced or field != "unit_prices"}
    cheap = [row("2"), blank(Products="", Total="49.00", Price="49.00")]

    rows = rows_of(tmp_path, [row("1"), row("2"), *below], mapped, items_amount="sum")

    assert [order.number for order in orders(rows)] == ["1"]
    assert told(rows) == [("row 3", Reason.LINES_DISAGREE, "2", None)]
    assert len(orders(rows_of(tmp_path, [row("1"), *cheap], mapped, items_amount="sum"))) == 2  # shipping


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"Price": ""}, Reason.BAD_UNIT_PRICE, "unit_prices"),
        ({"Price": "free"}, Reason.BAD_UNIT_PRICE, "unit_prices"),
        ({"Pieces": ""}, Reason.BAD_QUANTITY, "quantities"),
        ({"Price": "1.234"}, Reason.AMBIGUOUS_AMOUNT, "unit_prices"),
        ({"Price": "1,234"}, Reason.AMBIGUOUS_AMOUNT, "unit_prices"),
        ({"Price": "12 EUR"}, Reason.OTHER_CURRENCY, "unit_prices"),
    ],
)
def test_a_sum_that_lacks_a_part_is_no_amount(tmp_path: Path, changes: Row, reason: Reason, field: str) -> None:
    rows = rows_of(tmp_path, [row("1"), blank(**changes), row("2")], items_amount="sum")

    assert [order.number for order in orders(rows)] == ["2"]
    assert told(rows) == [("row 2", reason, "1", field)]


BROKEN = ["{number},short\n", '{number},"never closed,,,,,,,,,\n']


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("number", ["2", ""])
@pytest.mark.parametrize("place", ["middle", "last"])
def test_a_bad_row_spoils_its_whole_order_and_no_other(tmp_path: Path, broken: str, number: str, place: str) -> None:
    header, one, first, second, three = csv_text([row("1"), row("2"), row("2", Products="B"), row("3")]).splitlines(
        keepends=True
    )
    bad = broken.format(number=number)
    order = [first, bad, second] if place == "middle" else [first, second, bad]

    rows = rows_of(tmp_path, "".join([header, one, *order, three]))

    assert [order.number for order in orders(rows)] == ["1", "3"]
    assert told(rows) == [(f"row {4 if place == 'middle' else 5}", Reason.WRONG_FIELD_COUNT, "2", None)]


def test_a_first_row_that_is_bad_spoils_the_rows_after_it_and_not_the_order_above(tmp_path: Path) -> None:
    header, one, second, three = csv_text([row("1"), blank(Products="B"), row("3")]).splitlines(keepends=True)

    rows = rows_of(tmp_path, f"{header}{one}2,short\n{second}{three}")

    assert [(order.number, order.product_ids) for order in orders(rows)] == [("1", ("CD-1",)), ("3", ("CD-1",))]
    assert told(rows) == [("row 3", Reason.WRONG_FIELD_COUNT, None, None)]


def test_a_bad_row_of_its_own_spoils_no_other_order(tmp_path: Path) -> None:
    header, one, three = csv_text([row("1"), row("3")]).splitlines(keepends=True)

    rows = rows_of(tmp_path, f"{header}{one}2,short\n{three}")

    assert [order.number for order in orders(rows)] == ["1", "3"]
    assert told(rows) == [("row 3", Reason.WRONG_FIELD_COUNT, None, None)]


@pytest.mark.parametrize("adjacent", [True, False])
def test_a_bad_row_finds_its_order_where_the_number_is_not_the_first_column(tmp_path: Path, adjacent: bool) -> None:
    """An unquoted comma moves the cells behind it."""
    table = [{"Note": "fine", **one} for one in (row("71"), row("72"), row("73"))]
    header, *lines = csv_text(table).splitlines(keepends=True)
    bad = f"a, b,{lines[1].split(',', 1)[1]}"
    text = [header, lines[0], bad, lines[1], lines[2]] if adjacent else [header, bad, lines[0], lines[2], lines[1]]

    rows = rows_of(tmp_path, "".join(text))

    assert [order.number for order in orders(rows)] == ["71", "73"]
    assert [(reason, number) for _, reason, number, _ in told(rows)] == [(Reason.WRONG_FIELD_COUNT, "72")]


@pytest.mark.parametrize("cut", [2, 5, 16, 30])
def test_an_order_that_a_dead_tool_cut_off_does_not_go(tmp_path: Path, cut: int) -> None:
    text = csv_text([row("1"), row("1002"), blank("1002", Products="B")])

    rows = rows_of(tmp_path, text[:-cut])

    assert [order.number for order in orders(rows)] == ["1"]
    assert {reason for _, reason, *_ in told(rows)} == {Reason.UNFINISHED_LINE}


def test_an_order_that_two_exports_in_one_file_have_counts_once(tmp_path: Path) -> None:
    export = [row("1", Pieces="2", Price="10.00"), blank(Products="B", Price="5.00"), row("2")]

    rows = rows_of(tmp_path, [*export, *export, *export], items_amount="sum")

    assert [(order.number, order.amount) for order in orders(rows)] == [("1", Decimal(25)), ("2", Decimal("249.90"))]
    assert rejected(rows) == []


@pytest.mark.parametrize("change", [{"Price": "11.00"}, {"Products": "C"}, {"Status": "refunded"}])
def test_an_order_that_changed_between_two_exports_in_one_file_does_not_go(tmp_path: Path, change: Row) -> None:
    first = [row("1", Price="10.00"), row("1", Products="B", Price="5.00"), row("2")]

    rows = rows_of(tmp_path, [*first, first[0], first[1] | change, row("3")], items_amount="sum")

    assert [order.number for order in orders(rows)] == ["2", "3"]
    assert [(reason, number) for _, reason, number, _ in told(rows)] == [(Reason.LINES_DISAGREE, "1")]


def test_rows_before_any_number_are_no_order(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, [blank(), blank(Products="B"), row("1")])

    assert [order.number for order in orders(rows)] == ["1"]
    assert told(rows) == [("row 2", Reason.NO_ORDER_NUMBER, None, "order_id")]


def test_rows_without_end_are_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ROWS_PER_ORDER", 50)

    rows = rows_of(tmp_path, [row("1"), *[blank()] * 60, row("2")])

    assert [order.number for order in orders(rows)] == ["2"]
    assert told(rows) == [("row 2", Reason.CELL_TOO_LARGE, "1", None)]


def test_too_many_orders_in_pieces_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ROWS_KEPT", 10)
    half = [row(str(number)) for number in range(8)]

    with pytest.raises(SourceError, match=r"^items.csv: .* sort the export by order number\.$"):
        rows_of(tmp_path, half + half)


ORDER = st.fixed_dictionaries(
    {
        "E-mail": st.sampled_from([ADDRESS, "b@example.org", ""]),
        "Total": st.decimals("0.01", "99999", places=2).map(str),
        "Currency": st.sampled_from(["DKK", "sek"]),
        "Paid": st.sampled_from(["2026-11-20", "2026-11-20T13:30:00+01:00"]),
        "Status": st.sampled_from(["completed", "refunded"]),
        "Completed": st.sampled_from(["", "2026-11-21"]),
        "Refunded": st.sampled_from(["", "5.00"]),
    }
)
LINE = st.tuples(st.sampled_from(["A-1", "7", "x/y"]), st.integers(1, 99).map(str), st.just("10.00"))
LINES_OF_ORDER = st.lists(LINE, min_size=1, max_size=4, unique=True)
"""A line that is there again behind other orders may be of another export."""
SHOP = st.lists(st.tuples(ORDER, LINES_OF_ORDER), min_size=1, max_size=6)


def as_items(number: str, order: Row, lines: Sequence[tuple[str, str, str]], layout: str) -> list[Row]:
    rows = [
        order | {"Order": number, **dict(zip(("Products", "Pieces", "Price"), line, strict=True))} for line in lines
    ]
    if layout == "blank":
        rows[1:] = [one | dict.fromkeys(order, "") for one in rows[1:]]
    if layout == "nameless":
        rows[1:] = [one | dict.fromkeys(["Order", *order], "") for one in rows[1:]]
    return rows


def known(order: Order) -> tuple[Any, ...]:
    """An order without its place, its lines in any order."""
    assert order.cart is not None
    assert isinstance(order.cart.quantities, tuple)
    lines = sorted(zip(order.cart.product_ids, order.cart.quantities, strict=True))
    alike = order._replace(product_ids=(), rank=(0, 0), cart=None, place="")
    return (*alike, sorted(order.product_ids), lines)


@settings(deadline=None, max_examples=60)
@given(shop=SHOP, layout=st.sampled_from(["repeated", "blank", "nameless"]), shuffled=st.randoms() | st.none())
def test_orders_written_as_items_are_the_same_orders(
    tmp_path_factory: pytest.TempPathFactory, shop: list[Any], layout: str, shuffled: Any
) -> None:
    named = [(str(1000 + nth), order, lines) for nth, (order, lines) in enumerate(shop)]
    whole = [
        order
        | {"Order": number}
        | {
            name: "|".join(cells)
            for name, cells in zip(("Products", "Pieces", "Price"), zip(*lines, strict=True), strict=True)
        }
        for number, order, lines in named
    ]
    lines = [row for number, order, lines in named for row in as_items(number, order, lines, layout)]
    if shuffled is not None and layout != "nameless":
        shuffled.shuffle(lines)
    folder = tmp_path_factory.mktemp("items")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(COLUMNS.values()))
    writer.writeheader()
    writer.writerows(lines)

    as_orders = read(files(written(folder / "orders.csv", csv_text(whole)), mapped=COLUMNS))

    assert sorted(map(known, orders(rows_of(folder, text.getvalue())))) == sorted(map(known, orders(as_orders)))


def test_memory_does_not_grow_with_the_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversions.intake.sources.files.source.ROWS_PER_CHUNK", 200)
    peaks = []
    for count in (600, 3_000):
        rows = [one for nth in range(count) for one in (row(str(nth)), blank(Products="B"))]
        source = files(written(tmp_path / "items.csv", csv_text(rows)), mapped=COLUMNS, format={"layout": "items"})
        del rows
        tracemalloc.start()
        assert sum(len(chunk) for chunk in source.chunks(WINDOW)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3


def test_a_workbook_and_the_members_of_an_archive_are_read_by_items_too(tmp_path: Path) -> None:
    rows = [row("1"), blank(Products="B"), row("2")]
    form: dict[str, Any] = {"mapped": COLUMNS, "format": {"layout": "items"}}
    sheet = files(workbook(tmp_path / "items.xlsx", rows), kind="xlsx", **form)
    archive = files(written(tmp_path / "items.zip", packed("zip", csv_text(rows))), **form)

    for source in (sheet, archive):
        assert [(order.number, order.product_ids) for order in orders(read(source))] == [
            ("1", ("CD-1", "B")),
            ("2", ("CD-1",)),
        ]


def test_a_row_that_ends_before_its_product_spoils_its_order(tmp_path: Path) -> None:
    """Elsewhere, a row may lack empty cells at its end."""
    header, first, further = csv_text([row("1"), blank("1", Products="B")]).splitlines(keepends=True)
    ends_before_its_price, ends_before_its_product = further.rsplit(",", 2)[0], further.split(",", 3)[:3]

    rows = rows_of(tmp_path, f"{header}{first}{ends_before_its_price}\n")
    assert [(reason, number) for _, reason, number, _ in told(rows)] == [(Reason.WRONG_FIELD_COUNT, "1")]
    rows = rows_of(tmp_path, f"{header}{first}{','.join(ends_before_its_product)}\n")
    assert [(reason, number) for _, reason, number, _ in told(rows)] == [(Reason.WRONG_FIELD_COUNT, "1")]


def test_a_workbook_that_cannot_serve_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = workbook(tmp_path / "items.xlsx", [dict.fromkeys(["Order #", "N. Revenue (formatted)"], "1")])

    with pytest.raises(SourceError, match="WooCommerce's Analytics report"):
        files(path, kind="xlsx").check()


@pytest.mark.parametrize(("form", "price"), [({"minor_units": True}, "199.00"), ({"decimal_mark": ","}, "1,200.50")])
def test_no_sum_is_made_of_amounts_that_contradict_the_format(tmp_path: Path, form: Any, price: str) -> None:
    rows = [row(Order="1", Pieces="2", Price="1,200"), row(Order="2", Pieces="1", Price=price)]

    assert orders(rows_of(tmp_path, rows, items_amount="sum", **form)) == []
