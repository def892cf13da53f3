"""Opens the store's file read-only and directly, without the code that runs use."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from conversions.process.sqlite_files import keep_temporary_files


@contextmanager
def open_store(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a read snapshot of the store; it cannot be written. Raises sqlite3.Error."""
    keep_temporary_files(path.parent)
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None)) as store:
        store.execute("PRAGMA query_only = ON")
        store.execute("PRAGMA trusted_schema = OFF")
        store.execute("PRAGMA cache_size = -16384")
        store.execute("BEGIN")
        store.execute("SELECT 1 FROM sqlite_schema").fetchone()  # the first read fixes the snapshot
        yield store
