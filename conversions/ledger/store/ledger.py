"""The open store."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from conversions.errors import LedgerError
from conversions.process.signals import defer_signals

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Clock = Callable[[], datetime]


@dataclass(slots=True)
class Ledger:
    """An open store. ``epoch`` is set for the holder of the run lock: nothing commits under an older one."""

    connection: Connection
    clock: Clock
    store_id: str
    tail_path: Path
    epoch: int | None = None
    write_checkpoint: "Callable[[Ledger], str | None] | None" = None
    """Keeps a checkpoint of the log; its text."""

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it or nothing of it, on disk when this returns. Raises LedgerError where the store fails."""
        with defer_signals(), translate_errors(), self.connection.begin():
            yield self.connection

    def shrink_cache(self) -> None:
        """From here on a few large questions are asked: what they sort takes as much memory as the page cache may."""
        with self.transaction() as connection:
            connection.exec_driver_sql("PRAGMA cache_size=-8192")

    @property
    def now_us(self) -> int:
        """Microseconds UTC."""
        return microseconds(self.clock())


def microseconds(instant: datetime) -> int:
    """An aware instant as integer microseconds UTC."""
    return int(instant.timestamp()) * 1_000_000 + instant.microsecond


def instant(us: int) -> datetime:
    """Integer microseconds UTC as an aware instant."""
    return EPOCH + timedelta(microseconds=us)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Any failure of the store becomes one sentence without values; after a failed commit nothing may be assumed."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        said = str(error.orig if isinstance(error, DBAPIError) else error).splitlines()[0][:120]
        remedy = "close the program that holds it" if said == "database is locked" else "mend the disk"
        raise LedgerError(
            f"The store failed ({said}). Nothing more is done; {remedy}, then `conversions run`."
        ) from None
    except SQLAlchemyError as error:
        raise LedgerError(f"The store failed ({type(error).__name__}). `conversions doctor` looks at it.") from None
