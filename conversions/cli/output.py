"""Output of a command: results on stdout, messages to the operator on stderr.

Text for a terminal is escaped here, our own included, so that no file name, order number or answer can control it.
Two things do not pass here: progress, which has only our own text, and documents and sent bytes for a pipe or file.
"""

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, TextIO

from conversions.observe.printable import printable

LAYOUT = "\n\t\xa0"
"""Characters that lay out our own text; text from outside within a line goes through ``printable`` first."""


def show(text: str = "") -> None:
    """Print lines of the result on stdout."""
    sys.stdout.write(f"{printable(text, LAYOUT)}\n")


def show_prose(text: str) -> None:
    """Print sentences of the result on stdout; a terminal gets whole words."""
    sys.stdout.write(f"{_laid_out(text, sys.stdout)}\n")


def say(text: str) -> None:
    """Print a message to the operator on stderr, after all output on stdout; a terminal gets whole words."""
    sys.stdout.flush()
    sys.stderr.write(f"{_laid_out(text, sys.stderr)}\n")


def _laid_out(text: str, stream: TextIO) -> str:
    shown = printable(text, LAYOUT)
    if not stream.isatty():
        return shown
    return "\n".join(wrapped(line, shutil.get_terminal_size().columns) for line in shown.split("\n"))


def wrapped(line: str, columns: int) -> str:
    """Return *line*, wrapped below its first words such as "problem  "; a command stays whole, so it can be copied."""
    hanging = re.match(r" *(?:\S+ {2,})*", line)
    indent = " " * len(hanging[0] if hanging else "")
    whole = re.sub(r"`[^`]*`", lambda command: command[0].replace(" ", "\0"), line)
    wrapper = textwrap.TextWrapper(
        columns, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )
    return wrapper.fill(whole).replace("\0", " ")


def confirm(question: str) -> None:
    """Ask on the terminal. Raises typer.Abort where the answer is no."""
    import typer

    typer.confirm(printable(question), abort=True, err=True)


def counted(number: int, thing: str) -> str:
    """Return *number* and the noun *thing*, such as "1 order" and "2 orders"."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


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
        table.add_column(Text(name), justify="right" if numbers else "left", overflow="fold")
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
