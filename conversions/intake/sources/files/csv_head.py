"""Finds delimiter and header among the first lines of a CSV file."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from conversions.catalogue import APPROVE
from conversions.errors import NotAnExport, SourceError
from conversions.intake.sources.files import decoding
from conversions.intake.sources.files.header import HEAD_LINES, below_orders, header_row, overlap
from conversions.intake.sources.unusable_exports import refusal
from conversions.settings import FileSource

_DELIMITERS = ",;\t|"
_SEPARATOR = re.compile(r'\ufeff*"?sep=([^"\r\n])"?[,;\t| ]*[\r\n]*', re.IGNORECASE)
"""Excel's first line: it names the delimiter, and Excel shows no row for it. Some tools write it in quotes."""


@dataclass(frozen=True, slots=True)
class CsvHead:
    """Where the header is, and what separates its cells."""

    delimiter: str
    lines: int
    """Lines above the header."""
    row: int
    """The header's row in a spreadsheet, from 1."""
    found: bool
    """Whether it has all mapped columns."""


def find_head(lines: list[str], where: str, wanted: frozenset[str], settings: FileSource) -> CsvHead:
    """Return where the header is; without one, the line that is nearest to it.

    *lines* are the first of the file. Raises NotAnExport where none may be a header, SourceError where they are not
    text.
    """
    separator = _SEPARATOR.fullmatch(lines[0]) if lines else None
    marks = settings.delimiter or (separator[1] if separator else "") + _DELIMITERS
    skip, named = settings.format.skip_lines, int(separator is not None)
    above = max(named, skip or 0)
    # With skip_lines, the next line is the header.
    rest = lines[above:]
    tried = min(len(rest), HEAD_LINES if skip is None else 1)
    _require_lines(lines, rest[:tried], where)
    found = _complete(rest, tried, marks, wanted)
    if found is None and settings.format.encoding is None:
        _require_text(rest, where, lambda lines: _complete(lines, min(len(lines), HEAD_LINES), marks, wanted))
    if found is None:
        _require_no_report(rest, tried, marks, where)
    index, mark = found or _nearest(rest, tried, marks, wanted)
    if found is None and overlap(delimited(rest, index, mark), wanted) == len(wanted):
        raise below_orders(where, above + index)
    return CsvHead(mark, above + index, above + index + 1 - named, found is not None)


def _require_lines(lines: list[str], tried: list[str], where: str) -> None:
    if not any(lines):
        raise NotAnExport(f"{where} is empty; remove it or export it again.")
    if not tried:
        raise NotAnExport(f"{where} ends above its header; correct skip_lines in [source.format] or the export.")
    if not any(map(str.strip, tried)):
        raise NotAnExport(f"{where} has no header; its first line must name the columns.")


def _require_no_report(lines: list[str], tried: int, marks: str, where: str) -> None:
    """Raise NotAnExport where a line is the header of a file that cannot serve, also below titles."""
    for nth, mark in product(range(tried), marks):
        if reason := refusal(delimited(lines, nth, mark), complete=False):
            raise NotAnExport(f"{where} {reason}")


def _require_text(lines: list[str], where: str, fits: Callable[[list[str]], object]) -> None:
    if encoding := decoding.proposal(lines, fits):
        raise SourceError(
            f'{where} is not UTF-8, so it cannot be read. Set encoding = "{encoding}" in [source.format], then '
            f"{APPROVE}."
        )
    if "\0" in lines[0]:
        raise SourceError(f"{where} is UTF-16, or not text at all; export it as CSV in UTF-8.")


def _complete(lines: list[str], tried: int, marks: str, wanted: frozenset[str]) -> tuple[int, str] | None:
    """Return the first line that has all columns, and its delimiter."""
    for mark in marks:
        index = header_row([delimited(lines, nth, mark) for nth in range(tried)], wanted)
        if index is not None:
            return index, mark
    return None


def _nearest(lines: list[str], tried: int, marks: str, wanted: frozenset[str]) -> tuple[int, str]:
    """Return the line with most of the columns, and its delimiter; the first line where none has any."""
    places = product(range(tried), marks)
    return max(places, key=lambda place: overlap(delimited(lines, *place), wanted), default=(0, marks[0]))


def delimited(lines: list[str], nth: int, mark: str) -> list[str]:
    """Return the cells of the record that begins at a line; none where it is no record."""
    try:
        return next(csv.reader(lines[nth:], delimiter=mark, strict=True), [])
    except csv.Error:
        return []
