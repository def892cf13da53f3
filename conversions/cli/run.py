"""``conversions run`` and ``conversions plan``: send a window of orders, or show what would be sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings, without_address
from conversions.cli.output import say, show_json
from conversions.errors import ConversionsError, Exit, SettingsError, Usage
from conversions.process.signals import raise_on_signal

if TYPE_CHECKING:
    from conversions.model.run_request import RunRequest
    from conversions.run.report import Report
    from conversions.settings import Settings

Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], metavar="DAY", help="Day in the shop's zone, included."),
]
DestinationOption = Annotated[
    str | None, typer.Option("--destination", metavar="NAME", help="Only this destination of the settings.")
]


@raise_on_signal()
def run(
    *,
    config: Config = None,
    since: Day = None,
    until: Day = None,
    destination: DestinationOption = None,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", callback=without_address, help="Why; kept in the store.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing at exit 0.")] = False,
    wait: Annotated[str, typer.Option(metavar="30m", help="Wait up to this long for another run to finish.")] = "0s",
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE[=VALUE]", help="Accept a finding that would stop the run; needs --reason."),
    ] = None,
    restate: Annotated[
        bool, typer.Option("--restate", help="Send changed values of orders that the platform holds.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="The same as `conversions plan`.")] = False,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Send each completed order of the window once; without dates: yesterday and the days before it."""
    from conversions import pipeline
    from conversions.cli import messages, report
    from conversions.observe.progress import SILENT, open_progress
    from conversions.on_call import on_call

    if dry_run:
        return plan(
            config=config, since=since, until=until, destination=destination, as_json=as_json, json_schema=json_schema
        )
    settings = load_settings(config)
    if accept and not reason:
        raise Usage("--accept needs --reason: why the finding is no mistake.")
    request = replace(
        _request(since, until, destination, reason, wait),
        restate=restate,
        accepted=_accepted(accept or []),
    )
    if (since or until or restate) and not yes and sys.stdin.isatty():
        _ask(settings, request)
    with on_call(settings, clock.now, say) as outcome, _reporting_backlog(settings):
        result = pipeline.send(settings, request, clock.now, SILENT if quiet else open_progress())
        outcome.report = result.json()
        outcome.sentences = [*result.stop_reasons, *result.sentences, *messages.of_run(result)]
    if as_json:
        show_json(document(result.json(), json_schema))
    elif not quiet or result.exit_code:
        report.show_run(result)
    return result.exit_code


@contextmanager
def _reporting_backlog(settings: "Settings") -> Iterator[None]:
    """Where an error stops the run, print how many orders wait and when the first becomes too old."""
    try:
        yield
    except ConversionsError as error:
        if error.exit_code not in {Exit.STORE, Exit.USAGE}:
            _report_backlog(settings)
        raise


def _report_backlog(settings: "Settings") -> None:
    from conversions.cli import messages
    from conversions.ledger import open_read_only
    from conversions.ledger.queries.backlog import backlogs

    with suppress(ConversionsError), open_read_only(settings, clock.now) as ledger:
        for line in messages.of_backlogs(backlogs(ledger), settings.zone):
            say(line)


def plan(
    *,
    config: Config = None,
    since: Day = None,
    until: Day = None,
    destination: DestinationOption = None,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Show what `run` would do with the same window; it sends nothing and writes nothing."""
    from conversions.cli import report

    result = _plan(load_settings(config), _request(since, until, destination))
    if as_json:
        show_json(document(result.json(), json_schema))
    else:
        report.show_plan(result)
    return result.exit_code


def _plan(settings: "Settings", request: "RunRequest") -> "Report":
    from conversions.observe.progress import open_progress
    from conversions.run import plan as run_plan

    return run_plan.plan(settings, request, clock.now, open_progress())


def _ask(settings: "Settings", request: "RunRequest") -> None:
    from conversions.cli import report

    with redirect_stdout(sys.stderr):  # stdout is for the result of the run
        report.show_plan(shown := _plan(settings, request))
    if shown.pending:
        raise SettingsError("Nothing was sent: see above what a person must approve first.")
    typer.confirm("Send this now?", abort=True, err=True)


def _accepted(texts: list[str]) -> dict[str, frozenset[str]]:
    """The accepted values by code. Raises Usage for an unknown code: a mistyped one must not seem accepted."""
    from conversions.anomalies import ACCEPTABLE

    pairs = [text.partition("=") for text in texts]
    for code, equals, value in pairs:
        form = ACCEPTABLE.get(code)
        if form is None or bool(equals) is not bool(form) or (form == "N" and not value.isdigit()):
            known = ", ".join(f"{name}={form}" if form else name for name, form in ACCEPTABLE.items())
            raise Usage(f"--accept {code}{equals}{value} is none of {known}. `conversions plan` shows the right one.")
    return {code: frozenset(value.upper() for other, _, value in pairs if other == code) for code, _, _ in pairs}


def _request(
    since: datetime | None,
    until: datetime | None,
    destination: str | None,
    reason: str | None = None,
    wait: str = "0s",
) -> "RunRequest":
    from conversions.model.run_request import RunRequest
    from conversions.settings import duration

    longest = duration(wait)
    if not isinstance(longest, timedelta):
        raise Usage(f"--wait {wait} is not a duration; write 90s, 30m or 2h.")
    return RunRequest(
        since.date() if since else None,
        until.date() if until else None,
        destination,
        reason,
        longest,
    )
