"""The command line: each command parses, calls one library function, renders, and returns its exit code.

Command modules are cheap to import; whatever is heavy is imported inside the functions that need it.
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

INTERRUPTED = 130
"""As shells have it: 128 + SIGINT."""

PAPERS = {"audit", "privacy", "schema"}
"""Commands whose result is what they print: a part of it must not pass for all. A night's code never changes."""

app = typer.Typer(
    name="conversions",
    help="Completed web-shop orders in, hashed conversions at Google and Meta, every byte accounted for.",
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

    Whatever stops it becomes one sentence on stderr; an exception that nobody foresaw is named by its class and place
    alone, since its text may quote an order.
    """
    if arguments is None and not sys.warnoptions:  # what a library warns of may quote what it handles
        import warnings

        warnings.simplefilter("ignore")
    streams.keep_open()
    _show_everything()
    code = _exit_code(arguments)
    if why := streams.loss():
        say(f"Not all of the output could be written: {why}.")
        if {*(sys.argv[1:] if arguments is None else arguments)[:1]} & PAPERS:
            return code or Exit.ATTENTION
    return code


def _exit_code(arguments: list[str] | None) -> int:
    try:
        return int(app(arguments, prog_name="conversions", standalone_mode=False) or Exit.OK)
    except Exception as error:  # noqa: BLE001
        return _explain(error)


def _show_everything() -> None:
    """What a terminal or a pipe has no character for is shown escaped: a name must not end a command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _explain(error: Exception) -> int:
    """Say what stopped the command; returns the exit code."""
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
    inner = [place for place in frames if place[0].startswith("conversions.")]
    path = " > ".join(f"{module}:{line}" for module, line in dict.fromkeys([*inner, *frames[-1:]]))
    system = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
    return (
        f"Internal error, {type(error).__name__}{system} at {path}; its text is not shown, since it may hold personal"
        " data. Please report this line; `conversions status` shows what the store holds."
    )


def _masked(text: str) -> str:
    """The last resort: a word that holds an address or a token is not repeated."""
    return re.sub(r"\S*(@|%40|\bEAA\w{16})\S*", "[withheld]", text)
