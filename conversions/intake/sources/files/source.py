"""Orders in files, on this machine or elsewhere. A run reads each file completely or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count, islice
from typing import BinaryIO
from zoneinfo import ZoneInfo

from conversions.errors import NotAnExport
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import BadOrder, BadRecord
from conversions.intake.sources.files.items import ItemRows, Numbers, OrderRow
from conversions.intake.sources.files.storage.base import OpenFile, Storage, StoredFile
from conversions.intake.sources.files.storage.copies import copies
from conversions.intake.sources.files.table import Table
from conversions.intake.sources.files.tables import open_tables
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.intake.sources.table_format import Contradictions
from conversions.model.conversion import Window
from conversions.settings import FileSource


@dataclass(frozen=True, slots=True)
class Survey:
    """What the first pass over a table shows."""

    contradictions: Contradictions = field(default_factory=Contradictions)
    numbers: Numbers = field(default_factory=Numbers)


class Files:
    """The files of a glob, sorted by name."""

    def __init__(self, settings: FileSource, storage: Storage, *, zone: ZoneInfo, key: bytes) -> None:
        self._settings, self._storage = settings, storage
        self._columns = ColumnMap(settings, zone, key)
        self._items = ItemRows(settings) if settings.format.layout == "items" else None
        self.unparsed = self._columns.unparsed
        self._skipped: list[str] = []
        self.found: dict[str, dict[str, str]] = {}
        """By file, how it is read, by the name of the setting."""
        self._refused: dict[str, str] = {}
        """Sentences by file or member of an archive."""
        self.copies: dict[str, str] = {}
        """Files that are not read because another one has the same bytes, with its name; complete after ``chunks``."""
        self.description = f"{settings.kind} files {storage.shown}"

    def check(self) -> None:
        """Read every header. Raises SourceError where a file cannot be read, or none is an export of orders."""
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

    def refused_files(self) -> list[str]:
        """Return what is wrong with each file that is no export of orders: it is empty, or has another header."""
        return list(self._refused.values())

    def _ready(self) -> list[StoredFile]:
        """Return the files that are old enough.

        Raises SourceError where a file cannot be read, or none is an export of orders.
        """
        self._skipped.clear()
        self._refused.clear()
        ready: list[StoredFile] = []
        for stored in self._storage.find():
            with stored.opened() as file:
                if self._settled(file, stored.name) and list(self._tables(file.content, stored.name)):
                    ready.append(stored)
        if self._refused and not ready and not self._skipped:
            raise NotAnExport(next(iter(self._refused.values())))
        return ready

    def _rows(self, files: list[StoredFile]) -> Iterator[Order | RowRejected]:
        nth = count(1)
        order = self._columns.order
        for stored in files:
            with stored.opened() as file:
                if not self._settled(file, stored.name):
                    continue
                for place, rows in self._order_rows(file.content, stored.name):
                    for row, cells in rows:
                        if isinstance(cells, tuple):
                            yield order(cells, place, row, (file.modified_us, next(nth)))
                        else:
                            yield self._rejected(cells, f"{place} row {row}")

    def _rejected(self, cells: BadRecord | BadOrder, place: str) -> RowRejected:
        rejections = self._columns.rejections
        return rejections.of_rows(cells, place) if isinstance(cells, BadOrder) else rejections.of_record(cells, place)

    def _order_rows(self, file: BinaryIO, name: str) -> Iterator[tuple[str, Iterator[OrderRow]]]:
        """Yield the name of each table, and its rows, one per order."""
        surveys = self._surveys(file, name)
        for place, table in self._tables(file, name):
            survey = surveys.get(place, Survey())
            self._columns.format.begin_table(survey.contradictions)
            self.found[place] = table.found
            yield place, self._items.join(table.rows(), survey.numbers, place) if self._items else table.rows()

    def _surveys(self, file: BinaryIO, name: str) -> dict[str, Survey]:
        """Return what a first pass over each table shows, where one is needed.

        A table of items needs one, and a declared format that cells can contradict: another export in the glob may have
        another one, and its 11/28 shows that its 03/04 is not what the settings say.
        """
        if not (self._items or self._columns.format.is_checked):
            return {}
        return {place: self._survey(table) for place, table in self._tables(file, name)}

    def _survey(self, table: Table) -> Survey:
        numbers, rows = Numbers(), table.rows()
        if self._items:
            rows = self._items.note_numbers(rows, numbers)
        cells = (cells for _, cells in rows if isinstance(cells, tuple))
        return Survey(self._columns.format.contradictions(cells), numbers)

    def _settled(self, file: OpenFile, name: str) -> bool:
        """Return whether the file has not changed lately. A file time in the future is a wrong clock: skip it too."""
        age = file.age_seconds
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
