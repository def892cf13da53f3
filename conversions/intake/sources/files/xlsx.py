"""Reads one sheet of an Excel workbook (.xlsx) as text, without guessing a type."""

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from conversions.catalogue import APPROVE
from conversions.errors import SourceError
from conversions.intake.sources.cells.cells import BadRecord, as_texts
from conversions.intake.sources.files.compression import ZIP, open_zip, require_known
from conversions.intake.sources.files.header import HEAD_LINES, below_orders, header_row, matched, overlap, picker
from conversions.intake.sources.files.sheet_cells import SheetCells, read_cells
from conversions.intake.sources.files.table import MappedColumns
from conversions.model.subject import holds_address
from conversions.observe.printable import printable
from conversions.settings import FileSource

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

MAX_BYTES, MAX_UNPACKED_BYTES, MAX_CELLS = 50_000_000, 300_000_000, 15_000_000
"""Larger workbooks are refused, because a sheet is read into memory as a whole: 300,000 orders of 12 columns, which are
27 MB and 161 MB unpacked, take 500 MB (measured 2026-11-30).
"""

_EXACT = 1e15
"""Excel keeps 15 digits of a number; of a longer order number the last digits are lost."""
_ILLEGIBLE = "\udcff"
"""A cell with it is no text, so its row is rejected where the cell is mapped."""


class XlsxTable:
    """A sheet of a workbook. Numbers have the digits that Excel keeps, times are ISO 8601 without offset."""

    def __init__(self, file: BinaryIO, where: str, columns: MappedColumns, settings: FileSource) -> None:
        """Read the sheet. Raises SourceError where it cannot be read, NotAnExport where it lacks a mapped column."""
        _require_workbook(file, where)
        book = _open(file, where)
        name = _sheet_name(book, where, settings.format.sheet)
        cells = read_cells(file, name, where)
        _require_size(cells, where)
        self._sheet = _sheet(book, where, name)
        self._separator = settings.product_separator
        _, self._first_column = self._sheet.start or (0, 0)
        self._errors = cells.errors
        self._above = self._find_header(where, columns.names, settings.format.skip_lines)
        header = next(islice(self._texts(), self._above, None), ())
        self.header = matched(header, columns.names)
        """The columns' names; a mapped column has the mapped name."""
        self._pick = picker(columns, self.header, where)
        self.found = {"sheet": name} | ({"skip_lines": str(self._above)} if self._above else {})
        """How the sheet is read, by the name of the setting."""

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...] | BadRecord]]:
        """Yield each row's number as Excel shows it, with its mapped cells; a row of empty cells is none."""
        for row, cells in enumerate(islice(self._texts(), self._above + 1, None), start=self._above + 2):
            if any(cells):
                yield row, self._pick((*cells, ""))

    def _find_header(self, where: str, wanted: frozenset[str], skip: int | None) -> int:
        """Return the number of rows above the header; without one, above the row that is nearest to it."""
        if skip is not None:
            return skip
        head = list(islice(self._texts(), HEAD_LINES))
        index = header_row(head, wanted)
        if index is not None:
            return index
        nearest = max(range(len(head)), key=lambda nth: overlap(head[nth], wanted), default=0)
        if head and overlap(head[nearest], wanted) == len(wanted):
            raise below_orders(where, nearest)
        return nearest

    def _texts(self) -> Iterator[tuple[str, ...]]:
        for row, cells in enumerate(self._sheet.iter_rows(), start=1):
            for column in self._errors.get(row, ()):
                cells[column - self._first_column] = _ILLEGIBLE
            yield as_texts(tuple(map(_kept, cells)), self._separator)


def visible_sheets(file: BinaryIO, where: str) -> list[str]:
    """Return the names of the sheets that a person sees. Raises SourceError where *file* is no workbook."""
    _require_workbook(file, where)
    return _visible(_open(file, where))


def _kept(cell: Any) -> Any:
    """Return a cell with the digits that Excel keeps: 0.30000000000000004 is 0.3."""
    if type(cell) is not float:
        return cell
    if abs(cell) >= _EXACT:
        return _ILLEGIBLE
    return cell if cell.is_integer() else float(f"{cell:.15g}")


def _require_workbook(file: BinaryIO, where: str) -> None:
    require_known(file, where)
    if not file.read(4).startswith(ZIP):
        raise SourceError(f'{where} is no Excel workbook (.xlsx); save it as one, or set source.kind = "csv".')
    with open_zip(file, where) as archive:
        unpacked = sum(info.file_size for info in archive.infolist())
        if "xl/workbook.xml" not in archive.namelist():
            raise SourceError(f"{where} is no Excel workbook (.xlsx); save it as one in Excel.")
    if file.seek(0, 2) > MAX_BYTES or unpacked > MAX_UNPACKED_BYTES:
        raise SourceError(
            f"{where} is too large for a workbook ({MAX_BYTES // 1_000_000} MB, {MAX_UNPACKED_BYTES // 1_000_000} MB "
            'unpacked); save it as CSV UTF-8 and set source.kind = "csv".'
        )
    file.seek(0)


def _open(file: BinaryIO, where: str) -> "CalamineWorkbook":
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        return CalamineWorkbook.from_filelike(file)
    except CalamineError:
        raise _damaged(where) from None


def _sheet_name(book: "CalamineWorkbook", where: str, name: str | None) -> str:
    """Return the sheet of the settings, otherwise the only visible one."""
    from python_calamine import SheetTypeEnum

    sheets = [sheet for sheet in book.sheets_metadata if sheet.typ is SheetTypeEnum.WorkSheet]
    visible = _visible(book)
    wanted = [sheet.name for sheet in sheets if sheet.name == name] if name else visible
    if len(wanted) == 1:
        return wanted[0]
    has = "has several sheets" if wanted else f"has no sheet `{name}`" if name else "has no visible sheet"
    names = ", ".join(f"`{printable(each)}`" for each in visible if not holds_address(each))
    raise SourceError(
        f"{where} {has}; set sheet in [source.format], then {APPROVE}. Visible sheets: {names or 'none'}."
    )


def _visible(book: "CalamineWorkbook") -> list[str]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
    ]


def _sheet(book: "CalamineWorkbook", where: str, name: str) -> "CalamineSheet":
    from python_calamine import CalamineError

    try:
        return book.get_sheet_by_name(name)
    except CalamineError:
        raise _damaged(where) from None


def _require_size(cells: "SheetCells", where: str) -> None:
    if cells.rows * cells.columns > MAX_CELLS:
        raise SourceError(
            f"{where} has {cells.rows} rows and {cells.columns} columns, which is too large for a workbook; delete "
            'cells beside the table, or save it as CSV UTF-8 and set source.kind = "csv".'
        )


def _damaged(where: str) -> SourceError:
    return SourceError(f"{where} is damaged; nothing of it is used. Open it in Excel and save it again.")
