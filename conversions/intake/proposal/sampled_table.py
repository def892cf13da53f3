"""Reads header and first rows of an export, through the code that reads it in a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from conversions.errors import NotAnExport, SourceError
from conversions.intake.proposal.all_columns import AllColumns, Format, Kind, settings_for
from conversions.intake.proposal.export_header import find_header
from conversions.intake.sources.cells.cells import BadRecord
from conversions.intake.sources.files.tables import open_tables
from conversions.observe.printable import printable

MAX_ROWS = 5_000
"""Rows in a sample."""


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
            names, settings = find_header(file, where, kind)
            return _sample(file, where, kind, names, settings)
    except OSError as error:
        raise SourceError(f"{where} cannot be read: {error.strerror}.") from None


def _sample(file: BinaryIO, where: str, kind: Kind, names: Sequence[str], settings: Format) -> SampledTable:
    delimiter = settings.pop("delimiter", None)
    source = settings_for(kind, settings, delimiter)
    file.seek(0)
    for _, table in open_tables(file, where, AllColumns(frozenset(filter(None, names))), source):
        if isinstance(table, NotAnExport):
            raise table
        rows = [cells for _, cells in islice(table.rows(), MAX_ROWS) if not isinstance(cells, BadRecord)]
        return SampledTable(kind, list(table.header), rows, settings, table.found)
    raise NotAnExport(f"{where} is empty; export it again.")
