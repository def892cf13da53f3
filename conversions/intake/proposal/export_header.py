"""Finds the header of an export: the line that names most of our columns."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from typing import BinaryIO

from conversions.errors import NotAnExport, SourceError
from conversions.intake.proposal.all_columns import AllColumns, Format, Kind, settings_for
from conversions.intake.proposal.header_words import known
from conversions.intake.sources.cells.cells import BadRecord, is_text
from conversions.intake.sources.files import decoding
from conversions.intake.sources.files.compression import members
from conversions.intake.sources.files.csv_head import delimited
from conversions.intake.sources.files.header import HEAD_LINES
from conversions.intake.sources.files.parquet import column_names
from conversions.intake.sources.files.tables import open_tables
from conversions.intake.sources.files.xlsx import visible_sheets
from conversions.intake.sources.unusable_exports import refusal
from conversions.model.subject import holds_address

MIN_KNOWN = 2
"""Columns that a line must name to be the header."""
HeadRow = tuple[int, list[str], str]
"""A line that may be the header: its place, its cells, and the delimiter."""
_CHARACTERS = 4_000_000
"""Characters from which the encoding is derived."""


def find_header(file: BinaryIO, where: str, kind: Kind) -> tuple[Sequence[str], Format]:
    """Return the header, and the settings with which it is read; ``delimiter`` is among them.

    Raises SourceError where the file cannot be read, NotAnExport where no line is the header.
    """
    match kind:
        case "csv":
            return _csv_header(file, where)
        case "xlsx":
            return _xlsx_header(file, where)
        case "parquet":
            return column_names(file, where), {}


def _csv_header(file: BinaryIO, where: str) -> tuple[Sequence[str], Format]:
    lines: list[str] = []
    for _, stream in members(file, where):
        lines = decoding.open_text(stream, where, None).readlines(_CHARACTERS)
        break
    if not any(map(str.strip, lines)):
        raise NotAnExport(f"{where} is empty; export it again.")
    encoding = None if _is_utf8(lines) else decoding.proposal(lines, _has_header)
    if encoding:
        lines = "".join(lines).encode("utf-8", "surrogateescape").decode(encoding, "replace").splitlines(keepends=True)
    rows = _csv_rows(lines)
    _require_header(rows, where)
    _, names, delimiter = _best(rows)
    return names, {"delimiter": delimiter} | ({"encoding": encoding} if encoding else {})


def _is_utf8(lines: list[str]) -> bool:
    text = "".join(lines)
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def _has_header(lines: list[str]) -> bool:
    return known(_best(_csv_rows(lines))[1]) >= MIN_KNOWN


def _csv_rows(lines: list[str]) -> list[HeadRow]:
    """Return each of the first lines, as each delimiter splits it."""
    head = lines[: 2 * HEAD_LINES]
    return [(nth, delimited(head, nth, mark), mark) for mark in ",;\t|" for nth in range(min(len(head), HEAD_LINES))]


def _best(rows: Sequence[HeadRow]) -> HeadRow:
    """Return the line that names most of our columns; of equal ones the one with most cells, then the first."""
    return max(rows, key=lambda row: (known(row[1]), len(row[1])), default=(0, [], ","))


def _require_header(rows: Sequence[HeadRow], where: str) -> None:
    _, names, _ = _best(rows)
    for _, cells, _ in rows:
        if reason := refusal(cells, complete=True):
            raise NotAnExport(f"{where} {reason}")
    if not all(map(is_text, names)):
        raise SourceError(f"{where} is not text in a known encoding; export it as CSV in UTF-8.")
    if known(names) < MIN_KNOWN or any(map(holds_address, names)):
        raise NotAnExport(
            f"{where} has no header that names columns of orders, such as an order number, an e-mail address and an "
            "amount, so nothing can be proposed; export it with the names of the columns in the first line."
        )


def _xlsx_header(file: BinaryIO, where: str) -> tuple[Sequence[str], Format]:
    sheets = visible_sheets(file, where)
    found = []
    for sheet in sheets:
        with suppress(NotAnExport):
            rows = _sheet_rows(file, where, sheet)
            found.append((sheet, rows))
    sheet, rows = max(found, key=lambda each: known(_best(each[1])[1]), default=("", []))
    _require_header(rows, where)
    return _best(rows)[1], {"sheet": sheet} if len(sheets) > 1 else {}


def _sheet_rows(file: BinaryIO, where: str, sheet: str) -> list[HeadRow]:
    file.seek(0)
    source = settings_for("xlsx", {"sheet": sheet, "skip_lines": 0})
    for _, table in open_tables(file, where, AllColumns(frozenset()), source):
        if isinstance(table, NotAnExport):
            raise table
        below = [list(cells) for _, cells in islice(table.rows(), HEAD_LINES) if not isinstance(cells, BadRecord)]
        return [(nth, cells, "") for nth, cells in enumerate([list(table.header), *below])]
    return []
