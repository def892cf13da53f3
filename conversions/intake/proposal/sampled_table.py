"""Reads header and first rows of an export, through the code that reads it in a run."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal

from conversions.errors import NotAnExport, SourceError
from conversions.intake.proposal.header_words import known
from conversions.intake.sources import decoding
from conversions.intake.sources.cells import BadRecord, is_text
from conversions.intake.sources.compression import members
from conversions.intake.sources.csv_head import delimited
from conversions.intake.sources.header import HEAD_LINES
from conversions.intake.sources.parquet import column_names
from conversions.intake.sources.tables import open_tables
from conversions.intake.sources.unusable_exports import refusal
from conversions.intake.sources.xlsx import visible_sheets
from conversions.model.subject import holds_address
from conversions.observe.printable import printable
from conversions.settings import FileSource

MAX_ROWS = 5_000
"""Rows that are looked at."""
Kind = Literal["csv", "parquet", "xlsx"]
Format = dict[str, Any]
HeadRow = tuple[int, list[str], str]
"""A line that may be the header: its place, its cells, and the delimiter."""
_CHARACTERS = 4_000_000
"""Characters of a text that are looked at for its encoding."""


@dataclass(frozen=True, slots=True)
class SampledTable:
    """Header and first rows of a table."""

    kind: Kind
    header: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    format: Format
    """Settings of ``[source.format]`` that the file needs."""
    found: dict[str, str]
    """How the file is read, by the name of the setting."""


@dataclass(frozen=True, slots=True)
class _AllColumns:
    """Every column of a table, in its own order."""

    names: frozenset[str]
    needed: frozenset[str] = field(default=frozenset())

    def picker(self, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:  # noqa: ARG002
        width = len(header)
        return lambda cells: tuple(cells[:width])


def kind_of(path: Path) -> Kind:
    """Return the kind of source that reads *path*."""
    match path.suffix.lower():
        case ".parquet":
            return "parquet"
        case ".xlsx":
            return "xlsx"
        case _:
            return "csv"


def read_table(path: Path) -> SampledTable:
    """Return the first table of *path*. Raises SourceError where it cannot be read or has no header."""
    where, kind = printable(path.name), kind_of(path)
    try:
        with path.open("rb") as file:
            names, settings = _header(file, where, kind)
            return _sample(file, where, kind, names, settings)
    except OSError as error:
        raise SourceError(f"{where} cannot be read: {error.strerror}.") from None


def _sample(file: BinaryIO, where: str, kind: Kind, names: Sequence[str], settings: Format) -> SampledTable:
    delimiter = settings.pop("delimiter", None)
    source = _source(kind, settings, delimiter)
    file.seek(0)
    for _, table in open_tables(file, where, _AllColumns(frozenset(filter(None, names))), source):
        if isinstance(table, NotAnExport):
            raise table
        rows = [cells for _, cells in islice(table.rows(), MAX_ROWS) if not isinstance(cells, BadRecord)]
        return SampledTable(kind, list(table.header), rows, settings, table.found)
    raise NotAnExport(f"{where} is empty; export it again.")


def _source(kind: Kind, settings: Format, delimiter: str | None = None) -> FileSource:
    """Return settings with which a table is opened; its columns are ``_AllColumns``."""
    columns = dict.fromkeys(("order_id", "email", "amount", "currency", "purchased_at", "status"), "?")
    return FileSource.model_validate(
        {"kind": kind, "path": "?", "completed": ["?"], "columns": columns, "format": settings, "delimiter": delimiter}
    )


def _header(file: BinaryIO, where: str, kind: Kind) -> tuple[Sequence[str], Format]:
    """Return the header, and the settings with which it is read."""
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


MIN_KNOWN = 2
"""Columns that a line must name to be the header."""


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
    source = _source("xlsx", {"sheet": sheet, "skip_lines": 0})
    for _, table in open_tables(file, where, _AllColumns(frozenset()), source):
        if isinstance(table, NotAnExport):
            raise table
        below = [list(cells) for _, cells in islice(table.rows(), HEAD_LINES) if not isinstance(cells, BadRecord)]
        return [(nth, cells, "") for nth, cells in enumerate([list(table.header), *below])]
    return []
