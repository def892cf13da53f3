"""``conversions reconcile``: what became of the requests that were received."""

from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.run import DestinationOption

if TYPE_CHECKING:
    from conversions.run.reconcile import Reconciled


def reconcile(
    *,
    config: Config = None,
    destination: DestinationOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing when all is well.")] = False,
    as_json: AsJson = False,
) -> int:
    """Ask Google what became of each order that it received; every run does so before it sends."""
    from conversions.run.reconcile import reconcile

    found = reconcile(load_settings(config), destination, clock.now)
    if as_json:
        show_json(found.json())
    elif not quiet or found.exit_code:
        _show(found)
    return found.exit_code


def _show(found: "Reconciled") -> None:
    """What moved, and what a person has to do."""
    from conversions.cli.report import say_late

    rows: list[list[object]] = []
    for name, late in found.destinations.items():
        moved = ", ".join(f"{count} {state}" for state, count in sorted(late.moved.items()))
        rows.append([name, late.asked, late.open, moved or "nothing", late.counts_only])
    show_table(["", "requests asked about", "without a verdict yet", "orders moved", "counts only"], rows)
    for name, late in found.destinations.items():
        for reason, count in sorted(late.rejected.items()):
            show(f"{name}: {count} rejected ({reason})")
        say_late(name, late)
        if late.stop_reason:
            say(str(late.stop_reason))
