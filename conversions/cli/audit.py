"""``conversions audit``: which data were sent, to whom, when and on which legal basis; it only reads the store."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from conversions.cli import evidence
from conversions.cli.clock import now
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.run import Day
from conversions.model.receipt import Outcome

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from conversions.audit.attempts.model import AttemptRecord, Selection
    from conversions.settings import Settings

MAX_ROW_ID = 2**63 - 1

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
    since: Day = None,
    until: Day = None,
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
        _show_list(attempts)
    else:
        show("No attempt was made.")


@audit.command("show")
def show_attempt(
    request: Annotated[int, typer.Argument(max=MAX_ROW_ID, help="Number of the request, from `audit list`.")],
    *,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
    config: Config = None,
) -> None:
    """Show one attempt: its facts on stderr, the exact bytes that were sent on stdout.

    Off a terminal the bytes are written unchanged, so that `conversions audit show 3 | sha256sum` is their digest.
    """
    from conversions.audit import open_log
    from conversions.audit.attempts import queries, records

    with open_log(load_settings(config), now) as log:
        attempt = queries.attempt(log, request)
        body = queries.body(log, attempt)
    facts = records.details(attempt, body)
    if as_json:
        show_json(document(facts, json_schema))
        return
    _say_facts(facts)
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
    since: Day = None,
    until: Day = None,
    run: OfRun = None,
    destination: To = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="New file that only its owner can read.")] = None,
    config: Config = None,
) -> None:
    """Write every attempt with all its facts, for programs and auditors.

    JSON Lines: one attempt per line; `body` is the text as it was sent. CSV is for spreadsheets: a cell that a
    spreadsheet would run as a formula begins with an apostrophe.
    """
    from conversions.audit import open_log
    from conversions.audit.evidence.export import export, new_file

    settings = load_settings(config)
    with open_log(settings, now) as log:
        selection = _selection(log, settings, since, until, run, destination)
        if out is None:
            sys.stdout.flush()
            export(log, selection, form, sys.stdout.buffer)
            return
        with new_file(out) as file:
            written = export(log, selection, form, file)
    erased = f", {written.erased} of them erased" if written.erased else ""
    say(f"{out}: {written.attempts} attempts, {written.events} events{erased}.")


audit.command("verify")(evidence.verify_log)
audit.command("bundle")(evidence.bundle_evidence)
audit.command("rotate-key")(evidence.rotate_key)


def _selection(
    log: "Connection",
    settings: "Settings",
    since: datetime | None,
    until: datetime | None,
    run: int | None,
    destination: str | None,
    outcome: Outcome | None = None,
) -> "Selection":
    """The options as a selection. Raises Usage where no attempt can match."""
    from conversions.audit.attempts import queries
    from conversions.audit.attempts.model import Selection

    selection = Selection(
        zone=settings.zone,
        since=since.date() if since else None,
        until=until.date() if until else None,
        run=run,
        destination=destination,
        outcome=outcome,
    )
    queries.validate_selection(log, selection, settings.destinations)
    return selection


def _show_list(attempts: "list[AttemptRecord]") -> None:
    header = ["request", "run", "time (UTC)", "destination", "purpose", "attempt", "events", "bytes", "outcome", "HTTP"]
    show_table([*header, "code"], [_row(attempt) for attempt in attempts])
    if attempts[0].rehearsal:
        say("A rehearsal: none of this left this machine.")


def _row(a: "AttemptRecord") -> tuple[object, ...]:
    when, answer = f"{a.intended_at:%Y-%m-%d %H:%M:%S}", (a.outcome, a.http_status, a.code)
    return (a.request_id, a.run_id, when, a.destination, a.purpose, a.attempt, a.events, a.size, *answer)


def _say_facts(facts: dict[str, Any]) -> None:
    """One fact per line, above the bytes."""
    for name, value in facts.items():
        if name != "body":
            say(f"{name.replace('_', ' '):<16} {_text(value)}")


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
