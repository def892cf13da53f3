"""Reads the mapped columns of one Parquet file, in batches of rows."""

from collections.abc import Iterator
from itertools import repeat
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote

from conversions.errors import SourceError
from conversions.intake.sources.cells.cells import BadRecord, as_texts
from conversions.intake.sources.files.table import MappedColumns
from conversions.intake.sources.mapping import ROWS_PER_CHUNK

if TYPE_CHECKING:
    from pyarrow import DataType, Schema
    from pyarrow.parquet import ParquetFile

_NOTHING = "__HIVE_DEFAULT_PARTITION__"


class ParquetTable:
    """A Parquet file with columns of any type; values become the text that a CSV file would contain.

    ``billing.email`` is a column of this name, or the field ``email`` of the structure ``billing``. For a file in the
    folder ``currency=DKK``, ``currency`` is a column, too.
    """

    def __init__(self, file: BinaryIO, where: str, columns: MappedColumns, separator: str) -> None:
        """Read the footer. Raises SourceError where it is missing or lacks a mapped column."""
        self._where = where
        self._separator = separator
        self._file = _open(file, where)
        schema = self._file.schema_arrow
        names = [name for name in schema.names if name in columns.names]
        fields = {name: path for name in columns.names - set(names) if (path := _path(schema, name))}
        self._paths = [*([name] for name in names), *fields.values()]
        folders = {
            name: value for name, value in _partition(where).items() if name in columns.names - {*names, *fields}
        }
        self._partition = list(folders.values())
        self.header = [*names, *fields, *folders]
        self._pick = columns.picker(self.header, where)
        self.found: dict[str, str] = {}
        _require_values(schema, self._paths, where)

    def rows(self) -> Iterator[tuple[int, tuple[str, ...] | BadRecord]]:
        """Yield each row's number, from 1, with its mapped cells."""
        return enumerate(self._cells(), start=1)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        import pyarrow as pa

        try:
            names = [".".join(path) for path in self._paths]
            for batch in self._file.iter_batches(ROWS_PER_CHUNK, columns=names, use_threads=False):
                values = (_values(batch.column(name), fields) for name, *fields in self._paths)
                columns = [*values, *(repeat(value) for value in [*self._partition, ""])]
                for cells in zip(*self._pick(columns), strict=False):
                    yield as_texts(cells, self._separator)
        except (pa.ArrowException, OSError):
            raise SourceError(f"{self._where} is damaged; export it again.") from None


def column_names(file: BinaryIO, where: str) -> list[str]:
    """Return the columns that can be mapped: those with plain values or lists of them, and fields of structures.

    Raises SourceError where *file* is no Parquet file.
    """
    schema = _open(file, where).schema_arrow
    return [name for field in schema for name in _names(field.name, field.type)]


def _names(name: str, kind: "DataType") -> Iterator[str]:
    from pyarrow import types

    if _is_structure(kind):
        for field in kind:
            yield from _names(f"{name}.{field.name}", field.type)
    elif not types.is_map(kind) and not (types.is_nested(kind) and types.is_nested(kind.value_type)):
        yield name


def _open(file: BinaryIO, where: str) -> "ParquetFile":
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        # Read with the rows, not whole column chunks in advance.
        return ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
    except (pa.ArrowException, OSError):
        raise SourceError(f"{where} is empty or not a complete Parquet file; export it again.") from None


def _partition(where: str) -> dict[str, str]:
    """Return the columns that the folders of a file stand for, as Hive and Spark write them."""
    pairs = (folder.partition("=") for folder in where.split("/")[:-1])
    return {name: "" if value == _NOTHING else unquote(value) for name, equals, value in pairs if equals}


def _path(schema: "Schema", name: str) -> list[str] | None:
    """Return the structures and the field in them that *name* leads to, or None."""
    first, *fields = name.split(".")
    if not fields or schema.get_field_index(first) < 0:
        return None
    kind = schema.field(first).type
    for field in fields:
        if not _is_structure(kind) or kind.get_field_index(field) < 0:
            return None
        kind = kind.field(field).type
    return [first, *fields]


def _require_values(schema: "Schema", paths: list[list[str]], where: str) -> None:
    """Raise SourceError for a column of structures: which of their fields is meant is not ours to guess."""
    from pyarrow import types

    for first, *fields in paths:
        kind = schema.field(first).type
        for field in fields:
            kind = kind.field(field).type
        name = ".".join([first, *fields])
        if _is_structure(kind):
            raise SourceError(
                f'The column "{name}" of {where} holds structures. Map one of their fields in [source.columns], such '
                f'as "{name}.{kind.field(0).name if kind.num_fields else "field"}".'
            )
        if types.is_map(kind) or (types.is_nested(kind) and types.is_nested(kind.value_type)):
            raise SourceError(
                f'The column "{name}" of {where} holds lists of structures, and a cell has to be one value or a list '
                "of plain values. Export the product IDs alone, as a list of texts, and map that column."
            )


def _is_structure(kind: "DataType") -> bool:
    from pyarrow import types

    return bool(types.is_struct(kind))


def _values(column: Any, fields: list[str]) -> list[Any]:
    """Return a column's values; types with values that Python cannot represent are read as text."""
    import pyarrow as pa
    from pyarrow import compute, types

    if fields:
        column = compute.struct_field(column, fields)
    kind = column.type
    if types.is_float16(kind) or types.is_float32(kind):
        # 29.35 in 32 bits is 29.350000381… in 64 bits; the shortest decimal is the intended value.
        column = column.cast(pa.string()).cast(pa.float64())
    if types.is_timestamp(kind) and kind.tz:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    if types.is_temporal(kind):
        column = column.cast(pa.string())
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:
        return list(column.cast(pa.large_binary()).to_pylist())
