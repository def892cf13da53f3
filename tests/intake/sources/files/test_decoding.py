"""Encodings: the byte order mark decides, then the setting, then UTF-8. No letter is read wrongly without a word."""

import codecs
import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from conversions.errors import SourceError
from conversions.intake.order import Order
from conversions.model.conversion import Reason
from conversions.settings.source_format import Format
from tests.intake.sources.shop import MAPPED, ROW, csv_text, files, orders, packed, read, rejected, written

DANISH = MAPPED | {"amount": "Beløb"}


def danish(number: str = "Ø-1") -> str:
    return csv_text([{DANISH["amount"] if name == "Total" else name: cell for name, cell in ROW.items()}]).replace(
        "1001", number
    )


def numbers_of(path: Path, content: bytes, **format_: Any) -> list[str]:
    return [order.number for order in orders(read(files(written(path, content), mapped=DANISH, format=format_)))]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        *(
            (name, name)
            for name in ("windows-1252", "cp1252", "ISO-8859-1", "latin-1", "iso-8859-15", "cp850", "mac-roman")
        ),
        *((name, name) for name in ("utf-16-le", "utf-16-be", "utf-32", "UTF-8", "utf-8-sig", "utf8")),
        *((name, None) for name in ("utf-8", "utf-8-sig", "utf-16", "utf-32")),
        ("utf-16-le", "utf-16"),
        ("utf-16-be", "utf-16"),
    ],
)
def test_a_declared_encoding_or_a_mark_is_enough(tmp_path: Path, encoding: str, declared: str | None) -> None:
    assert numbers_of(tmp_path / "orders.csv", danish().encode(encoding), encoding=declared) == ["Ø-1"]


@pytest.mark.parametrize("mark", [codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
@pytest.mark.parametrize("declared", [None, "windows-1252", "utf-16-le"])
def test_a_mark_decides_also_where_it_is_written_twice(tmp_path: Path, mark: bytes, declared: str | None) -> None:
    encoding = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le"}.get(mark, "utf-16-be")
    for marks in (mark, mark * 2):
        content = marks + danish().encode(encoding)
        assert numbers_of(tmp_path / "orders.csv", content, encoding=declared) == ["Ø-1"]


def test_two_marks_are_no_part_of_a_name_in_quotes(tmp_path: Path) -> None:
    content = codecs.BOM_UTF8 * 2 + csv_text([ROW]).replace("Order", '"Order, shown"').encode()
    source = files(written(tmp_path / "orders.csv", content), mapped=MAPPED | {"order_id": "Order, shown"})

    assert len(orders(read(source))) == 1


@pytest.mark.parametrize(
    ("encoding", "proposed"),
    [("latin-1", "windows-1252"), ("windows-1252", "windows-1252"), ("cp850", "cp850"), ("mac-roman", "mac-roman")],
)
def test_a_header_in_another_encoding_proposes_it(tmp_path: Path, encoding: str, proposed: str) -> None:
    with pytest.raises(SourceError, match=f'Set encoding = "{proposed}" in \\[source.format\\]'):
        numbers_of(tmp_path / "orders.csv", danish().encode(encoding))
    assert numbers_of(tmp_path / "orders.csv", danish().encode(encoding), encoding=proposed) == ["Ø-1"]


@pytest.mark.parametrize("rows", [1, 20_000])
def test_utf_8_that_is_declared_as_another_encoding_is_refused(tmp_path: Path, rows: int) -> None:
    path = written(tmp_path / "orders.csv", csv_text([ROW] * rows + [ROW | {"Order": "Ø-1"}]))
    source = files(path, format={"encoding": "windows-1252"})

    with pytest.raises(
        SourceError, match=r"^orders.csv is UTF-8, not windows-1252, so nothing of it is used. Remove encoding"
    ):
        read(source)


def test_ascii_is_every_encoding(tmp_path: Path) -> None:
    path = written(tmp_path / "orders.csv", csv_text([ROW]))

    assert len(orders(read(files(path, format={"encoding": "iso-8859-15"})))) == 1


def test_a_letter_that_the_encoding_does_not_have_spoils_its_own_row(tmp_path: Path) -> None:
    content = csv_text([ROW, ROW | {"Order": "X"}, ROW]).encode().replace(b"X", b"\xe6\x81")
    rows = read(files(written(tmp_path / "orders.csv", content), format={"encoding": "windows-1252"}))

    assert (len(orders(rows)), [row.reason for row in rejected(rows)]) == (2, [Reason.NOT_TEXT])


def test_half_a_letter_at_the_end_of_utf_16_spoils_only_the_last_row(tmp_path: Path) -> None:
    content = csv_text([ROW, ROW]).encode("utf-16")[:-5]
    rows = read(files(written(tmp_path / "orders.csv", content)))

    assert (len(orders(rows)), [row.reason for row in rejected(rows)]) == (1, [Reason.UNFINISHED_LINE])


@pytest.mark.parametrize(
    "name",
    [
        "ansi",
        "",
        "base64",
        "hex",
        "rot13",
        "zip",
        "idna",
        "punycode",
        "utf-7",
        "unicode_escape",
        "a\0b",
        "hz",
    ],
)
def test_an_encoding_that_is_none_or_may_change_an_address_is_a_mistake_in_the_settings(name: str) -> None:
    with pytest.raises(ValidationError, match="no encoding of text"):
        Format.model_validate({"encoding": name})


LETTERS = st.text("abcæøåÆØÅéü,;|\"' 0123456789", min_size=1, max_size=12).filter(str.strip)


@settings(deadline=None, max_examples=150)
@given(
    numbers=st.lists(LETTERS, min_size=1, max_size=6),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "windows-1252", "iso-8859-15"]),
    delimiter=st.sampled_from(",;\t|"),
    kind=st.sampled_from(["csv", "gz", "zip"]),
    above=st.sampled_from(["", "sep={}\r\n", "Ordrer i øvrigt\r\n\r\n"]),
)
@example(["Ã¸"], "windows-1252", ";", "csv", "")
def test_a_table_is_the_same_orders_in_every_encoding_delimiter_and_compression(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[str], encoding: str, delimiter: str, kind: str, above: str
) -> None:
    text = above.format(delimiter) + _quoted([ROW | {"Order": number} for number in numbers], delimiter)
    content = text.encode(encoding)
    path = written(tmp_path_factory.mktemp("same") / "orders", packed(kind, content))
    declared = encoding if encoding.startswith(("utf-16-", "win", "iso")) else None
    if declared and not content.isascii() and _is_utf_8(content) and not declared.startswith("utf"):
        with pytest.raises(SourceError, match="is UTF-8"):
            read(files(path, format={"encoding": declared}))
        return

    rows = read(files(path, format={"encoding": declared}))

    plain = written(path.with_name("plain.csv"), _quoted([ROW | {"Order": number} for number in numbers], ","))
    assert [_content(order) for order in orders(rows)] == [_content(order) for order in orders(read(files(plain)))]
    assert [order.number for order in orders(rows)] == [number.strip() for number in numbers]


def _quoted(rows: list[dict[str, str]], delimiter: str) -> str:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerows([list(rows[0]), *(row.values() for row in rows)])
    return text.getvalue()


def _is_utf_8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True


def _content(order: Order) -> Order:
    return order._replace(rank=(0, 0), place="")
