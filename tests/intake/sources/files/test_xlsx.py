"""Workbooks: text stays text, numbers have the digits that Excel shows, and dates are ISO."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from conversions.errors import NotAnExport, SourceError
from conversions.intake.sources.files import xlsx
from conversions.model.conversion import Reason
from tests.intake.sources.shop import ADDRESS, MAPPED, ROW, csv_text, files, orders, read, rejected, workbook, written

DAY, TIME = {"num_format": "dd-mm-yyyy"}, {"num_format": "dd-mm-yyyy hh:mm"}


def book(path: Path, fill: Callable[[Any, Any], None]) -> Path:
    """A workbook with the header of ``ROW`` on its first sheet; *fill* does the rest."""
    with xlsxwriter.Workbook(path) as made:
        sheet = made.add_worksheet("Ordrer")
        sheet.write_row(0, 0, list(ROW))
        fill(made, sheet)
    return written(path, path.read_bytes())


def row(number: Any = "1", total: Any = "10.00", paid: Any = "2026-11-20", products: Any = "A") -> list[Any]:
    return [number, ADDRESS, total, "DKK", products, paid, "completed"]


@pytest.mark.parametrize(
    ("cell", "text"),
    [(7, "7"), ("007", "007"), (5e12, "5000000000000"), (1234.5, "1234.5"), ("1.0", "1.0"), (-0.0, "0"), ("NA", "NA")],
)
def test_an_order_number_is_what_the_cell_holds(tmp_path: Path, cell: Any, text: str) -> None:
    path = book(tmp_path / "orders.xlsx", lambda _, sheet: sheet.write_row(1, 0, row(cell)))

    assert [order.number for order in orders(read(files(path, kind="xlsx")))] == [text]


@pytest.mark.parametrize("lost", [1e15, 12345678901234567890, -1e300])
def test_a_number_of_which_excel_keeps_no_last_digits_is_no_order_number(tmp_path: Path, lost: float) -> None:
    path = book(tmp_path / "orders.xlsx", lambda _, sheet: sheet.write_row(1, 0, row(lost)))

    assert [(bad.reason, bad.field) for bad in rejected(read(files(path, kind="xlsx")))] == [
        (Reason.NOT_TEXT, "order_id")
    ]


def test_an_amount_has_the_digits_that_excel_shows(tmp_path: Path) -> None:
    """The cell's XML holds 17 digits, as Excel writes the results of formulas."""
    path = book(tmp_path / "orders.xlsx", lambda _, sheet: sheet.write_row(1, 0, row(total=0.3)))
    with_tail = _replaced(path, b"<v>0.3</v>", b"<v>0.30000000000000004</v>")

    (order,) = orders(read(files(with_tail, kind="xlsx")))
    assert (order.amount, order.ambiguous) == (Decimal("0.3"), ())


def test_dates_are_iso_by_their_type_and_serials_are_numbers(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        for nth, (at, form) in enumerate([(datetime(2026, 11, 20, 13, 30), TIME), (date(2026, 11, 20), DAY)], start=1):
            sheet.write_row(nth, 0, row(str(nth)))
            sheet.write_datetime(nth, 5, at, made.add_format(form))
        sheet.write_row(3, 0, row("3", paid=46346.5))

    rows = read(files(book(tmp_path / "orders.xlsx", fill), kind="xlsx"))

    first, second = orders(rows)
    assert (first.purchased_at, first.ends_day) == (datetime(2026, 11, 20, 12, 30, tzinfo=UTC), False)
    assert (second.purchase_day, second.ends_day) == (date(2026, 11, 20), True)
    assert [(bad.reason, bad.field) for bad in rejected(rows)] == [(Reason.BAD_DATE, "purchased_at")]


@pytest.mark.parametrize("field", [name for name in MAPPED if name != "email"])
def test_a_formula_error_is_a_bad_cell_and_not_an_empty_one(tmp_path: Path, field: str) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(1, 0, row("1"))
        sheet.write_row(2, 0, row("2"))
        sheet.write_formula(2, list(ROW).index(MAPPED[field]), "=NA()", None, "#N/A")

    rows = read(files(book(tmp_path / "orders.xlsx", fill), kind="xlsx"))

    assert [order.number for order in orders(rows)] == ["1"]
    assert [(bad.place, bad.reason, bad.field) for bad in rejected(rows)] == [
        ("orders.xlsx row 3", Reason.NOT_TEXT, field)
    ]


def test_titles_stray_columns_and_empty_rows_are_no_orders_and_rows_are_numbered_as_excel_shows_them(
    tmp_path: Path,
) -> None:
    with xlsxwriter.Workbook(path := tmp_path / "orders.xlsx") as made:
        sheet = made.add_worksheet()
        sheet.write(1, 2, "Orders of November")
        sheet.write_row(3, 2, [name.upper() for name in ROW])
        sheet.write_row(4, 2, row("1"))
        sheet.write_row(6, 2, row(""))
        sheet.write_row(7, 2, row("3"))
        sheet.write_formula(7, 4, "=1/0", None, "#DIV/0!")
        sheet.write(6, 12, "beside the table")
    rows = read(files(written(path, path.read_bytes()), kind="xlsx"))

    assert [order.number for order in orders(rows)] == ["1"]
    assert [(bad.place, bad.field) for bad in rejected(rows)] == [
        ("orders.xlsx row 7", "order_id"),
        ("orders.xlsx row 8", "amount"),
    ]


def test_a_hidden_sheet_is_not_read_unless_it_is_named(tmp_path: Path) -> None:
    def fill(made: Any, sheet: Any) -> None:
        sheet.write_row(1, 0, row("shown"))
        hidden = made.add_worksheet("Old")
        hidden.write_row(0, 0, list(ROW))
        hidden.write_row(1, 0, row("hidden"))
        hidden.hide()

    path = book(tmp_path / "orders.xlsx", fill)
    for name, numbers in ((None, ["shown"]), ("Old", ["hidden"])):
        source = files(path, kind="xlsx", format={"sheet": name})
        assert [order.number for order in orders(read(source))] == numbers


@pytest.mark.parametrize("name", [None, "Maj"])
def test_which_of_several_sheets_is_a_question(tmp_path: Path, name: str | None) -> None:
    path = workbook(tmp_path / "orders.xlsx", [ROW], sheets=["Ordrer", "Retur", "kim@example.org"])

    with pytest.raises(SourceError, match=r"set sheet in \[source.format\].* Visible sheets: `Ordrer`, `Retur`\.$"):
        files(path, kind="xlsx", format={"sheet": name}).check()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"\xd0\xcf\x11\xe0" + bytes(600), "is an old Excel workbook (.xls) or has a password; save it as CSV UTF-8"),
        (csv_text([ROW]).encode(), "is no Excel workbook (.xlsx); save it as one"),
        (b"PK\x03\x04 cut off", "is damaged or not complete; nothing of it is used"),
    ],
)
def test_what_is_no_workbook_is_said(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(SourceError) as refused:
        files(written(tmp_path / "orders.xlsx", content), kind="xlsx").check()
    assert str(refused.value).startswith(f"orders.xlsx {sentence}")


def test_a_workbook_named_csv_says_which_kind_it_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r'is an Excel workbook; set source\.kind = "xlsx"'):
        files(workbook(tmp_path / "orders.csv", [ROW])).check()


@pytest.mark.parametrize("member", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
@pytest.mark.parametrize("content", [b"", b"<a", b"<a/>", b"\0" * 50])
def test_a_workbook_with_a_damaged_part_is_refused_with_a_sentence(tmp_path: Path, member: str, content: bytes) -> None:
    path = _replaced(workbook(tmp_path / "orders.xlsx", [ROW]), None, content, member)

    with pytest.raises(SourceError):
        list(read(files(path, kind="xlsx")))


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_UNPACKED_BYTES", "MAX_CELLS"])
def test_a_workbook_above_a_limit_is_to_be_saved_as_csv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(xlsx, limit, 10)

    with pytest.raises(SourceError, match="save it as CSV UTF-8"):
        files(workbook(tmp_path / "orders.xlsx", [ROW] * 3), kind="xlsx").check()


def test_one_stray_cell_far_away_does_not_take_all_memory(tmp_path: Path) -> None:
    def fill(_: Any, sheet: Any) -> None:
        sheet.write_row(1, 0, row())
        sheet.write(1_048_575, 16_383, "x")

    with pytest.raises(SourceError, match="1048576 rows and 16384 columns"):
        files(book(tmp_path / "orders.xlsx", fill), kind="xlsx").check()


def test_a_workbook_with_another_header_is_no_export(tmp_path: Path) -> None:
    workbook(tmp_path / "a.xlsx", [{"Name": "Ida", "Age": "7"}])
    workbook(tmp_path / "b.xlsx", [ROW])
    source = files(tmp_path / "*.xlsx", kind="xlsx")

    assert len(orders(read(source))) == 1
    assert [sentence.partition(" has no column")[0] for sentence in source.refused_files()] == ["a.xlsx"]
    (tmp_path / "b.xlsx").unlink()
    with pytest.raises(NotAnExport):
        source.check()


def _replaced(path: Path, old: bytes | None, new: bytes, member: str = "xl/worksheets/sheet1.xml") -> Path:
    """*path* with other bytes in one of its parts."""
    file = io.BytesIO()
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(file, "w") as copy:
        for info in archive.infolist():
            data = archive.read(info)
            copy.writestr(info, (new if old is None else data.replace(old, new)) if info.filename == member else data)
    return written(path, file.getvalue())
