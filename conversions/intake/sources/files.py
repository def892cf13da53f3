"""Orders in CSV or Parquet files of a glob. A run reads each file completely or not at all."""

import glob
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from itertools import count, islice, takewhile
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

from conversions.errors import NotAnExport, SourceError, SourceUnavailable
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells import BadOrder, BadRecord
from conversions.intake.sources.items import ItemRows, Numbers
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.intake.sources.order_lines import Cells
from conversions.intake.sources.table import Table
from conversions.intake.sources.tables import open_tables
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
        self._refused: dict[str, str] = {}
        """Sentences by file or member of an archive."""
        self.description = f"{settings.kind} files {_shown(self._pattern)}"

    def check(self) -> None:
        """Read every header. Raises SourceError where a file cannot be read, or none is an export of orders."""
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

    def refused_files(self) -> list[str]:
        """Return what is wrong with each file that is no export of orders: it is empty, or has another header."""
        return list(self._refused.values())

    def _ready(self) -> dict[Path, str]:
        """Return the files that are old enough, with the names that ``RowRejected.place`` uses.

        Raises SourceError where a file cannot be read, or none is an export of orders.
        """
        self._skipped.clear()
        self._refused.clear()
        ready = {}
        for path, name in _short_names(self._pattern, self._matches()).items():
            with _opened(path, name) as file:
                if self._settled(file, name) and list(self._tables(file, name)):
                    ready[path] = name
        if self._refused and not ready and not self._skipped:
            raise NotAnExport(next(iter(self._refused.values())))
        return ready

    def _rows(self, files: dict[Path, str]) -> Iterator[Order | RowRejected]:
        nth = count(1)
        order = self._columns.order
        for path, name in files.items():
            with _opened(path, name) as file:
                if not self._settled(file, name):
                    continue
                modified = os.fstat(file.fileno()).st_mtime_ns // 1_000
                for place, row, cells in self._order_rows(file, name):
                    if isinstance(cells, tuple):
                        yield order(cells, place, row, (modified, next(nth)))
                    else:
                        yield self._columns.unreadable(cells, place, row)

    def _order_rows(self, file: BinaryIO, name: str) -> Iterator[tuple[str, int, Cells | BadRecord | BadOrder]]:
        """Yield the name of each table and its rows, one for each order."""
        numbers = self._numbers(file, name)
        for place, table in self._tables(file, name):
            self.found[place] = table.found
            rows = table.rows() if self._items is None else self._items.join(table.rows(), numbers[place], place)
            for row, cells in rows:
                yield place, row, cells

    def _numbers(self, file: BinaryIO, name: str) -> dict[str, Numbers]:
        """Return the order numbers in each table of a file of items, in a first pass over the file."""
        found: dict[str, Numbers] = {}
        if self._items is not None:
            for place, table in self._tables(file, name):
                self._items.scan(table.rows(), found.setdefault(place, Numbers()))
            file.seek(0)
        return found

    def _settled(self, file: BinaryIO, name: str) -> bool:
        """Return whether the file has not changed lately. A file time in the future is a wrong clock: skip it too."""
        age = self._clock().timestamp() - os.fstat(file.fileno()).st_mtime
        if age >= self._settings.settle_seconds:
            return True
        when = f"changed {age:.0f} s ago" if age >= 0 else f"its time is {-age:.0f} s in the future"
        self._skipped.append(f"{name} ({when})")
        return False

    def _tables(self, file: BinaryIO, name: str) -> Iterator[tuple[str, Table]]:
        """Yield the tables of a file with their names; note those that are no export of orders."""
        for place, table in open_tables(file, name, self._columns, self._settings):
            if isinstance(table, NotAnExport):
                self._refused[place] = str(table)
            else:
                yield place, table


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
