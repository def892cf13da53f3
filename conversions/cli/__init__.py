"""The command line: each command parses, calls one library function, renders, and returns its exit code.

Command modules are cheap to import; heavy modules are imported inside the functions that need them.
"""

import io
import re
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from conversions import __version__
from conversions.cli import (
    adopt,
    audit,
    backup,
    decide,
    doctor,
    init,
    key,
    policy,
    privacy,
    reconcile,
    run,
    sandbox,
    schema,
    status,
    streams,
    upgrade,
)
from conversions.cli.output import say, show
from conversions.errors import ConversionsError, Exit
from conversions.process import limits

INTERRUPTED = 130
"""Exit code after SIGINT: 128 + 2, as in shells."""

DOCUMENT_COMMANDS = {"audit", "privacy", "schema"}
"""Commands that print a document: cut-off output makes them exit 1. It never changes the exit code of a run."""

app = typer.Typer(
    name="conversions",
    help="Send completed web-shop orders as hashed conversions to Google and Meta, and log every request.",
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
        return _explain(error)


def _show_everything() -> None:
    """Escape characters that the terminal or pipe cannot show, so that a name in another script stops no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(error: Exception) -> int:
    """Print what stopped the command; return the exit code."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    match error:
        case ConversionsError():
            say(_masked(str(error)))
            return error.exit_code
        case TyperException():
            say(_masked(error.format_message()))
            return error.exit_code
        case typer.Abort():
            say("Stopped.")
            return INTERRUPTED
        case _:
            say(_unexpected(error))
            return Exit.REFUSED


def _unexpected(error: Exception) -> str:
    frames = [(frame.f_globals.get("__name__", "?"), line) for frame, line in traceback.walk_tb(error.__traceback__)]
    ours = [frame for frame in frames if frame[0].startswith("conversions.")]
    path = " > ".join(f"{module}:{line}" for module, line in dict.fromkeys([*ours, *frames[-1:]]))
    system = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return (
        f"Internal error, {type(error).__name__}{system} at {path}; its text is not shown, since it may contain"
        " personal data. Please report this line; `conversions status` shows what the store holds."
    )


def _masked(text: str) -> str:
    """Mask each word that contains an address or a token: the last line of defence."""
    return re.sub(r"\S*(@|%40|\bEAA\w{16})\S*", "[withheld]", text)
