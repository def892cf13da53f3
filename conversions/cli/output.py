"""Output of a command: results on stdout, messages to the operator on stderr.

All text is escaped here, whoever wrote it, so that no file name, order number or answer can control a terminal.
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from conversions.observe.printable import printable

LAYOUT = "\n\t\xa0"
"""Characters that lay out our own text; text from outside within a line goes through ``printable`` first."""


def show(text: str = "") -> None:
    """Print lines of the result on stdout."""
    sys.stdout.write(f"{printable(text, LAYOUT)}\n")


def say(text: str) -> None:
    """Print a message to the operator on stderr."""
    sys.stderr.write(f"{printable(text, LAYOUT)}\n")


def confirm(question: str) -> None:
    """Ask on the terminal. Raises typer.Abort where the answer is no."""
    import typer

    typer.confirm(printable(question), abort=True, err=True)


def show_json(value: Any) -> None:
    """Print the result as one JSON document in ASCII; amounts are decimal texts, days and instants ISO 8601."""
    sys.stdout.write(f"{json_text(value)}\n")


def json_text(value: Any, *, indent: int | None = 2) -> str:
    """*value* as ``show_json`` prints it."""
    import json

    return json.dumps(value, default=_jsonable, indent=indent)


def show_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns, numbers to the right. Off a terminal there is no width limit: one row is one line."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    rows = [list(row) for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for i, name in enumerate(header):
        numbers = bool(rows) and all(isinstance(row[i], int | Decimal | None) for row in rows)
        table.add_column(Text(name), justify="right" if numbers else "left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else printable(str(cell))) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 100_000)
    with console.capture() as drawn:
        console.print(table)
    for line in drawn.get().splitlines():
        sys.stdout.write(f"{line.rstrip()}\n")  # with the terminal's own codes for the header


def _jsonable(value: object) -> object:
    match value:
        case date():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case timedelta():
            return value.total_seconds()
        case PurePath():
            return str(value)
        case _:
            raise TypeError(type(value).__name__)
