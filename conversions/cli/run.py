"""``conversions run`` and ``conversions plan``: send a window of orders, or show what would be sent."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.checkpoint_copies import handing_over_checkpoints
from conversions.cli.days import RunSince, RunUntil, run_days, say_days
from conversions.cli.error_text import explanation
from conversions.cli.json_schema import LATEST, document
from conversions.cli.next_step import next_command
from conversions.cli.options import AsJson, Config, JsonSchema, ReasonOption, load_settings
from conversions.cli.output import say, show_json
from conversions.errors import AnotherRun, ConversionsError, Exit, SettingsError, Usage
from conversions.process.signals import raise_on_signal

if TYPE_CHECKING:
    from conversions.model.run_request import RunRequest
    from conversions.run.report import Report
    from conversions.settings import Settings

DestinationOption = Annotated[
    str | None, typer.Option("--destination", metavar="NAME", help="Only this destination of the settings.")
]


@raise_on_signal()
def run(
    *,
    config: Config = None,
    since: RunSince = None,
    until: RunUntil = None,
    destination: DestinationOption = None,
    reason: ReasonOption = None,
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
        _request(settings, since, until, destination),
        reason=reason,
        wait=_duration(wait),
        restate=restate,
        accepted=_accepted(accept or []),
    )
    if not quiet:
        _say_days(settings, request)
    if (request.named or restate) and not yes and sys.stdin.isatty():
        _ask(settings, request)
    with (
        on_call(settings, clock.now, say) as outcome,
        handing_over_checkpoints(settings, outcome) as undelivered,
        _remembering_stop(settings),
    ):
        result = pipeline.send(settings, request, clock.now, SILENT if quiet else open_progress())
        outcome.report = result.json()
        outcome.sentences = [*result.stop_reasons, *result.sentences, *messages.of_run(result, settings.zone)]
    if as_json:
        _show_json(result, messages.conclusion(result, settings.zone), json_schema, undelivered_checkpoints=undelivered)
    elif not quiet or result.exit_code:
        report.show_run(result, settings.zone)
    return result.exit_code


def _show_json(result: "Report", sentence: str, json_schema: int, **more: object) -> None:
    step = {"sentence": sentence, "next": next_command(sentence, result.exit_code)}
    show_json(document({**result.json(), **more, **step}, json_schema))


@contextmanager
def _remembering_stop(settings: "Settings") -> Iterator[None]:
    """Where an error stops the run, keep it for `status`, and print how many orders wait and until when."""
    from conversions.run import last_stop

    try:
        yield
    except Exception as error:
        if not isinstance(error, AnotherRun | Usage):
            last_stop.save(settings, last_stop.LastStop(clock.now(), *explanation(error)))
        if isinstance(error, ConversionsError) and error.exit_code not in {Exit.STORE, Exit.USAGE}:
            _report_backlog(settings)
        raise
    last_stop.clear(settings)


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
    since: RunSince = None,
    until: RunUntil = None,
    destination: DestinationOption = None,
    detail: Annotated[bool, typer.Option("--detail", help="Show days where there are more than 31.")] = False,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Show what `run` would do with the same window; it sends nothing and writes nothing."""
    from conversions.cli import messages, report

    settings = load_settings(config)
    request = _request(settings, since, until, destination)
    _say_days(settings, request)
    result = _plan(settings, request)
    if as_json:
        _show_json(result, messages.forecast(result), json_schema)
    else:
        report.show_plan(result, settings.zone, detail=detail)
    return result.exit_code


def _plan(settings: "Settings", request: "RunRequest") -> "Report":
    from conversions.observe.progress import open_progress
    from conversions.run import plan as run_plan

    return run_plan.plan(settings, request, clock.now, open_progress())


def _ask(settings: "Settings", request: "RunRequest") -> None:
    from conversions.cli import report

    with redirect_stdout(sys.stderr):  # stdout is for the result of the run
        shown = _plan(settings, request)
        report.show_plan(shown, settings.zone, restate=request.restate)
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


def _request(settings: "Settings", since: str | None, until: str | None, destination: str | None) -> "RunRequest":
    from conversions.model.run_request import RunRequest

    return RunRequest(*run_days(settings, since, until), destination)


def _say_days(settings: "Settings", request: "RunRequest") -> None:
    """Print the days that were typed, as they were understood. Raises Usage where none of them has come yet."""
    if request.named:
        window = request.days(settings.zone, clock.now())
        say_days(settings, window.since, window.until)


def _duration(wait: str) -> timedelta:
    from conversions.settings import duration

    longest = duration(wait)
    if not isinstance(longest, timedelta):
        raise Usage(f"--wait {wait} is not a duration; write 90s, 30m or 2h.")
    return longest
