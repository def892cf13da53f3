"""The open store: connection, transactions and clock."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from conversions.errors import LedgerError
from conversions.ledger.log import bound
from conversions.process.signals import defer_signals

UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Ledger:
    """An open store. The holder of the run lock sets ``epoch``; a commit with an older epoch fails."""

    connection: Connection
    clock: Clock
    store_id: str
    tail_path: Path
    epoch: int | None = None
    write_checkpoint: "Callable[[Ledger], str | None] | None" = None
    """Writes a checkpoint of the log; returns its text."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """One transaction, on disk when this returns. Raises LedgerError where the store fails."""
        with defer_signals(), translate_errors(), self.connection.begin():
            bound.begin(self.connection)
            yield self.connection
            bound.check_stated(self.connection)

    @contextmanager
    def temporary(self) -> Iterator[Connection]:
        """One transaction that writes temporary tables only: it takes no lock on the store.

        Raises LedgerError where a statement fails.
        """
        options = self.connection.execution_options
        options(writes_store=False)
        try:
            with defer_signals(), translate_errors(), self.connection.begin():
                yield self.connection
        finally:
            options(writes_store=True)

    def shrink_cache(self) -> None:
        """Shrink the page cache to 8 MiB before large queries: their sorts may use as much memory as the cache."""
        with self.transaction() as connection:
            connection.exec_driver_sql("PRAGMA cache_size=-8192")

    @property
    def now_us(self) -> int:
        """The current time in microseconds UTC."""
        return microseconds(self.clock())


def microseconds(instant: datetime) -> int:
    """An aware instant as integer microseconds UTC."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond


def instant(us: int) -> datetime:
    """Integer microseconds UTC as an aware instant."""
    return UNIX_EPOCH + timedelta(microseconds=us)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Raise a failure of the store as a LedgerError without values; afterwards a commit may or may not be on disk."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        message = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0][:120]
        remedy = "close the program that uses it" if message == "database is locked" else "repair the disk"
        raise LedgerError(
            f"The store failed ({message}). Nothing more is done; {remedy}, then `conversions run`."
        ) from None
    except SQLAlchemyError as error:
        raise LedgerError(f"The store failed ({type(error).__name__}). `conversions doctor` checks it.") from None
