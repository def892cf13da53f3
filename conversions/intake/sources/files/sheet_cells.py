"""What a sheet's XML says beside its values: formula errors, which calamine reads as empty, and the size of the sheet.

ECMA-376 part 1, 18.3.1.4: ``<c r="D7" t="e">`` is a cell with an error.
"""

import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO
from xml.etree import ElementTree as ET

from conversions.errors import SourceError
from conversions.intake.sources.files.compression import DAMAGED, open_zip

_FILLED_CELL = re.compile(rb'<(?:\w+:)?c\s[^<>]*?\br="([A-Z]{1,3})([0-9]{1,7})"([^<>]*[^<>/])?>')
_ERROR = re.compile(rb'<(?:\w+:)?c\s[^<>]*\bt="e"[^<>]*>')
_PLACE = re.compile(rb'\br="([A-Z]{1,3})([0-9]{1,7})"')
_PIECE_BYTES = 1 << 20
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}"


@dataclass(frozen=True, slots=True)
class SheetCells:
    """Where a sheet has cells with a value."""

    rows: int
    columns: int
    errors: dict[int, list[int]]
    """The columns with a formula error, from 0, by row, from 1."""


def read_cells(file: BinaryIO, sheet: str, where: str) -> SheetCells:
    """Read the places of the cells of *sheet*. Raises SourceError where the workbook is damaged."""
    rows, columns, errors = 0, set[bytes](), defaultdict[int, list[int]](list)
    try:
        with open_zip(file, where) as archive, archive.open(_part(archive, sheet)) as xml:
            for piece in _pieces(xml):
                places = _FILLED_CELL.findall(piece)
                columns.update(letters for letters, _, _ in places)
                rows = max(rows, *(int(row) for _, row, _ in places[-1:]), 0)
                for cell in _ERROR.findall(piece):
                    column, row = _place(cell)
                    errors[row].append(column)
    except (*DAMAGED, ET.ParseError, LookupError, StopIteration, ValueError, NotImplementedError):
        raise SourceError(f"{where} is damaged; nothing of it is used. Open it in Excel and save it again.") from None
    file.seek(0)
    return SheetCells(rows, 1 + max(map(_index, columns), default=0), dict(errors))


def _part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Return the archive's member with the XML of *sheet*. Raises KeyError or ValueError where there is none."""
    entries = ET.fromstring(archive.read("xl/workbook.xml")).iter()  # noqa: S314 - expat refuses XML bombs
    entry = next(e for e in entries if e.tag.endswith("}sheet") and e.get("name") == sheet)
    key = next(value for name, value in entry.items() if name.endswith("}id"))
    links = ET.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    target = next(link.attrib["Target"] for link in links.iter(f"{_PACKAGE}Relationship") if link.get("Id") == key)
    return target.removeprefix("/") if target.startswith("/") else f"xl/{target}"


def _pieces(xml: IO[bytes]) -> Iterator[bytes]:
    """Yield the XML in pieces that end with a whole tag."""
    rest = b""
    while piece := xml.read(_PIECE_BYTES):
        whole, mark, rest_of_piece = (rest + piece).rpartition(b">")
        yield whole + mark
        rest = rest_of_piece


def _place(cell: bytes) -> tuple[int, int]:
    """Return column, from 0, and row, from 1. Raises ValueError where the cell does not say it."""
    place = _PLACE.search(cell)
    if place is None:
        raise ValueError(cell)
    return _index(place[1]), int(place[2])


def _index(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1
