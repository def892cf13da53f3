"""Reads the mapped columns of one Parquet file, in batches of rows."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any, BinaryIO

from conversions.errors import SourceError
from conversions.intake.sources.cells import BadRecord, as_texts
from conversions.intake.sources.mapping import ROWS_PER_CHUNK
from conversions.intake.sources.table import MappedColumns


class ParquetTable:
    """A Parquet file with columns of any type; values become the text that a CSV file would contain."""

    def __init__(self, file: BinaryIO, where: str, columns: MappedColumns, separator: str) -> None:
        """Read the footer. Raises SourceError where it is missing or lacks a mapped column."""
        import pyarrow as pa
        from pyarrow.parquet import ParquetFile

        self._where = where
        self._separator = separator
        try:
            # Read with the rows, not whole column chunks in advance.
            self._file = ParquetFile(file, buffer_size=1 << 20, pre_buffer=False)
        except (pa.ArrowException, OSError):
            raise SourceError(f"{where} is empty or not a complete Parquet file; export it again.") from None
        names = [name for name in self._file.schema_arrow.names if name in columns.names]
        self._pick = columns.picker(names, where)
        self._names = self.header = names
        self.found: dict[str, str] = {}

    def rows(self) -> Iterator[tuple[int, tuple[str, ...] | BadRecord]]:
        """Yield each row's number, from 1, with its mapped cells."""
        return enumerate(self._cells(), start=1)

    def _cells(self) -> Iterator[tuple[str, ...]]:
        import pyarrow as pa

        try:
            for batch in self._file.iter_batches(ROWS_PER_CHUNK, columns=self._names, use_threads=False):
                columns = [*(_values(batch.column(name)) for name in self._names), repeat("")]
                for cells in zip(*self._pick(columns), strict=False):
                    yield as_texts(cells, self._separator)
        except (pa.ArrowException, OSError):
            raise SourceError(f"{self._where} is damaged; export it again.") from None


def _values(column: Any) -> list[Any]:
    """Return a column's values; types with values that Python cannot represent are read as text."""
    import pyarrow as pa
    from pyarrow import types

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
