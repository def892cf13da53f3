"""Orders in a database: streams the result of the operator's query, on a read-only connection."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import nlargest
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from conversions.catalogue import APPROVE
from conversions.errors import SettingsError, SourceError, SourceUnavailable
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources import read_only
from conversions.intake.sources.cells import EPOCH, as_texts
from conversions.intake.sources.instants import PURCHASED_AT, bounds, in_utc, is_naive, span, with_offsets
from conversions.intake.sources.mapping import ROWS_PER_CHUNK, ColumnMap
from conversions.model.conversion import Window
from conversions.settings import SqlSource

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, CursorResult
    from sqlalchemy.exc import SQLAlchemyError


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
        self._url = _address(settings.url.get_secret_value(), resolve)
        self._backend = self._url.get_backend_name()
        read_only.check_query(settings.query, self._backend)
        self._query = settings.query
        self._separator = settings.product_separator
        self._clock, self._naive_times = settings.bounds, settings.naive_times
        self._columns = ColumnMap(settings, zone, key)
        self.unparsed = self._columns.unparsed
        self._zone = zone
        self._name = _name(self._url)
        self.description = f"query on {self._name}"

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

    def _order(self, cells: tuple[Any, ...], utc: frozenset[int], row: int) -> Order | RowRejected:
        return self._columns.order(with_offsets(as_texts(cells, self._separator), utc), "query", row, (0, row))

    def _bounds(self, window: Window) -> dict[str, object]:
        return bounds(span(window, self._zone, self._clock), self._clock, self._backend)

    def _picker(self, result: "CursorResult[Any]") -> tuple[Callable[[Sequence[Any]], tuple[Any, ...]], frozenset[int]]:
        """Return the function that picks our cells, and the indexes of the cells that are UTC without an offset."""
        pick = self._columns.picker(list(result.keys()), "The query's result")
        types = pick([*(column[1] for column in result.cursor.description), None])
        return pick, in_utc(types, self._naive_times, self._backend)

    @contextmanager
    def _result(self, parameters: Mapping[str, object]) -> "Iterator[CursorResult[Any]]":
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        with self._connection() as connection:
            try:
                for statement in read_only.SESSION.get(self._backend, ()):
                    connection.exec_driver_sql(statement)
                streamed = connection.execution_options(stream_results=True)
                with streamed.execute(text(self._query), parameters) as result:
                    yield result
            except SQLAlchemyError as error:
                raise _source_error(error, self._name) from None

    @contextmanager
    def _connection(self) -> "Iterator[Connection]":
        from sqlalchemy import NullPool, create_engine, event
        from sqlalchemy.exc import DBAPIError, NoSuchModuleError

        try:
            read_only.check_driver(self._url)
            engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
            if self._backend == "sqlite":
                event.listen(engine, "connect", _restrict)
            connection = engine.connect()
        except (NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(
                f"source.url names the driver {self._url.drivername}, but its Python package is not installed; "
                "install it beside `conversions`, or name another driver."
            ) from None
        except DBAPIError as error:
            failure = SourceError if self._backend == "sqlite" else SourceUnavailable
            raise failure(
                f"The {self._name} cannot be opened ({_class(error)}); check source.url, then run again."
            ) from None
        with connection:
            yield connection


def _address(text: str, resolve: Callable[[str], Path]) -> "URL":
    """Parse the address. A file of SQLite must exist and is opened read-only."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise SettingsError(
            "source.url is not a SQLAlchemy address such as postgresql+psycopg://user@host/shop."
        ) from None
    if url.get_backend_name() != "sqlite" or not url.database:
        return url
    path = resolve(url.database).absolute()
    return url.set(database=path.as_uri(), query={"mode": "ro", "uri": "true"})


def _name(url: "URL") -> str:
    """Return the name for messages, without the login."""
    return f"{url.get_backend_name()} database {url.database or ''}" + (f" at {url.host}" if url.host else "")


def _restrict(connection: Any, _record: object) -> None:
    """Let SQLite read only. It stores invalid text, too, which must not affect other rows."""
    read_only.restrict_sqlite(connection)
    connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")


def _source_error(error: "SQLAlchemyError", name: str) -> SourceError:
    """Return the error with the class of the database's error only, since its text may quote a row."""
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return SourceError(
            "source.query must return rows and may use only :since and :until; write any other colon as \\:, then "
            f"{APPROVE}."
        )
    if error.connection_invalidated or "BUSY" in _class(error) or "LOCKED" in _class(error):
        return SourceUnavailable(
            f"The {name} broke off ({_class(error)}); nothing was sent. Check it, then run `conversions run`."
        )
    if "AUTH" in _class(error) or "READONLY" in _class(error).upper():
        return SourceError(f"The {name} refuses the query: a source may only read. Let source.query be one SELECT.")
    return SourceError(
        f"The {name} refuses the query ({_class(error)}); try source.query in its own client to see why."
    )


def _class(error: Exception) -> str:
    """Return the class of an error, such as ``UndefinedColumn`` or ``OperationalError SQLITE_ERROR``."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__} {getattr(cause, 'sqlite_errorname', '')}".strip()
