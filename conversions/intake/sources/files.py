"""Orders in CSV or Parquet files of a glob. A run reads each file completely or not at all."""

import glob
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import count, islice, takewhile
from pathlib import Path
from typing import BinaryIO, assert_never
from zoneinfo import ZoneInfo

from conversions.errors import SourceError, SourceUnavailable
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.csv import CsvTable
from conversions.intake.sources.items import ItemRows, Numbers, OrderRow
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.intake.sources.parquet import ParquetTable
from conversions.model.conversion import Window
from conversions.observe.printable import printable
from conversions.settings import FileSource


class Files:
    """The files of a glob, sorted by name."""

    def __init__(
        self,
        settings: FileSource,
        *,
        zone: ZoneInfo,
        resolve: Callable[[str], Path],
        clock: Callable[[], datetime],
        key: bytes,
    ) -> None:
        self._settings = settings
        self._pattern = resolve(settings.path)
        self._matches = partial(_matches, settings.path, resolve)
        self._columns = ColumnMap(settings, zone, key)
        self._items = ItemRows(settings) if settings.format.layout == "items" else None
        self.unparsed = self._columns.unparsed
        self._clock = clock
        self._skipped: list[str] = []
        self.found: dict[str, dict[str, str]] = {}
        """By file, how it is read, by the name of the setting."""
        self.description = f"{settings.kind} files {_shown(self._pattern)}"

    def check(self) -> None:
        """Read every header. Raises SourceError for the first file that cannot be read."""
        self._ready()

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield every row once, of all files that are old enough.

        All headers are checked before the first row. Raises SourceUnavailable where a file changed while it was read:
        the rows may come from two versions.
        """
        self.unparsed.reset(window)
        rows = self._rows(self._ready())
        while chunk := list(islice(rows, ROWS_PER_CHUNK)):
            yield chunk

    def skipped_files(self) -> list[str]:
        """Return the files that changed too recently, and how long ago."""
        return list(self._skipped)

    def _ready(self) -> dict[Path, str]:
        """Return the files that are old enough, with the names that ``RowRejected.place`` uses."""
        self._skipped.clear()
        ready = {}
        for path, name in _short_names(self._pattern, self._matches()).items():
            with _opened(path, name) as file:
                if self._settled(file, name):
                    self._table(file, name)
                    ready[path] = name
        return ready

    def _rows(self, files: dict[Path, str]) -> Iterator[Order | RowRejected]:
        nth = count(1)
        order = self._columns.order
        for path, name in files.items():
            with _opened(path, name) as file:
                if not self._settled(file, name):
                    continue
                modified = os.fstat(file.fileno()).st_mtime_ns // 1_000
                for row, cells in self._table_rows(file, name):
                    if isinstance(cells, tuple):
                        yield order(cells, name, row, (modified, next(nth)))
                    else:
                        yield self._columns.unreadable(cells, name, row)

    def _table_rows(self, file: BinaryIO, name: str) -> Iterator[OrderRow]:
        """Return the file's rows, one per order."""
        numbers = Numbers() if self._items else None
        if self._items is not None and numbers is not None:
            self._items.scan(self._table(file, name).rows(), numbers)
            file.seek(0)
        table = self._table(file, name)
        self.found[name] = getattr(table, "found", {})
        return table.rows() if self._items is None or numbers is None else self._items.join(table.rows(), numbers, name)

    def _settled(self, file: BinaryIO, name: str) -> bool:
        """Return whether the file has not changed lately. A file time in the future is a wrong clock: skip it too."""
        age = self._clock().timestamp() - os.fstat(file.fileno()).st_mtime
        if age >= self._settings.settle_seconds:
            return True
        when = f"changed {age:.0f} s ago" if age >= 0 else f"its time is {-age:.0f} s in the future"
        self._skipped.append(f"{name} ({when})")
        return False

    def _table(self, file: BinaryIO, name: str) -> CsvTable | ParquetTable:
        match self._settings.kind:
            case "csv":
                return CsvTable(file, name, self._columns, self._settings.delimiter)
            case "parquet":
                return ParquetTable(file, name, self._columns, self._settings.product_separator)
            case _:
                assert_never(self._settings.kind)


def _matches(path: str, resolve: Callable[[str], Path]) -> list[Path]:
    """Return the matches of the settings' glob. A parent directory such as ``shop [1]`` is not a pattern."""
    if resolve(path).is_file():
        return [resolve(path)]
    parts = Path(path).parts
    plain = list(takewhile(lambda part: not glob.has_magic(part), parts))
    pattern = Path(glob.escape(str(resolve(str(Path(*plain))))), *parts[len(plain) :])
    return [Path(match) for match in glob.glob(str(pattern), recursive=True)]  # noqa: PTH207


def _short_names(pattern: Path, matches: list[Path]) -> dict[Path, str]:
    """Return the files with their shortest unique names. Raises SourceError where there is none."""
    files = sorted(path for path in matches if path.is_file())
    if not files:
        raise SourceError(
            f"No file matches {_shown(pattern)}; correct source.path, or check why the export is missing."
        )
    root = os.path.commonpath([path.parent for path in files])
    return {path: _shown(path.relative_to(root)) for path in files}


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    """Open the file. Raises SourceError where it cannot be read, SourceUnavailable where it changes meanwhile."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            yield file
            after = os.fstat(file.fileno())
    except OSError as error:
        raise SourceError(f"{name} cannot be read: {error.strerror}.") from None
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise SourceUnavailable(
            f"{name} changed while it was read, so nothing is sent. When it is complete, run `conversions run`."
        )


def _shown(path: Path) -> str:
    """Return the path as text that can be printed and stored, also where it contains invalid UTF-8."""
    return printable(os.fsencode(path).decode("utf-8", "backslashreplace"))
