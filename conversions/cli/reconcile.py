"""``conversions reconcile``: ask for late results of received requests."""

from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, JsonSchema, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.run import DestinationOption

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.run.reconcile import Reconciled


def reconcile(
    *,
    config: Config = None,
    destination: DestinationOption = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing at exit 0.")] = False,
    as_json: AsJson = False,
    json_schema: JsonSchema = LATEST,
) -> int:
    """Ask Google for the late results of received orders; every run does this before it sends."""
    from conversions.run.reconcile import reconcile

    settings = load_settings(config)
    reconciled = reconcile(settings, destination, clock.now)
    if as_json:
        show_json(document(reconciled.json(), json_schema))
    elif not quiet or reconciled.exit_code:
        _show(reconciled, settings.zone)
    return reconciled.exit_code


def _show(reconciled: "Reconciled", zone: "ZoneInfo") -> None:
    """Print the changed states, and what needs a person."""
    from conversions.cli.report import say_late

    rows: list[list[object]] = []
    for name, late in reconciled.destinations.items():
        moved = ", ".join(f"{count} {state}" for state, count in sorted(late.moved.items()))
        rows.append([name, late.asked, late.open, moved or "nothing", late.counts_only])
    show_table(["", "requests asked", "still open", "orders updated", "counts only"], rows)
    for name, late in reconciled.destinations.items():
        for reason, count in sorted(late.rejected.items()):
            show(f"{name}: {count} rejected ({reason})")
        say_late(name, late)
        if late.next_poll and not late.asked:
            due = late.next_poll.astimezone(zone)
            say(
                f"{name}: no question is due yet. The platform is asked from half an hour after a request on, next at "
                f"{due:%Y-%m-%d %H:%M} {zone.key}. Every run asks by itself; there is nothing to do."
            )
        if late.stop_reason:
            say(str(late.stop_reason))
