"""The lines of a CSV file, with memory of the current record."""

import csv
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TextIO

from conversions.intake.sources.cells.cells import BadRecord
from conversions.intake.sources.files.header import HEAD_LINES
from conversions.model.conversion import Reason

MAX_LINE_CHARACTERS = 1 << 20
"""Longest line that is held in memory; a longer line is rejected as a cell too large."""


class Unreadable(Exception):
    """The line cannot be part of a record."""


@dataclass(frozen=True, slots=True, repr=False)
class _Cut:
    """A line without its end: it is too long, or the last line is unfinished."""

    reason: Reason
    text: str


class CsvLines:
    """The lines of a file for ``csv.reader``, with memory of the current record.

    Where a record fails, only its first line is rejected and the other lines are read again as rows of their own: an
    unclosed quote must not swallow the rows after it.
    """

    def __init__(self, file: TextIO, *, ends: bool) -> None:
        """*ends* says that the last line is whole without a line end."""
        self._file = file
        self._ends = ends
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
            raise Unreadable
        return line

    def head(self) -> list[str]:
        """Return the text of the first lines, which will be read again."""
        lines = list(islice(self._all(), 2 * HEAD_LINES))
        self._reread.extend(reversed(lines))
        return [line.text if isinstance(line, _Cut) else line for line in lines]

    def skip(self, lines: int) -> None:
        """Leave out the *lines* above the header. Only the header may lack its line end: a day without orders."""
        del self._reread[len(self._reread) - lines :]
        if isinstance(header := self._reread[-1], _Cut) and header.reason is Reason.UNFINISHED_LINE:
            self._reread[-1] = f"{header.text}\n"

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

    def _all(self) -> Iterator[str | _Cut]:
        with suppress(StopIteration):
            while True:
                yield self._read()

    def _read(self) -> str | _Cut:
        line = self._file.readline(MAX_LINE_CHARACTERS)
        if not line:
            raise StopIteration
        if line[-1] in "\r\n":
            return line
        if len(line) < MAX_LINE_CHARACTERS:
            return f"{line}\n" if self._ends else _Cut(Reason.UNFINISHED_LINE, line)
        self._skip_line()
        return _Cut(Reason.CELL_TOO_LARGE, line)

    def _skip_line(self) -> None:
        while (part := self._file.readline(MAX_LINE_CHARACTERS)) and part[-1] not in "\r\n":
            pass
