"""``conversions backup`` and ``conversions restore``: copy the store, and put a copy in its place."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.cli.output import confirm, say, show, show_json
from conversions.errors import Exit, Usage
from conversions.model.local_time import local_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.ledger.maintenance.backup import Copy
    from conversions.ledger.maintenance.restore import RestoreResult
    from conversions.settings import Settings

Target = Annotated[Path, typer.Argument(metavar="FILE", help="The new file; an existing file is never overwritten.")]
Source = Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `conversions backup` made.")]


def backup(file: Target, *, as_json: AsJson = False, config: Config = None) -> int:
    """Copy the store to FILE, also during a run; the copy is verified and contains no key.

    Keep it on another machine. Keep CONVERSIONS_KEY, the tail file and the checkpoint directory apart from it.
    """
    from conversions.ledger.maintenance import backup as ledger_backup

    settings = load_settings(config)
    copy = ledger_backup.backup(settings, clock.now, file)
    if as_json:
        show_json(_as_json(copy))
    else:
        show(f"{file}: {copy.size} log entries, the newest of {local_time(copy.newest, settings.zone)}; verified.")
        say("CONVERSIONS_KEY is not in it. Keep the key elsewhere: the copy is of no use without it.")
    return Exit.OK


def restore(
    file: Source,
    *,
    reason: ReasonOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Restore the copy FILE where the store is missing, replaced or older than the tail file records.

    Objections, restrictions and erasures after the copy are done again; rectified addresses are not. Orders that may
    have been sent after it do not count twice: the next run sends those that the platform counts once, and sets the
    others aside for `conversions decide`.
    """
    from conversions.ledger.maintenance import backup as ledger_backup
    from conversions.ledger.maintenance import restore as ledger_restore

    settings = load_settings(config)
    if not yes:
        _ask(ledger_backup.verify(file) if file.is_file() else None, settings)
    restored = ledger_restore.restore(settings, clock.now, file, reason)
    if as_json:
        show_json({**_as_json(restored.copy), **_replacement(restored)})
    else:
        _show(restored, settings.zone)
    return Exit.OK


def _ask(copy: "Copy | None", settings: "Settings") -> None:
    if not sys.stdin.isatty():
        raise Usage("`conversions restore` replaces the store; add --yes where there is no terminal.")
    if copy is not None:
        say(f"The copy has {copy.size} log entries, the newest of {local_time(copy.newest, settings.zone)}.")
    confirm(f"Put it in the place of {settings.store_path}?")


def _show(restored: "RestoreResult", zone: "ZoneInfo") -> None:
    newest = local_time(restored.copy.newest, zone)
    lost = max(0, restored.remembered - restored.copy.size)
    show(f"Restored: {restored.copy.size} log entries, the newest of {newest}; {lost} later ones are lost.")
    show(f"Objections, restrictions, withdrawals and erasures done again: {restored.replayed}.")
    say("Checkpoints of the log have a new origin from here on: tell your auditors, and why.")
    say("Rectified addresses, closed tasks and approvals that the copy does not have: enter them again.")
    if restored.aside:
        say(f"The former store is now {restored.aside}. Delete it when you no longer need it: it holds personal data.")
    say(
        f"This store does not know which orders were sent after {newest}. `conversions run` sends "
        "them again where the platform counts them once, and sets the others aside as unknown: `conversions decide` "
        "lists those. `conversions plan` shows the days first."
    )


def _as_json(copy: "Copy") -> dict[str, Any]:
    entries = {"log_entries": copy.size, "root": copy.root, "newest": copy.newest}
    return {"file": str(copy.path), "store": copy.store_id, **entries, "exit_code": int(Exit.OK)}


def _replacement(restored: "RestoreResult") -> dict[str, Any]:
    return {
        "remembered_entries": restored.remembered,
        "replayed": restored.replayed,
        "replaced": None if restored.aside is None else str(restored.aside),
    }
