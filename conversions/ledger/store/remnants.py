"""Remnants in the store's files: SQLite moves rows between pages, and may leave copies of deleted ones in free space.

``secure_delete`` overwrites what a statement deletes, but not these copies, and the WAL has pages from before.
"""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from conversions.ledger.store.ledger import Ledger

_PERSON_INDEXES = ("ix_sale_person", "ix_earlier_person", "ix_look_subject")
_CHUNK, _OVERLAP = 1 << 22, 64
"""Bytes of a file that are searched at once, and of the next chunk that belong to them."""


class Remnants:
    """What SQLite does about remnants in one open store. Raises sqlite3.OperationalError where it cannot."""

    def __init__(self, ledger: Ledger) -> None:
        driver = ledger.connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        self._driver = driver

    def empty_wal(self) -> bool:
        """Write the WAL's pages to the store and empty it; False where a reader still needs them."""
        busy, *_ = self._driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def rebuild_indexes(self) -> None:
        """Rebuild the indexes that hold persons; SQLite overwrites the pages that it frees."""
        for index in _PERSON_INDEXES:
            self._driver.execute(f"REINDEX {index}")

    def rewrite(self) -> None:
        """Rewrite the whole store; it needs disk space for a copy."""
        self._driver.execute("VACUUM")

    def hold(self, traces: Collection[bytes], listed: Mapping[bytes, Collection[bytes]]) -> bool:
        """Return whether a file of the store holds one of *traces*, each of eight bytes or more.

        A trace in *listed* may stand where one of its endings follows.
        """
        store = Path(self._driver.execute("PRAGMA database_list").fetchone()[2])
        files = [store, *store.parent.glob(f"{store.name}-wal"), *store.parent.glob("etilqs_*")]
        return any(
            not any(chunk.startswith(ending, at + len(trace)) for ending in listed.get(trace, ()))
            for file in files
            for chunk in _chunks(file)
            for at, trace in _matches(chunk, traces)
        )


def _matches(chunk: bytes, traces: Collection[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield the place of every trace that begins in *chunk*, but for its overlap, and the trace.

    Two pairs of bytes are looked up in tables of all traces, because to search for each trace alone takes a second for
    some gigabytes.
    """
    import numpy as np

    by_start = defaultdict[bytes, list[bytes]](list)
    for trace in traces:
        by_start[trace[:4]].append(trace)
    tables = np.zeros((2, 1 << 16), dtype=bool)
    for start in by_start:
        tables[0, int.from_bytes(start[:2], "little")] = tables[1, int.from_bytes(start[2:], "little")] = True
    for shift in (0, 1):
        pairs = np.frombuffer(chunk, dtype="<u2", offset=shift, count=(len(chunk) - shift) // 2)
        places = np.flatnonzero(tables[0, pairs[:-1]])
        for place in places[tables[1, pairs[places + 1]]].tolist():
            at = 2 * place + shift
            for trace in by_start.get(chunk[at : at + 4], ()) if at < _CHUNK else ():
                if chunk.startswith(trace, at):
                    yield at, trace


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the file in chunks that overlap."""
    with _descriptor(path) as file:
        at = 0
        while len(chunk := os.pread(file, _CHUNK + _OVERLAP, at)) > 1:
            yield chunk
            at += _CHUNK


@contextmanager
def _descriptor(path: Path) -> Iterator[int]:
    """Open a file for reading; where SQLite has it open, this is SQLite's own descriptor.

    A process that closes any descriptor of a file loses all its locks on it (fcntl(2)), also those of SQLite.
    """
    wanted = path.stat()
    for number in [int(each.name) for each in Path("/dev/fd").iterdir()]:
        with suppress(OSError):  # of the listing itself
            if os.path.samestat(os.fstat(number), wanted):
                yield number
                return
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)
