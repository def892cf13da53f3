"""``conversions backup`` and ``conversions restore``: copies of the store, and a copy in its place."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings, without_address
from conversions.cli.output import say, show, show_json
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from conversions.ledger.maintenance.backup import Copy
    from conversions.ledger.maintenance.restore import RestoreResult

Target = Annotated[Path, typer.Argument(metavar="FILE", help="Where to; never over another file.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `conversions backup` made.")]


def backup(file: Target, *, as_json: AsJson = False, config: Config = None) -> int:
    """Copy the store to FILE, beside a run if need be; the copy is verified and holds no key.

    Keep it on another machine, with CONVERSIONS_KEY, the tail file and the checkpoint directory kept apart from it.
    """
    from conversions.ledger.maintenance import backup as copies

    copy = copies.backup(load_settings(config), clock.now, file)
    if as_json:
        show_json(_as_json(copy))
    else:
        show(f"{file}: {copy.size} log entries, the newest of {_time(copy)}; verified.")
        say("CONVERSIONS_KEY is not in it: keep that elsewhere, without it the copy is of no use.")
    return Exit.OK


def restore(
    file: Source,
    *,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", callback=without_address, help="Why; kept in the log.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Put the copy FILE where the store is missing, another, or older than what is remembered of it.

    Objections and erasures since are done again. What may have been sent since is not sent twice: the next run sends
    what the platform counts once, and sets the rest aside for `conversions decide`.
    """
    from conversions.ledger.maintenance import backup as copies
    from conversions.ledger.maintenance import restore as restoring

    settings = load_settings(config)
    if not yes:
        _ask(copies.verify(file) if file.is_file() else None, settings.store_path)
    done = restoring.restore(settings, clock.now, file, reason)
    if as_json:
        show_json({**_as_json(done.copy), **_rest(done)})
    else:
        _show(done)
    return Exit.OK


def _ask(copy: "Copy | None", place: Path) -> None:
    if not sys.stdin.isatty():
        raise Usage("`conversions restore` replaces the store; say --yes where nobody can be asked.")
    if copy is not None:
        say(f"The copy has {copy.size} log entries, the newest of {_time(copy)}.")
    typer.confirm(f"Put it in the place of {place}?", abort=True, err=True)


def _show(done: "RestoreResult") -> None:
    lost = max(0, done.remembered - done.copy.size)
    show(f"Restored: {done.copy.size} log entries, the newest of {_time(done.copy)}; {lost} later ones are lost.")
    show(f"Objections, withdrawals and erasures done again: {done.replayed}.")
    if done.aside:
        say(f"What was there is now {done.aside}; delete it when nobody needs it any more: it holds personal data.")
    say(
        f"Orders may have been sent since {_time(done.copy)} that this store does not know of. `conversions run` sends "
        "them again where the platform counts them once, and sets the others aside as unknown: `conversions decide` "
        "lists those. `conversions plan` shows the days first."
    )


def _time(copy: "Copy") -> str:
    return f"{copy.newest:%Y-%m-%d %H:%M} UTC"


def _as_json(copy: "Copy") -> dict[str, Any]:
    entries = {"log_entries": copy.size, "root": copy.root, "newest": copy.newest}
    return {"file": str(copy.path), "store": copy.store_id, **entries, "exit_code": int(Exit.OK)}


def _rest(done: "RestoreResult") -> dict[str, Any]:
    return {
        "remembered_entries": done.remembered,
        "replayed": done.replayed,
        "replaced": None if done.aside is None else str(done.aside),
    }
