"""Reads one CSV file so that a bad record does not affect other records."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from conversions import catalogue
from conversions.catalogue import APPROVE
from conversions.errors import NotAnExport, SourceError
from conversions.intake.sources.cells.cells import BadRecord, is_text
from conversions.intake.sources.files.csv_head import CsvHead, find_head
from conversions.intake.sources.files.csv_lines import CsvLines, Unreadable
from conversions.intake.sources.files.decoding import Readable, open_text
from conversions.intake.sources.files.header import matched, picker
from conversions.intake.sources.files.table import MappedColumns
from conversions.model.conversion import Reason
from conversions.settings import FileSource


class CsvTable:
    """A CSV file with any line end; lines above its header may be a title, or ``sep=;``.

    Bytes that cannot be decoded become lone surrogates; only rows that have them in a mapped cell are rejected.
    """

    def __init__(self, stream: Readable, where: str, columns: MappedColumns, settings: FileSource) -> None:
        """Read the header. Raises SourceError where it is unreadable, NotAnExport where it lacks a mapped column."""
        text = open_text(stream, where, settings.format.encoding)
        self._lines = CsvLines(text, ends=settings.format.open_last_line)
        head = find_head(self._lines.head(), where, columns.names, settings)
        self._lines.skip(head.lines)
        self._above, self._encoding = head.lines, text.encoding
        self._delimiter = head.delimiter
        # Strict mode: an unclosed quote swallows rows, and only the text after the next quote shows it.
        self._reader = csv.reader(self._lines, delimiter=self._delimiter, strict=True)
        record = next(self._records())
        if isinstance(record, BadRecord):
            raise NotAnExport(
                f"{where} has a header that cannot be read ({catalogue.reason(record.reason)}); export it again."
            )
        self.header = matched(record, columns.names)
        """The columns' names; a mapped column has the mapped name."""
        _require_orders(self.header, where, head, settings.format.encoding)
        self._first_row = head.row + 1
        self._width = len(self.header)
        self._pick = picker(columns, self.header, where)
        self._least = 1 + max((self.header.index(name) for name in columns.needed), default=-1)
        self._number_first = self._pick(range(self._width + 1))[0] == 0

    @property
    def found(self) -> dict[str, str]:
        """How the file is read, by the name of the setting."""
        above = {"skip_lines": str(self._above)} if self._above else {}
        encoding = {} if self._encoding == "utf-8" else {"encoding": self._encoding}
        return {"delimiter": self._delimiter, **above, **encoding}

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...] | BadRecord]]:
        """Yield each row's number with its mapped cells, or with the reason why it has none.

        Rows are numbered as in a spreadsheet, where ``sep=;`` is no row: an empty line counts, a record of several
        lines is one row. A row of empty cells is an empty line.
        """
        for row, cells in enumerate(self._records(), start=self._first_row):
            if not isinstance(cells, list):
                yield row, self._numbered(cells)
            elif len(cells) == self._width and cells[0]:
                cells.append("")
                yield row, self._pick(cells)
            elif any(cells):
                yield row, self._padded(cells)

    def _padded(self, cells: list[str]) -> tuple[Any, ...] | BadRecord:
        """Return a row that has more or fewer cells than the header: Excel and PHP write so where they are empty."""
        if len(cells) < self._least or any(map(str.strip, cells[self._width :])):
            return self._numbered(BadRecord(Reason.WRONG_FIELD_COUNT, cells))
        return self._pick([*cells[: self._width], *[""] * (self._width - len(cells)), ""])

    def _numbered(self, record: BadRecord) -> BadRecord:
        """Return *record* with its order number, where no cell before it can have moved it."""
        return replace(record, number="".join(record.pieces[:1])) if self._number_first else record

    def _records(self) -> Iterator[list[str] | BadRecord]:
        while True:
            self._lines.record.clear()
            try:
                record = next(self._reader)
            except StopIteration:
                return
            except (csv.Error, Unreadable):
                yield self._lines.reject(self._delimiter)
            else:
                yield record


def _require_orders(names: list[str], where: str, head: CsvHead, encoding: str | None) -> None:
    if not head.found and not all(map(is_text, names)):
        raise SourceError(
            f'{where} is not {encoding or "UTF-8"} text; set encoding in [source.format], such as "windows-1252", then '
            f"{APPROVE}; or export it as CSV in UTF-8."
        )
