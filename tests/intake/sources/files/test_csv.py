"""CSV: a bad record spoils nothing but itself."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from conversions.catalogue import APPROVE
from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.files.csv_lines import MAX_LINE_CHARACTERS
from conversions.model.conversion import Reason
from tests.intake.sources.shop import MAPPED, ROW, csv_text, files, orders, read, rejected, written

HEADER = "Order,E-mail,Total,Currency,Products,Paid,Status,Note\n"


def line(number: object, note: str = "", email: str = "a@example.org") -> str:
    return f"{number},{email},10.00,DKK,CD-1,2026-11-20,completed,{note}\n"


def declare(encoding: str) -> str:
    return f'orders.csv is not UTF-8, so it cannot be read. Set encoding = "{encoding}" in [source.format], then {APPROVE}.'


RowsOf = Callable[[str | bytes], list[Order | RowRejected]]


@pytest.fixture
def rows_of(tmp_path: Path) -> RowsOf:
    def rows_of(content: str | bytes) -> list[Order | RowRejected]:
        return read(files(written(tmp_path / "orders.csv", content)))

    return rows_of


def numbers(rows: list[Order | RowRejected]) -> list[str]:
    return [order.number for order in orders(rows)]


def rejections(rows: list[Order | RowRejected]) -> list[tuple[str, Reason]]:
    return [(row.place.removeprefix("orders.csv "), row.reason) for row in rejected(rows)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_read_from_the_header(tmp_path: Path, delimiter: str) -> None:
    text = csv_text([{"Note": "a,b;c", **ROW}], delimiter)

    assert numbers(read(files(written(tmp_path / "a.csv", text)))) == ["1001"]


def test_a_delimiter_that_is_set_is_not_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", csv_text([ROW], ";"))

    assert numbers(read(files(path, delimiter=";"))) == ["1001"]
    with pytest.raises(SourceError, match="has no column"):
        files(path, delimiter=",").check()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_utf_8_with_or_without_bom_and_any_line_end(rows_of: RowsOf, bom: bytes, end: str) -> None:
    text = (HEADER + line("Ø-1") + line(2)).replace("\n", end)

    assert numbers(rows_of(bom + text.encode())) == ["Ø-1", "2"]


def test_header_names_are_trimmed_and_other_columns_ignored(rows_of: RowsOf) -> None:
    assert numbers(rows_of(HEADER.replace(",", " , ") + line(1))) == ["1"]


def test_text_stays_text(rows_of: RowsOf) -> None:
    assert numbers(rows_of(HEADER + line("007") + line("1e5") + line("NA") + line("1.0"))) == [
        "007",
        "1e5",
        "NA",
        "1.0",
    ]


def test_empty_lines_are_no_rows_but_count_in_the_numbering(rows_of: RowsOf) -> None:
    assert rejections(rows_of(HEADER + "\n\r\n" + line("") + "\n")) == [("row 4", Reason.NO_ORDER_NUMBER)]


def test_the_header_is_row_1_and_a_record_of_several_lines_is_one_row(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1, '"two\nlines"') + line(""))

    assert numbers(rows) == ["1"]
    assert rejections(rows) == [("row 3", Reason.NO_ORDER_NUMBER)]


@pytest.mark.parametrize("bad", ["1,2\n", line(2, "a,b"), "x\n", ",,,,,,,,x\n"])
def test_a_row_with_more_or_fewer_cells_than_the_header_is_rejected_alone(rows_of: RowsOf, bad: str) -> None:
    rows = rows_of(HEADER + line(1) + bad + line(3))

    assert numbers(rows) == ["1", "3"]
    assert rejections(rows) == [("row 3", Reason.WRONG_FIELD_COUNT)]


@pytest.mark.parametrize("cut", [line(2)[:-1], line(2)[:9], "2", '2,"x'])
def test_a_last_line_without_newline_may_be_half_written_and_is_rejected(rows_of: RowsOf, cut: str) -> None:
    rows = rows_of(HEADER + line(1) + cut)

    assert numbers(rows) == ["1"]
    assert rejections(rows) == [("row 3", Reason.UNFINISHED_LINE)]


def test_a_half_written_record_of_several_lines_is_rejected_line_by_line(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1) + line(2, '"half a\nnote')[:-1])

    assert numbers(rows) == ["1"]
    assert rejections(rows) == [("row 3", Reason.WRONG_FIELD_COUNT), ("row 4", Reason.UNFINISHED_LINE)]


@pytest.mark.parametrize("bad", [line(2, '"never closed'), line(2, '"5" disk"'), line('"2'), line(2, '"', email='"')])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_quote_that_is_not_closed_spoils_its_own_row_only(rows_of: RowsOf, bad: str, quote: str) -> None:
    rows = rows_of(HEADER + line(1) + bad + line(3, f"{quote}fine{quote}") + line(4))

    assert numbers(rows) == ["1", "3", "4"]
    assert rejections(rows) == [("row 3", Reason.WRONG_FIELD_COUNT)]


def test_a_quote_that_is_not_closed_spoils_its_own_row_only_in_a_long_file_too(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(0, '"never closed') + "".join(map(line, range(1, 10_001))))

    assert len(orders(rows)) == 10_000
    assert rejections(rows) == [("row 2", Reason.CELL_TOO_LARGE)]


def test_a_quote_inside_a_cell_that_is_not_quoted_is_a_character(rows_of: RowsOf) -> None:
    assert numbers(rows_of(HEADER + line(1, '5" disk'))) == ["1"]


def test_a_byte_of_another_encoding_spoils_a_row_only_where_it_is_mapped(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1, "Bj\udcf8rn") + line(2, email="bj\udcf8rn@example.org") + line(3))

    assert numbers(rows) == ["1", "3"]
    assert rejected(rows) == [RowRejected("orders.csv row 3", Reason.NOT_TEXT, None, "email")]


def test_nul_spoils_a_row_only_where_it_is_mapped(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1, "a\0b") + line("2\0") + line(3))

    assert numbers(rows) == ["1", "3"]
    assert rejected(rows) == [RowRejected("orders.csv row 3", Reason.NOT_TEXT, None, "order_id")]


@pytest.mark.parametrize(
    "size", [131_073, MAX_LINE_CHARACTERS - 60, MAX_LINE_CHARACTERS, 2 * MAX_LINE_CHARACTERS, 50_000_000]
)
@pytest.mark.parametrize("where", ["note", "email"])
def test_a_cell_too_large_spoils_its_own_row_only(rows_of: RowsOf, size: int, where: str) -> None:
    large = line(2, **{where: "x" * size})
    rows = rows_of(HEADER + line(1) + large + line(3))

    assert numbers(rows) == ["1", "3"]
    assert rejections(rows) == [("row 3", Reason.CELL_TOO_LARGE)]


def test_a_line_too_long_inside_quotes_spoils_no_row_behind_it(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1) + line(2, '"a\n' + "x" * MAX_LINE_CHARACTERS + '"') + line(3))

    assert numbers(rows) == ["1", "3"]
    assert [reason for _, reason in rejections(rows)] == [Reason.WRONG_FIELD_COUNT, Reason.CELL_TOO_LARGE]


def test_a_header_repeated_inside_a_file_is_one_bad_row(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + line(1) + HEADER + line(2))

    assert numbers(rows) == ["1", "2"]
    assert rejections(rows) == [("row 3", Reason.BAD_DATE)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "orders.csv is empty; remove it or export it again."),
        (b"\xef\xbb\xbf", "orders.csv is empty; remove it or export it again."),
        (b"\n \n", "orders.csv has no header; its first line must name the columns."),
        (HEADER.encode("utf-16-be"), declare("utf-16-be")),
        ((HEADER + line(1)).encode("utf-16-le"), declare("utf-16-le")),
        (b"\0\1\2rest", "orders.csv is UTF-16, or not text at all; export it as CSV in UTF-8."),
        (
            HEADER.replace("Total", "Beløb").encode("latin-1"),
            f'orders.csv is not UTF-8 text; set encoding in [source.format], such as "windows-1252", then {APPROVE}; or '  # noqa: ISC004
            "export it as CSV in UTF-8.",
        ),
        (b'"Order\n1,2\n', "orders.csv has a header that cannot be read (wrong number of fields); export it again."),
    ],
)
def test_a_file_without_a_header_that_can_be_read_is_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    source = files(written(tmp_path / "orders.csv", content))

    for ask in (source.check, lambda: read(source)):
        with pytest.raises(SourceError) as refused:
            ask()
        assert str(refused.value) == sentence


def test_a_file_whose_first_line_is_an_order_is_refused_without_quoting_it(tmp_path: Path) -> None:
    with pytest.raises(SourceError) as refused:
        files(written(tmp_path / "orders.csv", line(1))).check()

    assert "example.org" not in str(refused.value)


@pytest.mark.parametrize("above", ["", "Parameters:TimeZone=Europe/Copenhagen\n", "Orders of November\n\n"])
def test_the_analytics_report_of_woocommerce_is_told_apart(tmp_path: Path, above: str) -> None:
    report = (
        above + 'Date,"Order #","N. Revenue (formatted)",Status,Customer,"Customer type","Product(s)","Items sold"\n'
    )

    with pytest.raises(SourceError, match=r"WooCommerce's Analytics report, which has no e-mail addresses"):
        files(written(tmp_path / "orders.csv", report)).check()


ABOVE = (
    "sep=,\n",
    '"sep=,"\n',
    "SEP=,\r\n",
    "\ufeffsep=,\n\ufeff",
    "\ufeff\ufeff",
    "\n\n",
    "sep=,\nOrders\n\n",
    "Orders of November\n",
    '"Orders, ""all"" of them",,,\n2026-11-01 to 2026-11-30\n\n',
    "title\n" * 19,
)


@pytest.mark.parametrize("above", ABOVE)
@pytest.mark.parametrize(
    "header", [HEADER, HEADER.upper(), HEADER.replace("Order", '"Order"').replace(",E", ', "E').replace("l,T", 'l",T')]
)
def test_titles_and_sep_above_a_header_in_any_case_are_no_rows(rows_of: RowsOf, above: str, header: str) -> None:
    rows = rows_of(above + header + line(1) + line(2))

    assert (numbers(rows), rejections(rows)) == (["1", "2"], [])


@pytest.mark.parametrize("mark", ["^", "~", ":", " "])
def test_sep_may_name_any_mark(tmp_path: Path, mark: str) -> None:
    text = f"sep={mark}\n" + csv_text([ROW | {"Order": "7"}], mark)

    assert numbers(read(files(written(tmp_path / "a.csv", text)))) == ["7"]
    assert numbers(read(files(written(tmp_path / "a.csv", "sep=,\n" + csv_text([ROW], ";"))))) == ["1001"]


def test_a_table_says_how_it_is_read(tmp_path: Path) -> None:
    content = "sep=;\nOrders\n" + csv_text([ROW], ";")
    source = files(written(tmp_path / "orders.csv", content.encode("utf-16-le")), format={"encoding": "utf-16"})
    read(source)

    found = {"delimiter": ";", "skip_lines": "2", "encoding": "utf-16-le"}
    assert source.found == {"orders.csv": found}  # type: ignore[attr-defined]


def test_a_row_is_numbered_as_excel_shows_it_below_titles(rows_of: RowsOf) -> None:
    assert rejections(rows_of("sep=,\nOrders\n" + HEADER + line(""))) == [("row 3", Reason.NO_ORDER_NUMBER)]


@pytest.mark.parametrize("skip", [1, 3])
def test_skip_lines_says_where_the_header_is(tmp_path: Path, skip: int) -> None:
    path = written(tmp_path / "orders.csv", "a,b,c,d,e,f,g,h\n" * skip + HEADER + line(1))

    assert numbers(read(files(path, format={"skip_lines": skip}))) == ["1"]
    for wrong in (None, skip - 1, 50):
        with pytest.raises(SourceError, match=r"skip_lines .*in \[source.format\]"):
            files(path, format={"skip_lines": wrong}).check()


def test_a_line_above_the_header_that_may_be_an_order_is_not_left_out(tmp_path: Path) -> None:
    source = files(written(tmp_path / "orders.csv", line(1) + HEADER + line(2)))

    with pytest.raises(SourceError, match="below lines that may be orders") as refused:
        source.check()
    assert "example.org" not in str(refused.value)


def test_a_column_that_two_names_fit_is_refused_unless_one_fits_exactly(tmp_path: Path) -> None:
    twice = written(tmp_path / "orders.csv", HEADER.replace("Note", "TOTAL").replace("Total", "total") + line(1))
    once = written(tmp_path / "once.csv", HEADER.replace("Note", "TOTAL") + line(1, "99"))

    with pytest.raises(SourceError, match=r'several columns "Total"'):
        files(twice).check()
    assert [order.amount for order in orders(read(files(once)))] == [10]


@pytest.mark.parametrize("tail", [",", ",,,", ", ,\u0020"])
def test_surplus_empty_cells_at_the_end_of_a_row_are_nothing(rows_of: RowsOf, tail: str) -> None:
    rows = rows_of(HEADER + line(1).replace("\n", f"{tail}\n") + line(2))

    assert (numbers(rows), rejections(rows)) == (["1", "2"], [])


def test_missing_cells_at_the_end_of_a_row_are_empty_unless_an_order_needs_them(tmp_path: Path) -> None:
    wide = [ROW | {"Refunded": "", "Note": ""}]
    path = written(tmp_path / "a.csv", csv_text(wide).replace(",,\r\n", "\r\n"))
    consent = [ROW | {"Consent": "no", "Note": ""}]
    broken = written(tmp_path / "b.csv", csv_text(consent).replace(",no,\r\n", "\r\n"))

    assert numbers(read(files(path, mapped=MAPPED | {"refunded": "Refunded"}))) == ["1001"]
    rows = read(files(broken, mapped=MAPPED | {"consent": "Consent"}))
    assert [row.reason for row in rejected(rows)] == [Reason.WRONG_FIELD_COUNT]


def test_a_row_of_empty_cells_is_an_empty_line(rows_of: RowsOf) -> None:
    rows = rows_of(HEADER + ",,,,,,,\n" + ",,\n" + line("") + ",,,,,,,,,\n")

    assert rejections(rows) == [("row 4", Reason.NO_ORDER_NUMBER)]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_an_open_last_line_is_whole_where_a_person_says_so(tmp_path: Path, end: str) -> None:
    path = written(tmp_path / "orders.csv", HEADER + line(1) + line(2)[:-1] + end)

    assert numbers(read(files(path, format={"open_last_line": True}))) == ["1", "2"]


def test_a_header_alone_is_a_day_without_orders(rows_of: RowsOf) -> None:
    assert rows_of(HEADER) == rows_of(HEADER.rstrip()) == rows_of("sep=,\n" + HEADER.rstrip()) == []


def test_a_header_of_several_lines_is_read(rows_of: RowsOf) -> None:
    assert numbers(rows_of(HEADER.replace("Note", '"Note\nof the buyer"') + line(1))) == ["1"]


MESS = st.text(st.sampled_from('",;\n\r\0 ab1@.\udcff\u2028'), max_size=60)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.one_of(MESS, st.text(max_size=30))))
@example(['"'])
@example(['1,"a""', '",'])
def test_no_good_row_is_lost_whatever_stands_between(tmp_path_factory: pytest.TempPathFactory, mess: list[str]) -> None:
    between = "\n".join(mess).encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
    path = written(
        tmp_path_factory.mktemp("mess") / "orders.csv", HEADER + line("first") + f"{between}\n" + line("last")
    )

    rows = read(files(path, mapped=MAPPED))

    assert numbers(rows)[0] == "first"
    assert numbers(rows)[-1] == "last"
