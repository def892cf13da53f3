"""A database of orders: opens it for reading only, streams a result, and says what failed without quoting it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conversions.errors import SettingsError, SourceError, SourceUnavailable
from conversions.intake.sources.sql import read_only

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, CursorResult
    from sqlalchemy.exc import SQLAlchemyError


class Database:
    """One database; every result has a connection of its own, read-only and on UTC where that is possible."""

    def __init__(self, url: str, resolve: Callable[[str], Path], *, not_run: str, refused: str) -> None:
        """*not_run* is the sentence for a statement that is no query, *refused* the advice for one that fails.

        Raises SettingsError where *url* is no address.
        """
        self._url = _address(url, resolve)
        self.backend = self._url.get_backend_name()
        self.name = _name(self._url)
        self.schema = self._url.database or ""
        """Name of the database in the address."""
        self._not_run, self._refused = not_run, refused

    @contextmanager
    def result(self, statement: str, parameters: Mapping[str, object]) -> "Iterator[CursorResult[Any]]":
        """Stream the rows of *statement*.

        Raises SettingsError where the driver is missing, SourceUnavailable where the database cannot be reached,
        SourceError where it refuses the statement.
        """
        from sqlalchemy import text
        from sqlalchemy.exc import SQLAlchemyError

        with self._connection() as connection:
            try:
                for setting in read_only.SESSION.get(self.backend, ()):
                    connection.exec_driver_sql(setting)
                streamed = connection.execution_options(stream_results=True)
                with streamed.execute(text(statement), parameters) as result:
                    yield result
            except SQLAlchemyError as error:
                raise self._error(error) from None

    @contextmanager
    def _connection(self) -> "Iterator[Connection]":
        from sqlalchemy import NullPool, create_engine, event
        from sqlalchemy.exc import DBAPIError, NoSuchModuleError

        try:
            read_only.check_driver(self._url)
            engine = create_engine(self._url, poolclass=NullPool, hide_parameters=True)
            if self.backend == "sqlite":
                event.listen(engine, "connect", _restrict)
            connection = engine.connect()
        except (NoSuchModuleError, ModuleNotFoundError):
            raise SettingsError(
                f"source.url names the driver {self._url.drivername}, but its Python package is not installed; "
                "install it beside `conversions`, or name another driver."
            ) from None
        except DBAPIError as error:
            failure = SourceError if self.backend == "sqlite" else SourceUnavailable
            raise failure(
                f"The {self.name} cannot be opened ({_class(error)}); check source.url, then run again."
            ) from None
        with connection:
            yield connection

    def _error(self, error: "SQLAlchemyError") -> SourceError:
        """Return the error with the class of the database's error only, since its text may quote a row."""
        from sqlalchemy.exc import DBAPIError

        if not isinstance(error, DBAPIError):
            return SourceError(self._not_run)
        if error.connection_invalidated or "BUSY" in _class(error) or "LOCKED" in _class(error):
            return SourceUnavailable(
                f"The {self.name} broke off ({_class(error)}); nothing was sent. Check it, then run `conversions run`."
            )
        if "AUTH" in _class(error) or "READONLY" in _class(error).upper():
            return SourceError(
                f"The {self.name} refuses the query: a source may only read. Let source.query be one SELECT."
            )
        return SourceError(f"The {self.name} refuses the query ({_class(error)}); {self._refused}")


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


def _class(error: Exception) -> str:
    """Return the class of an error, such as ``UndefinedColumn`` or ``OperationalError SQLITE_ERROR``."""
    cause = getattr(error, "orig", None) or error
    return f"{type(cause).__name__} {getattr(cause, 'sqlite_errorname', '')}".strip()
