"""Opens the tables in one file: one, or one for each member of an archive."""

from collections.abc import Iterator
from typing import BinaryIO, assert_never

from conversions.errors import NotAnExport
from conversions.intake.sources.files.compression import members
from conversions.intake.sources.files.csv import CsvTable
from conversions.intake.sources.files.parquet import ParquetTable
from conversions.intake.sources.files.table import MappedColumns, Table
from conversions.intake.sources.files.xlsx import XlsxTable
from conversions.settings import FileSource


def open_tables(
    file: BinaryIO, where: str, columns: MappedColumns, settings: FileSource
) -> Iterator[tuple[str, Table | NotAnExport]]:
    """Yield the name of each table and the table itself, or why it is no export of orders.

    A table must be read before the next one is opened. Raises SourceError where the file is damaged.
    """
    if where.rpartition("/")[2].startswith("~$"):
        return  # Excel's lock file beside an open workbook
    try:
        _require_content(file, where)
        match settings.kind:
            case "csv":
                yield from _csv_tables(file, where, columns, settings)
            case "parquet":
                yield where, ParquetTable(file, where, columns, settings.product_separator)
            case "xlsx":
                yield where, XlsxTable(file, where, columns, settings)
            case _:
                assert_never(settings.kind)
    except NotAnExport as error:
        yield where, error


def _csv_tables(
    file: BinaryIO, where: str, columns: MappedColumns, settings: FileSource
) -> Iterator[tuple[str, Table | NotAnExport]]:
    for name, stream in members(file, where):
        try:
            table = CsvTable(stream, name, columns, settings)
        except NotAnExport as error:
            yield name, error
        else:
            yield name, table


def _require_content(file: BinaryIO, where: str) -> None:
    file.seek(0)
    if not file.read(1):
        raise NotAnExport(f"{where} is empty; remove it or export it again.")
    file.seek(0)
