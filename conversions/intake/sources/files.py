"""Orders in CSV or Parquet files, on this machine or elsewhere. A run reads each file completely or not at all."""

from collections.abc import Iterator
from itertools import count, islice
from typing import BinaryIO, assert_never
from zoneinfo import ZoneInfo

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.csv import CsvTable
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.intake.sources.parquet import ParquetTable
from conversions.intake.sources.storage.base import OpenFile, Storage, StoredFile
from conversions.intake.sources.storage.copies import copies
from conversions.model.conversion import Window
from conversions.settings import FileSource


class Files:
    """The files of a glob, sorted by name."""

    def __init__(self, settings: FileSource, storage: Storage, *, zone: ZoneInfo, key: bytes) -> None:
        self._settings, self._storage = settings, storage
        self._columns = ColumnMap(settings, zone, key)
        self.unparsed = self._columns.unparsed
        self._skipped: list[str] = []
        self.copies: dict[str, str] = {}
        """Files that are not read because another one has the same bytes, with its name; complete after ``chunks``."""
        self.description = f"{settings.kind} files {storage.shown}"

    def check(self) -> None:
        """Read every header. Raises SourceError for the first file that cannot be read."""
        self._ready()

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield every row once, of all files that are old enough; a file with the bytes of another one is read once.

        All headers are checked before the first row. Raises SourceUnavailable where a file changed while it was read:
        the rows may come from two versions.
        """
        self.unparsed.reset(window)
        ready = self._ready()
        self.copies = copies(ready)
        rows = self._rows([file for file in ready if file.name not in self.copies])
        while chunk := list(islice(rows, ROWS_PER_CHUNK)):
            yield chunk

    def skipped_files(self) -> list[str]:
        """Return the files that changed too recently, and how long ago."""
        return list(self._skipped)

    def _ready(self) -> list[StoredFile]:
        """Return the files that are old enough."""
        self._skipped.clear()
        ready: list[StoredFile] = []
        for stored in self._storage.find():
            with stored.opened() as file:
                if self._settled(file, stored.name):
                    self._table(file.content, stored.name)
                    ready.append(stored)
        return ready

    def _rows(self, files: list[StoredFile]) -> Iterator[Order | RowRejected]:
        nth = count(1)
        order = self._columns.order
        for stored in files:
            name = stored.name
            with stored.opened() as file:
                if not self._settled(file, name):
                    continue
                for row, cells in self._table(file.content, name).rows():
                    if isinstance(cells, tuple):
                        yield order(cells, name, row, (file.modified_us, next(nth)))
                    else:
                        yield self._columns.unreadable(cells, name, row)

    def _settled(self, file: OpenFile, name: str) -> bool:
        """Return whether the file has not changed lately. A file time in the future is a wrong clock: skip it too."""
        age = file.age_seconds
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
