"""``conversions privacy``: the suppression list (objection, withdrawal, restriction), and other rights of people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.cli import access, breach, erasure, record, rectification
from conversions.cli.clock import now
from conversions.cli.options import AsJson, Case, Config, ReasonOption, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.subjects import Address, Column, File, people
from conversions.errors import Exit, Usage
from conversions.model.local_time import local_minute

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.ledger.subjects.suppressions import Suppression, SuppressionKind
    from conversions.privacy.objections import ListChange

app = typer.Typer(
    name="privacy",
    help="Requests of people: objection, restriction, access, rectification, erasure, record.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.command("access")(access.access)
app.command("affected")(breach.affected)
for command in (rectification.rectify, erasure.erase, erasure.tasks, erasure.retention, record.record):
    app.command()(command)

Listing = Annotated[bool, typer.Option("--list", help="Show the entries: number, dates, case, reason.")]
Remove = Annotated[bool, typer.Option("--remove", help="Remove the entry; needs --reason.")]


SUPPRESSIONS = {
    "object": (
        ("objection", "erasure"),
        "Withhold a person's orders from every destination: objection, GDPR article 21.\n\n",
    ),
    "withdraw": (
        ("withdrawal",),
        (
            "Withhold a person's orders from every destination: consent withdrawn, GDPR article 7(3).\n\n"
            "It overrides a consent that the source records. "
        ),
    ),
    "restrict": (
        ("restriction",),
        (
            "Withhold a person's orders, and keep their data as they are: restriction, GDPR article 18.\n\n"
            "Neither retention nor `erase` removes the data while it is in force. "
        ),
    ),
}
"""The commands of the suppression list: the kind that each adds, with those that it lists, too, and its help."""
_INPUT = "The address is read from standard input, from --file, or asked for. It takes effect from the next attempt on."


def _register(name: str, kinds: tuple[str, ...], text: str) -> None:
    """Add the command *name*, which adds, removes and lists entries of the suppression list."""

    @app.command(name, help=f"{text}{_INPUT}")
    def suppress(
        address: Address = None,
        *,
        file: File = None,
        column: Column = None,
        listing: Listing = False,
        remove: Remove = False,
        reason: ReasonOption = None,
        case: Case = None,
        as_json: AsJson = False,
        config: Config = None,
    ) -> int:
        from conversions.ledger.subjects.suppressions import SuppressionKind

        if listing:
            return _list(config, [SuppressionKind(kind) for kind in kinds], as_json=as_json)
        kind = SuppressionKind(kinds[0])
        return _change(config, kind, (address, file, column), reason, case, remove=remove, as_json=as_json)


for command_name, (command_kinds, command_help) in SUPPRESSIONS.items():
    _register(command_name, command_kinds, command_help)


def _change(
    config: Path | None,
    kind: "SuppressionKind",
    addresses: tuple[str | None, Path | None, str | None],
    reason: str | None,
    case: str | None,
    *,
    remove: bool,
    as_json: bool,
) -> int:
    """Add the people to the suppression list, or remove them."""
    from conversions.privacy import objections

    if remove and not reason:
        raise Usage("--remove needs --reason: how the person asked for it.")
    settings = load_settings(config)
    persons, unusable = people(settings, *addresses)
    if remove:
        change = objections.remove(settings, now, persons, kind, reason or "")
    else:
        change = objections.add(settings, now, persons, objections.ListEntry(kind, reason, case))
    if as_json:
        lines = [{"line": line, "reason": fault} for line, fault in unusable]
        show_json({"changed": change.changed, "as_before": change.as_before, "unusable": lines})
    else:
        _show_change(change, kind, remove=remove)
    for line, fault in unusable:
        say(f"line {line}: {catalogue.reason(fault)}")
    return Exit.DATA if unusable else Exit.OK


def _show_change(change: "ListChange", kind: "SuppressionKind", *, remove: bool) -> None:
    if remove:
        show(f"{kind.capitalize()}s removed: {change.changed}. Not on the list: {change.as_before}.")
    else:
        show(f"{kind.capitalize()}s added: {change.changed}. Already on the list: {change.as_before}.")
        say("They take effect from the next attempt on; earlier requests stay sent.")
        if kind == "restriction":
            say("Where orders were sent, tell Google and Meta of the restriction (GDPR article 19): it opens no task.")


def _list(config: Path | None, kinds: "list[SuppressionKind]", *, as_json: bool) -> int:
    from conversions.privacy import objections

    settings = load_settings(config)
    entries = [entry for entry in objections.list_entries(settings, now) if entry.kind in kinds]
    if as_json:
        show_json([_facts(entry) for entry in entries])
    else:
        zone = settings.zone
        rows = [(e.id, e.kind, local_minute(e.since, zone), _state(e, zone), e.case, _words(e.reason)) for e in entries]
        show_table(("entry", "kind", f"since ({settings.timezone})", "state", "case", "reason"), rows)
    return Exit.OK


def _facts(entry: "Suppression") -> dict[str, object]:
    return {
        "entry": entry.id,
        "kind": entry.kind,
        "since": entry.since,
        "removed_at": entry.removed,
        "removed_reason": entry.removed_reason,
        "case": entry.case,
        "reason": entry.reason,
    }


def _state(entry: "Suppression", zone: "ZoneInfo") -> str:
    if entry.removed is None:
        return "in force"
    return f"removed {entry.removed.astimezone(zone):%Y-%m-%d}: {_words(entry.removed_reason)}"


def _words(reason: str | None) -> str:
    return catalogue.text("entry_reasons", reason or "")
