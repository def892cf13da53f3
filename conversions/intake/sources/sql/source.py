"""Orders in a database: streams the result of the operator's query, on a read-only connection."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from conversions.catalogue import APPROVE
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.cells.cells import EPOCH, as_texts
from conversions.intake.sources.cells.instants import PURCHASED_AT, bounds, in_utc, is_naive, span, with_offsets
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.intake.sources.sql import read_only
from conversions.intake.sources.sql.database import Database
from conversions.model.conversion import Window
from conversions.settings import SqlSource

if TYPE_CHECKING:
    from sqlalchemy import CursorResult

_NOT_RUN = (
    f"source.query must return rows and may use only :since and :until; write any other colon as \\:, then {APPROVE}."
)
_REFUSED = "try source.query in its own client to see why."


class Query:
    """A query on any database that SQLAlchemy reaches.

    The query gets ``:since``, the first instant of the window's first day in the shop's zone, and ``:until``, the first
    instant after its last day: ``WHERE paid_at >= :since AND paid_at < :until``. By default they cover the window in
    UTC and on the shop's own clock; ``source.bounds`` makes them exact. SQLite has no type for instants and gets text:
    compare ``datetime(paid_at) >= datetime(:since)``.

    A time without offset is read in the shop's zone, as in a file, or in UTC with ``source.naive_times = "utc"``; a
    ``TIMESTAMP`` of MySQL is an instant. If only some columns contain UTC, the query adds the offset: MySQL
    ``CONCAT(paid_at_gmt, '+00:00')``, PostgreSQL ``paid_at_gmt AT TIME ZONE 'UTC'``, SQLite
    ``paid_at_gmt || '+00:00'``. The session's clock is UTC: a text or day that the query makes of an instant is in UTC.

    A date that Python cannot represent (PostgreSQL's ``infinity``) stops the reading; cast to text, it rejects one row.
    """

    def __init__(self, settings: SqlSource, *, zone: ZoneInfo, resolve: Callable[[str], Path], key: bytes) -> None:
        self._database = Database(settings.url.get_secret_value(), resolve, not_run=_NOT_RUN, refused=_REFUSED)
        self._backend = self._database.backend
        read_only.check_query(settings.query, self._backend)
        self._query = settings.query
        self._separator = settings.product_separator
        self._clock, self._naive_times = settings.bounds, settings.naive_times
        self._columns = ColumnMap(settings, zone, key)
        self.unparsed = self._columns.unparsed
        self._zone = zone
        self.description = f"query on {self._database.name}"

    def check(self) -> None:
        """Run the query for an empty window. Raises SourceError where it fails or lacks a mapped column."""
        epoch = EPOCH.replace(tzinfo=None)
        with self._result(bounds((epoch, epoch), self._clock, self._backend)) as result:
            self._picker(result)

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Yield every row of the result once, numbered from 1.

        Raises SourceUnavailable where the database cannot be reached, SourceError where it refuses the query.
        """
        self.unparsed.reset(window)
        row = 0
        with self._result(self._bounds(window)) as result:
            pick, utc = self._picker(result)
            for rows in result.partitions(ROWS_PER_CHUNK):
                yield [self._order(pick((*cells, "")), utc, nth) for nth, cells in enumerate(rows, start=row + 1)]
                row += len(rows)

    def naive_times(self, window: Window) -> tuple[list[str], bool]:
        """Return the three newest purchase times without offset in *window*, and whether they are read as UTC.

        Raises the same errors as ``chunks``.
        """
        with self._result(self._bounds(window)) as result:
            pick, utc = self._picker(result)
            cells = (as_texts((pick((*row, ""))[PURCHASED_AT],), "")[0].strip() for row in result)
            return nlargest(3, filter(is_naive, cells)), PURCHASED_AT in utc

    def skipped_files(self) -> list[str]:
        """Return an empty list: a database shows finished transactions only."""
        return []

    def refused_files(self) -> list[str]:
        """Return an empty list: there are no files."""
        return []

    def _result(self, parameters: dict[str, object]) -> "AbstractContextManager[CursorResult[Any]]":
        return self._database.result(self._query, parameters)

    def _order(self, cells: tuple[Any, ...], utc: frozenset[int], row: int) -> Order | RowRejected:
        return self._columns.order(with_offsets(as_texts(cells, self._separator), utc), "query", row, (0, row))

    def _bounds(self, window: Window) -> dict[str, object]:
        return bounds(span(window, self._zone, self._clock), self._clock, self._backend)

    def _picker(self, result: "CursorResult[Any]") -> tuple[Callable[[Sequence[Any]], tuple[Any, ...]], frozenset[int]]:
        """Return the function that picks our cells, and the indexes of the cells that are UTC without an offset."""
        pick = self._columns.picker(list(result.keys()), "The query's result")
        types = pick([*(column[1] for column in result.cursor.description), None])
        return pick, in_utc(types, self._naive_times, self._backend)
