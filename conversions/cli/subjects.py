"""People, as a command names them: typed, piped or listed in a file. An address ends here, at the keyed subject."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.errors import Usage

if TYPE_CHECKING:
    from conversions.model.conversion import Reason
    from conversions.model.subject import Person
    from conversions.settings import Settings

Address = Annotated[
    str | None,
    typer.Argument(
        metavar="[ADDRESS]",
        show_default=False,
        help="Better piped, or typed when asked: the command line stays in the shell's history.",
    ),
]
File = Annotated[
    Path | None, typer.Option(metavar="CSV", help="Addresses, one a row; otherwise standard input, or you are asked.")
]
Column = Annotated[
    str | None, typer.Option(metavar="NAME", help="The file's column of addresses; otherwise the one that says mail.")
]


def one_person(settings: "Settings", address: str | None) -> "Person":
    """The one person who was named. Raises Usage where it is nobody, or several."""
    found, unusable = people(settings, address)
    if unusable:
        raise Usage(f"That cannot be looked for: {catalogue.reason(unusable[0][1])}.")
    if len(set(found)) > 1:
        raise Usage("One person at a time, please: several addresses were given.")
    return found[0]


def people(
    settings: "Settings", address: str | None = None, file: Path | None = None, column: str | None = None
) -> "tuple[list[Person], list[tuple[int, Reason]]]":
    """The people who were named, and the lines that hold no usable address: their number, never what they hold.

    Raises Usage where nobody is named.
    """
    from conversions import keys
    from conversions.intake import identity

    held = [settings.secret_key, *settings.secret_former_keys]
    subject_keys = [keys.derive(key, identity.SUBJECT) for key in held]
    found = [(line, identity.person(text, subject_keys)) for line, text in _addresses(address, file, column)]
    if not found:
        raise Usage("No address was given; pipe one in, name --file, or run this on a terminal.")
    named = [person for _, person in found if isinstance(person, tuple)]
    return named, [(line, why) for line, why in found if not isinstance(why, tuple)]


def _addresses(address: str | None, file: Path | None, column: str | None) -> Iterator[tuple[int, str]]:
    """Line number and what stands there."""
    if address is not None:
        yield 1, address
        return
    if file is None and sys.stdin.isatty():
        yield 1, typer.prompt("E-mail address", err=True)
        return
    try:
        content = file.read_bytes() if file else sys.stdin.buffer.read()
        yield from _listed(content.decode("utf-8-sig").splitlines(), column)
    except (OSError, UnicodeDecodeError, csv.Error):
        raise Usage(f"{file or 'Standard input'} cannot be read as a list or a CSV of addresses in UTF-8.") from None


def _listed(lines: list[str], column: str | None) -> Iterator[tuple[int, str]]:
    """The addresses of a list or a table: of *column*, of the one whose heading says mail, otherwise of the first."""
    rows = list(csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ","))
    place = _place(rows[0] if rows else [], column)
    for number, cells in enumerate(rows, start=1):
        if any(cells) and not (place is not None and number == 1):
            yield number, "".join(cells[place or 0 : (place or 0) + 1])


def _place(heading: list[str], column: str | None) -> int | None:
    """Which column; None where the first line is no heading."""
    names = [name.strip().lower() for name in heading]
    if column is None:
        return next((i for i, name in enumerate(names) if "mail" in name and "@" not in name), None)
    if column.lower() not in names:
        raise Usage(f"There is no column {column!r}; --column names one of the first line's.")
    return names.index(column.lower())
