"""Writes selected attempts to one file: JSON Lines as evidence, or CSV for spreadsheets."""

import codecs
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, assert_never

from sqlalchemy import Connection

from conversions.audit.attempts import queries, records
from conversions.audit.attempts.model import Selection
from conversions.errors import Usage
from conversions.observe.printable import printable
from conversions.process.durable import sync_file

Format = Literal["jsonl", "csv"]
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r\n]")  # noqa: RUF001
"""A cell that a spreadsheet runs as a formula (OWASP, CSV Injection), also with full-width signs or leading spaces."""
ATTEMPTS_PER_CHUNK = 500
"""Rows of the CSV table that are in memory at the same time."""


@dataclass(slots=True)
class ExportCounts:
    """Counts of one export."""

    attempts: int = 0
    events: int = 0
    erased: int = 0
    """Events without bytes, part of ``events``."""


def export(log: Connection, selection: Selection, form: Format, out: BinaryIO) -> ExportCounts:
    """Write the attempts of *selection* to *out*, by number; memory does not grow with their count."""
    counts = ExportCounts()
    rows = _records(log, selection, counts)
    match form:
        case "jsonl":
            out.writelines(map(_line, rows))
        case "csv":
            write_csv([key for key in records.KEYS if key != "body"], rows, out)
        case _:
            assert_never(form)
    return counts


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Create a file that only its owner may read; it is deleted again where writing fails.

    Raises Usage where the file exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        raise Usage(f"{path} is already there and stays as it is; name another file.") from None
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            sync_file(file)
    except BaseException as error:
        path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise _unwritable(path, error) from None
        raise


def _unwritable(path: Path, error: OSError) -> Usage:
    return Usage(f"{path} cannot be written: {error.strerror}; name another file.")


def _records(log: Connection, selection: Selection, counts: ExportCounts) -> Iterator[dict[str, Any]]:
    """Yield one record per attempt, and count it in *counts*."""
    for attempt in queries.attempts(log, selection):
        body = queries.body(log, attempt)
        yield records.export_record(attempt, body)
        counts.attempts += 1
        counts.events += attempt.events
        counts.erased += body.erased


def _line(record: dict[str, Any]) -> bytes:
    """One line in ASCII, so that no character in a text acts as a line end or a terminal command."""
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"


def write_csv(columns: list[str], values: Iterable[Mapping[str, Any]], out: BinaryIO) -> None:
    """Write *columns* as a table for spreadsheets. The byte order mark tells Excel that it is UTF-8.

    Columns have no bodies: no cell has room for one.
    """
    from pandas import DataFrame

    text = codecs.getwriter("utf-8-sig")(out)
    DataFrame(columns=columns).to_csv(text, index=False, lineterminator="\r\n")
    rows = ([_cell(row[column]) for column in columns] for row in values)
    while chunk := list(islice(rows, ATTEMPTS_PER_CHUNK)):
        # dtype=object, because pandas would turn a column of integers with gaps into 200.0.
        table = DataFrame(chunk, columns=columns, dtype=object)
        table.to_csv(text, index=False, header=False, lineterminator="\r\n")


def _cell(value: Any) -> Any:
    """A CSV cell: numbers stay numbers, and a text that a spreadsheet would run gets an apostrophe in front."""
    if isinstance(value, dict):
        return json.dumps(value)
    return _escape_formula(value) if isinstance(value, str) else value


def _escape_formula(text: str) -> str:
    shown = printable(text)
    return f"'{shown}" if FORMULA.match(text) else shown
