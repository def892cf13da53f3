"""Reads one CSV file so that a bad record does not affect other records."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, TextIO

from conversions import catalogue
from conversions.errors import SourceError
from conversions.intake.sources.cells import BadRecord, is_text
from conversions.intake.sources.mapping import ColumnMap
from conversions.model.conversion import Reason

MAX_LINE_CHARACTERS = 1 << 20
"""Longest line that is held in memory; a longer line is rejected as a cell too large."""

_DELIMITERS = ",;\t|"
_ANALYTICS = frozenset({"Order #", "N. Revenue (formatted)"})
"""Columns of WooCommerce's Analytics report (order-sources.md C.1, 2026-11-22)."""


class CsvTable:
    """A CSV file in UTF-8, with or without BOM, with any line end.

    Bytes of another encoding become lone surrogates; only rows that have them in a mapped cell are rejected.
    """

    def __init__(self, file: BinaryIO, where: str, columns: ColumnMap, delimiter: str | None) -> None:
        """Read the header. Raises SourceError where it is missing, unreadable or lacks a mapped column."""
        text = _Text(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
        self._lines = _Lines(text)
        first = self._lines.first()
        _require_lines(first, where)
        self._delimiter = delimiter or _delimiter(first, columns)
        # Strict mode: an unclosed quote swallows rows, and only the text after the next quote shows it.
        self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        header = next(self._records())
        if isinstance(header, BadRecord):
            raise SourceError(
                f"{where} has a header that cannot be read ({catalogue.reason(header.reason)}); export it again."
            )
        names = [name.strip() for name in header]
        _require_orders(names, where, columns)
        self._width = len(names)
        self._pick = columns.picker(names, where)

    def rows(self) -> Iterator[tuple[int, tuple[str, ...] | BadRecord]]:
        """Yield each row's number with its mapped cells, or with the reason why it has none.

        Rows are numbered as in a spreadsheet: the header is row 1, an empty line counts, a record of several lines is
        one row.
        """
        for row, cells in enumerate(self._records(), start=2):
            if not isinstance(cells, list):
                yield row, cells
            elif len(cells) == self._width:
                cells.append("")
                yield row, self._pick(cells)
            elif cells:
                yield row, BadRecord(Reason.WRONG_FIELD_COUNT, cells)

    def _records(self) -> Iterator[list[str] | BadRecord]:
        while True:
            self._lines.record.clear()
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, _Unreadable):
                yield self._lines.reject(self._delimiter)
            else:
                yield record


class _Text(io.TextIOWrapper):
    def close(self) -> None:
        """Do nothing: who opened the file closes it."""


class _Unreadable(Exception):
    """The line cannot be part of a record."""


@dataclass(frozen=True, slots=True, repr=False)
class _Cut:
    """A line without its end: it is too long, or the last line is unfinished."""

    reason: Reason
    text: str


class _Lines:
    """The lines of a file for ``csv.reader``, with memory of the current record.

    Where a record fails, only its first line is rejected and the other lines are read again as rows of their own: an
    unclosed quote must not swallow the rows after it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._reread: list[str | _Cut] = []
        """Lines to read again before the rest of the file, last line first."""
        self.record: list[str | _Cut] = []
        """Lines of the current record so far."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._reread.pop() if self._reread else self._read()
        self.record.append(line)
        if isinstance(line, _Cut):
            raise _Unreadable
        return line

    def first(self) -> str:
        """Return the header's first line, which will be read again. Only this line may lack its newline."""
        line = self._file.readline(MAX_LINE_CHARACTERS)
        self._reread.append(line if line[-1:] in "\r\n" else f"{line}\n")
        return line

    def reject(self, delimiter: str) -> BadRecord:
        """Return why the current record failed, with the pieces of its first line."""
        first, *others = self.record
        self._reread.extend(reversed(others))
        if isinstance(first, _Cut):
            # The last piece may be half of an address, which cannot be recognised as one.
            return BadRecord(first.reason, first.text.split(delimiter)[:-1])
        too_large = sum(len(line) for line in self.record if isinstance(line, str)) > csv.field_size_limit()
        reason = Reason.CELL_TOO_LARGE if too_large else Reason.WRONG_FIELD_COUNT
        return BadRecord(reason, first.rstrip("\r\n").split(delimiter))

    def _read(self) -> str | _Cut:
        line = self._file.readline(MAX_LINE_CHARACTERS)
        if not line:
            raise StopIteration
        if line[-1] in "\r\n":
            return line
        if len(line) < MAX_LINE_CHARACTERS:
            return _Cut(Reason.UNFINISHED_LINE, line)
        self._skip_line()
        return _Cut(Reason.CELL_TOO_LARGE, line)

    def _skip_line(self) -> None:
        while (part := self._file.readline(MAX_LINE_CHARACTERS)) and part[-1] not in "\r\n":
            pass


def _require_lines(first: str, where: str) -> None:
    if not first:
        raise SourceError(f"{where} is empty; remove it or export it again.")
    if not first.strip():
        raise SourceError(f"{where} has no header; its first line must name the columns.")
    if "\0" in first:
        raise SourceError(f"{where} is UTF-16, or not text at all; export it as CSV in UTF-8.")


def _delimiter(first: str, columns: ColumnMap) -> str:
    """Return the delimiter by which the header contains most of the mapped columns."""
    return max(_DELIMITERS, key=lambda mark: len(columns.names & _names(first, mark)))


def _names(first: str, mark: str) -> set[str]:
    try:
        return {name.strip() for name in next(csv.reader([first], delimiter=mark))}
    except csv.Error:
        return set()


def _require_orders(names: list[str], where: str, columns: ColumnMap) -> None:
    if not columns.names.issubset(names) and not all(map(is_text, names)):
        raise SourceError(f"{where} is not UTF-8 text; export it as CSV in UTF-8.")
    if _ANALYTICS.issubset(names):
        raise SourceError(
            f"{where} is WooCommerce's Analytics report, which has no e-mail addresses and has amounts for display "
            "only; export the orders themselves with an order-export plug-in."
        )
