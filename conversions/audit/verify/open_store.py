"""The store's file as it is, opened for looking only, with nothing of the program between."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote


@contextmanager
def open_store(path: Path) -> Iterator[sqlite3.Connection]:
    """The store as it stood at one moment; nothing can be written to it. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as store:
        store.execute("PRAGMA query_only = ON")
        store.execute("PRAGMA trusted_schema = OFF")
        store.execute("PRAGMA cache_size = -16384")
        store.execute("BEGIN")
        store.execute("SELECT 1 FROM sqlite_schema").fetchone()  # the moment is that of the first reading
        yield store
