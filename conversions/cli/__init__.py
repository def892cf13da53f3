"""The command line: each command parses, calls one library function, renders, and returns its exit code.

Command modules are cheap to import; heavy modules are imported inside the functions that need them.
"""

import io
import sys
from typing import Annotated

import typer

from conversions import __version__
from conversions.cli import (
    adopt,
    audit,
    backup,
    decide,
    doctor,
    explain,
    init,
    key,
    month_report,
    policy,
    privacy,
    reconcile,
    run,
    sandbox,
    schema,
    source,
    status,
    streams,
    upgrade,
)
from conversions.cli.error_text import explanation
from conversions.cli.json_schema import LATEST, document
from conversions.cli.next_step import next_command
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit
from conversions.process import limits

DOCUMENT_COMMANDS = {"audit", "explain", "privacy", "report", "schema", "source"}
"""Commands that print a document: cut-off output makes them exit 1. It never changes the exit code of a run."""

app = typer.Typer(
    name="conversions",
    help="Send completed web-shop orders as hashed conversions to Google and Meta, and log each request with one.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
    context_settings={"max_content_width": 120},
)


def _version(wanted: bool) -> None:
    if wanted:
        show(f"conversions {__version__}")
        raise typer.Exit


@app.callback()
def _start(
    *,
    version: Annotated[  # noqa: ARG001
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and exit.")
    ] = False,
) -> None:
    from conversions.observe import logs

    logs.start()


for command in (
    run.run,
    run.plan,
    status.status,
    explain.explain,
    month_report.report,
    reconcile.reconcile,
    decide.decide,
    adopt.adopt,
    doctor.doctor,
    init.init,
    backup.backup,
    backup.restore,
    upgrade.upgrade,
    schema.schema,
    sandbox.sandbox,
):
    app.command()(command)
app.add_typer(source.app)
app.add_typer(audit.audit)
app.add_typer(policy.app)
app.add_typer(key.app)
app.add_typer(privacy.app)


def main(arguments: list[str] | None = None) -> int:
    """Run the command that *arguments* name (absent: the process's own) and return its exit code.

    An error becomes one sentence on stderr. Of an unexpected exception only class and place are printed, since its
    text may quote an order.
    """
    if arguments is None and not sys.warnoptions:  # a warning of a library may quote personal data
        import warnings

        warnings.simplefilter("ignore")
    limits.protect()
    streams.keep_open()
    _show_everything()
    code = _exit_code(arguments)
    if cause := streams.loss():
        say(f"Some of the output could not be written: {cause}.")
        if {*(sys.argv[1:] if arguments is None else arguments)[:1]} & DOCUMENT_COMMANDS:
            return code or Exit.ATTENTION
    return code


def _exit_code(arguments: list[str] | None) -> int:
    try:
        return int(app(arguments, prog_name="conversions", standalone_mode=False) or Exit.OK)
    except Exception as error:  # noqa: BLE001
        code, sentence = explanation(error)
        say(sentence)
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            step = next_command(sentence, code)
            show_json(document({"exit_code": code, "sentence": sentence, "next": step}, LATEST))
        return code


def _show_everything() -> None:
    """Escape characters that the terminal or pipe cannot show, so that a name in another script stops no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
