"""``conversions audit``: which data were sent, to whom, when and on which legal basis.

It writes to the store only who looks, and comparisons with the platforms, before anything is shown.
"""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from conversions.cli import compare, evidence, looks, standing, withheld
from conversions.cli.clock import now
from conversions.cli.days import Since, Until, attempt_days
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, ReasonOption, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.model.receipt import Outcome

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy import Connection

    from conversions.audit.attempts.model import AttemptRecord, Selection
    from conversions.settings import Settings

MAX_ROW_ID = 2**63 - 1
AUDIT = "audit"
"""The purpose of a look where none is given."""

audit = typer.Typer(
    name="audit",
    help="Show and verify which data were sent, to whom, when and on which legal basis.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

OfRun = Annotated[
    int | None, typer.Option("--run", metavar="N", min=1, max=MAX_ROW_ID, help="Only attempts of this run.")
]
To = Annotated[str | None, typer.Option("--destination", metavar="NAME", help="Only attempts to this destination.")]


@audit.command("list")
def list_attempts(
    *,
    since: Since = None,
    until: Until = None,
    run: OfRun = None,
    destination: To = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only attempts with this outcome.")] = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
    config: Config = None,
) -> None:
    """List every attempt to send, one per line, the newest last.

    An attempt without an outcome is under way, or its run was killed. --since and --until are days of the attempt.
    """
    from conversions.audit import open_log
    from conversions.audit.attempts import queries, records

    settings = load_settings(config)
    with open_log(settings, now) as log:
        selection = _selection(log, settings, since, until, run, destination, outcome)
        attempts = list(queries.attempts(log, selection))
    if as_json:
        show_json(document([records.overview(attempt) for attempt in attempts], json_schema))
    elif attempts:
        _show_list(attempts, settings.zone)
    else:
        show("No attempt was made.")


@audit.command("show")
def show_attempt(
    request: Annotated[int, typer.Argument(max=MAX_ROW_ID, help="Number of the request, from `audit list`.")],
    *,
    reason: ReasonOption = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
    config: Config = None,
) -> None:
    """Show one attempt: its facts on stderr, the exact bytes that were sent on stdout.

    Off a terminal the bytes are written unchanged, so that `conversions audit show 3 | sha256sum` is their digest.
    This look is recorded; `audit looks` lists it.
    """
    from conversions.audit import open_log
    from conversions.audit.attempts import queries, records
    from conversions.audit.looks import record
    from conversions.ledger.subjects.access_log import Look, LookKind

    settings = load_settings(config)
    with open_log(settings, now) as log:
        attempt = queries.attempt(log, request)
        record(settings, now, [Look(LookKind.REQUEST, reason or AUDIT, about=str(request))])
        body = queries.body(log, attempt)
    facts = records.details(attempt, body)
    if as_json:
        show_json(document(facts, json_schema))
        return
    _say_facts(facts, settings.zone)
    if body.content is None:
        say(
            f"{body.erased} of its {attempt.events} events are erased, and its bytes with them; the log keeps the rest."
        )
    else:
        _write_bytes(body.content)


@audit.command("export")
def export_attempts(
    *,
    form: Annotated[
        Literal["jsonl", "csv"], typer.Option("--format", help="JSON Lines with bodies, or CSV without.")
    ] = "jsonl",
    since: Since = None,
    until: Until = None,
    run: OfRun = None,
    destination: To = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="New file that only its owner can read.")] = None,
    reason: ReasonOption = None,
    config: Config = None,
) -> None:
    """Write every attempt with all its facts, for programs and auditors.

    JSON Lines: one attempt per line; `body` is the text as it was sent. CSV is for spreadsheets: a cell that a
    spreadsheet would run as a formula begins with an apostrophe. This look is recorded; `audit looks` lists it.
    """
    from conversions.audit import open_log
    from conversions.audit.evidence.export import export, new_file
    from conversions.audit.looks import record
    from conversions.ledger.subjects.access_log import Look, LookKind

    settings = load_settings(config)
    with open_log(settings, now) as log:
        selection = _selection(log, settings, since, until, run, destination)
        about = ", ".join(map(str, filter(None, [form, selection.since, selection.until, destination, run])))
        record(settings, now, [Look(LookKind.EXPORT, reason or AUDIT, about=about)])
        if out is None:
            sys.stdout.flush()
            export(log, selection, form, sys.stdout.buffer)
            return
        with new_file(out) as file:
            written = export(log, selection, form, file)
    erased = f", {written.erased} of them erased" if written.erased else ""
    say(f"{out}: {written.attempts} attempts, {written.events} events{erased}.")


audit.command("standing")(standing.list_standing)
audit.command("withheld")(withheld.list_withheld)
audit.command("looks")(looks.list_looks)
audit.command("compare")(compare.compare_totals)
audit.command("verify")(evidence.verify_log)
audit.command("checkpoint")(evidence.show_checkpoint)
audit.command("bundle")(evidence.bundle_evidence)
audit.command("rotate-key")(evidence.rotate_key)


def _selection(
    log: "Connection",
    settings: "Settings",
    since: str | None,
    until: str | None,
    run: int | None,
    destination: str | None,
    outcome: Outcome | None = None,
) -> "Selection":
    """The options as a selection. Raises Usage where no attempt can match."""
    from conversions.audit.attempts import queries
    from conversions.audit.attempts.model import Selection

    first, last = attempt_days(settings, since, until)
    selection = Selection(
        zone=settings.zone,
        since=first,
        until=last,
        run=run,
        destination=destination,
        outcome=outcome,
    )
    queries.validate_selection(log, selection, settings.destinations)
    return selection


def _show_list(attempts: "list[AttemptRecord]", zone: "ZoneInfo") -> None:
    time = f"time ({zone.key})"
    header = ["request", "run", time, "destination", "purpose", "attempt", "events", "bytes", "outcome", "HTTP"]
    show_table([*header, "code"], [_row(attempt, zone) for attempt in attempts])
    if attempts[0].rehearsal:
        say("A rehearsal: none of this left this machine.")


def _row(a: "AttemptRecord", zone: "ZoneInfo") -> tuple[object, ...]:
    when, answer = f"{a.intended_at.astimezone(zone):%Y-%m-%d %H:%M:%S}", (a.outcome, a.http_status, a.code)
    return (a.request_id, a.run_id, when, a.destination, a.purpose, a.attempt, a.events, a.size, *answer)


def _say_facts(facts: dict[str, Any], zone: "ZoneInfo") -> None:
    """One fact per line, above the bytes."""
    for name, value in facts.items():
        if name != "body":
            shown = _moment(value, zone) if name.endswith("_at") and value else _text(value)
            say(f"{name.replace('_', ' '):<16} {shown}")


def _moment(value: str, zone: "ZoneInfo") -> str:
    return f"{datetime.fromisoformat(value).astimezone(zone):%Y-%m-%d %H:%M:%S.%f} {zone.key}"


def _text(value: Any) -> str:
    match value:
        case None | []:
            return "-"
        case bool():
            return "yes" if value else "no"
        case dict():
            return ", ".join(f"{name}: {item}" for name, item in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _write_bytes(body: bytes) -> None:
    """Write the bytes unchanged; a terminal gets them escaped, on their own line."""
    sys.stderr.flush()
    sys.stdout.flush()
    if sys.stdout.isatty():
        show(body.decode())
    else:
        sys.stdout.buffer.write(body)
