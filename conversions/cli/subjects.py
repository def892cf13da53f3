"""Addresses that an operator types, pipes or lists in a file; each becomes a keyed subject here and is not kept."""

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
        help="Better pipe it, or type it when asked: the shell's history keeps the command line.",
    ),
]
File = Annotated[
    Path | None, typer.Option(metavar="CSV", help="Addresses, one per row; otherwise read from stdin, or asked for.")
]
Column = Annotated[
    str | None, typer.Option(metavar="NAME", help="Column of addresses; default the first with 'mail' in its name.")
]


def one_person(settings: "Settings", address: str | None) -> "Person":
    """The person of the one given address. Raises Usage where there is none, or more than one."""
    persons, unusable = people(settings, address)
    if unusable:
        raise Usage(f"Cannot search for this address: {catalogue.reason(unusable[0][1])}.")
    if len(set(persons)) > 1:
        raise Usage("Several addresses were given; give one person at a time.")
    return persons[0]


def two_persons(settings: "Settings") -> "tuple[Person, Person]":
    """The persons of a wrong and a right address: two lines of standard input, or asked for.

    Raises Usage where there are not two usable addresses of different persons.
    """
    if sys.stdin.isatty():
        lines = [typer.prompt(which, err=True) for which in ("Wrong e-mail address", "Right e-mail address")]
    else:
        lines = [text for _, text in _addresses(None, None, None)]
    if len(lines) != 2:
        raise Usage("Give two lines on standard input: first the wrong address, then the right one.")
    wrong, right = (one_person(settings, line) for line in lines)
    if wrong == right:
        raise Usage("Both addresses are the same person's; nothing was changed.")
    return wrong, right


def people(
    settings: "Settings", address: str | None = None, file: Path | None = None, column: str | None = None
) -> "tuple[list[Person], list[tuple[int, Reason]]]":
    """The people of the given addresses, and the number of each line without a usable address, with the reason.

    Raises Usage where no address was given.
    """
    from conversions import keys
    from conversions.intake import identity

    subject_keys = [keys.derive(key, identity.SUBJECT) for key in [settings.secret_key, *settings.secret_former_keys]]
    results = [(line, identity.person(text, subject_keys)) for line, text in _addresses(address, file, column)]
    if not results:
        raise Usage("No address was given: pipe one in, add --file, or run this on a terminal.")
    persons = [person for _, person in results if isinstance(person, tuple)]
    return persons, [(line, fault) for line, fault in results if not isinstance(fault, tuple)]


def _addresses(address: str | None, file: Path | None, column: str | None) -> Iterator[tuple[int, str]]:
    """Line number and text of each address."""
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
    """Line number and cell of the address column: *column*, else the one with "mail" in its heading, else the first."""
    rows = list(csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ","))
    index = _column_index(rows[0] if rows else [], column)
    for number, cells in enumerate(rows, start=1):
        if any(cells) and not (index is not None and number == 1):
            yield number, "".join(cells[index or 0 : (index or 0) + 1])


def _column_index(heading: list[str], column: str | None) -> int | None:
    """Index of the address column; None where the first line is no heading."""
    names = [name.strip().lower() for name in heading]
    if column is None:
        return next((i for i, name in enumerate(names) if "mail" in name and "@" not in name), None)
    if column.lower() not in names:
        raise Usage(f"There is no column {column!r} in the first line; correct --column.")
    return names.index(column.lower())
