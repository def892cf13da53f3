"""``conversions privacy``: what people ask of the shop. A typed or piped address ends here, at the keyed subject."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Config, load_settings, without_address
from conversions.cli.output import say, show, show_json, show_table
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from conversions.conversion import Reason
    from conversions.ledger.objections import Objection

app = typer.Typer(name="privacy", help="What people may ask of the shop.", no_args_is_help=True, rich_markup_mode=None)


@app.command("object")
def object_(
    *,
    file: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Addresses, one a row; a column named email.")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="Show the entries: number, dates, reason.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the objection back; needs --reason.")] = False,
    reason: Annotated[
        str | None, typer.Option(callback=without_address, help="Kept with the entry; without personal data.")
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Withhold a person's orders everywhere: objections under GDPR article 21.

    The address is read from standard input, from --file, or asked for. It binds from the next attempt on.
    """
    settings = load_settings(config)
    from conversions.privacy import objections

    if listing:
        _show_entries(objections.entries(settings, now), as_json=as_json)
        return Exit.OK
    if remove and not reason:
        raise Usage("--remove needs --reason: how the person said so.")
    subjects, unusable = _subjects(settings.secret_key, file)
    if remove:
        change = objections.take_back(settings, now, subjects, reason or "")
        show(f"Objections taken back: {change.changed}. Not on the list: {change.as_before}.")
    else:
        change = objections.enter(settings, now, subjects, reason)
        show(f"Objections entered: {change.changed}. Already on the list: {change.as_before}.")
        say("They bind from the next attempt on; what was sent before stays sent.")
    for line, why in unusable:
        say(f"line {line}: {why}")
    return Exit.DATA if unusable else Exit.OK


def _subjects(key: bytes, file: Path | None) -> "tuple[list[bytes], list[tuple[int, Reason]]]":
    """The people that were named, and the lines that hold no usable address: their number, never what they hold."""
    from conversions import identity, keys

    subject_key = keys.derive(key, identity.SUBJECT)
    found = [(line, identity.subject(text, subject_key)) for line, text in _addresses(file)]
    if not found:
        raise Usage("No address was given; pipe one in, name --file, or run this on a terminal.")
    subjects = [subject for _, subject in found if isinstance(subject, bytes)]
    return subjects, [(line, why) for line, why in found if not isinstance(why, bytes)]


def _show_entries(entries: "list[Objection]", *, as_json: bool) -> None:
    if as_json:
        show_json([{"entry": e.id, "since": e.since, "removed_at": e.removed_at, "reason": e.reason} for e in entries])
        return
    rows = [
        (
            e.id,
            f"{e.since:%Y-%m-%d %H:%M}",
            f"removed {e.removed_at:%Y-%m-%d}" if e.removed_at else "in force",
            e.reason,
        )
        for e in entries
    ]
    show_table(("entry", "since (UTC)", "state", "reason"), rows)


def _addresses(file: Path | None) -> Iterator[tuple[int, str]]:
    """Line number and what stands there, from *file*, from standard input, or from a person."""
    if file is None and sys.stdin.isatty():
        yield 1, typer.prompt("E-mail address", err=True)
        return
    try:
        content = file.read_bytes() if file else sys.stdin.buffer.read()
        yield from _column(content.decode("utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError, csv.Error):
        raise Usage(f"{file or 'Standard input'} cannot be read as a list or a CSV of addresses in UTF-8.") from None


def _column(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The addresses of a list or a table: the column whose heading says mail, otherwise the first."""
    rows = list(csv.reader(lines, delimiter=";" if lines and ";" in lines[0] else ","))
    heading = [name.lower() for name in rows[0]] if rows else []
    place = next((i for i, name in enumerate(heading) if "mail" in name and "@" not in name), None)
    for number, cells in enumerate(rows, start=1):
        if any(cells) and not (place is not None and number == 1):
            yield number, "".join(cells[place or 0 : (place or 0) + 1])
