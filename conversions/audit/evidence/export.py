"""Every attempt of a selection in one file: JSON Lines as evidence, CSV for spreadsheets."""

import codecs
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Literal, assert_never

from sqlalchemy import Connection

from conversions.audit.attempts import queries, records
from conversions.audit.attempts.model import Selection
from conversions.errors import Usage
from conversions.process.durable import sync_file

Format = Literal["jsonl", "csv"]
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r\n]")  # noqa: RUF001
"""A cell that a spreadsheet would run (OWASP, CSV Injection): the full-width signs count, spaces before do not help."""
ATTEMPTS_PER_CHUNK = 500
"""Rows of a table that are held at once."""


@dataclass(slots=True)
class Written:
    """How much an export holds."""

    attempts: int = 0
    events: int = 0
    erased: int = 0
    """Events among them whose bytes are gone."""


def export(log: Connection, selection: Selection, form: Format, out: BinaryIO) -> Written:
    """Write the attempts that *selection* means to *out* in the order of their numbers, and few at a time."""
    written = Written()
    found = _records(log, selection, written)
    match form:
        case "jsonl":
            out.writelines(map(_line, found))
        case "csv":
            _sheet(found, out)
        case _:
            assert_never(form)
    return written


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that only its owner may read; of one that could not be finished nothing is left.

    Raises Usage where there already is one, and where it cannot be written.
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


def _records(log: Connection, selection: Selection, written: Written) -> Iterator[dict[str, Any]]:
    """One at a time; *written* keeps count."""
    for attempt in queries.attempts(log, selection):
        body = queries.body(log, attempt)
        yield records.record(attempt, body)
        written.attempts += 1
        written.events += attempt.events
        written.erased += body.erased


def _line(record: dict[str, Any]) -> bytes:
    """ASCII, so that no reader takes a character of a text for the end of a line, nor a terminal for a command."""
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"


def _sheet(found: Iterator[dict[str, Any]], out: BinaryIO) -> None:
    """A table without bodies, which no spreadsheet has room for. The byte order mark tells Excel that it is UTF-8."""
    from pandas import DataFrame

    columns = [key for key in records.KEYS if key != "body"]
    text = codecs.getwriter("utf-8-sig")(out)
    DataFrame(columns=columns).to_csv(text, index=False, lineterminator="\r\n")
    rows = ([_cell(record[column]) for column in columns] for record in found)
    while chunk := list(islice(rows, ATTEMPTS_PER_CHUNK)):
        # As objects, since a column of whole numbers and gaps would become 200.0.
        table = DataFrame(chunk, columns=columns, dtype=object)
        table.to_csv(text, index=False, header=False, lineterminator="\r\n")


def _cell(value: Any) -> Any:
    """Numbers stay numbers; text that a spreadsheet would run is kept from it by an apostrophe."""
    if isinstance(value, dict):
        return json.dumps(value)
    return _escape_formula(value) if isinstance(value, str) else value


def _escape_formula(text: str) -> str:
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return f"'{shown}" if FORMULA.match(text) else shown
