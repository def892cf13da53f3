"""``conversions adopt``: accept another key, account, shop, store, time or numbering on purpose."""

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli import clock
from conversions.cli.days import RunSince, RunUntil, run_days
from conversions.cli.options import Config, RequiredReason, load_settings
from conversions.cli.output import say
from conversions.errors import Exit, Usage

if TYPE_CHECKING:
    from conversions.run.context import Scope


def adopt(
    *,
    key: Annotated[bool, typer.Option("--key", help="The new secret key.")] = False,
    shop: Annotated[bool, typer.Option("--shop", help="The new shop name.")] = False,
    destination: Annotated[
        str | None, typer.Option(metavar="NAME", help="The new account, action or dataset of this destination.")
    ] = None,
    store: Annotated[bool, typer.Option("--store", help="This store, although another is on record.")] = False,
    clock_: Annotated[bool, typer.Option("--clock", help="The present time, although the log is ahead of it.")] = False,
    numbers: Annotated[bool, typer.Option("--numbers", help="The new order numbers of known orders.")] = False,
    since: RunSince = None,
    until: RunUntil = None,
    reason: RequiredReason,
    config: Config = None,
) -> int:
    """Accept one change that stops every run (exit 78 or 74); print its effect on orders already sent."""
    from conversions.model.run_request import RunRequest
    from conversions.operations import adopt as operation

    settings = load_settings(config)
    if sum([key, shop, store, clock_, numbers, destination is not None]) != 1:
        raise Usage("Name one thing to adopt: --key, --shop, --destination NAME, --store, --clock or --numbers.")
    if numbers:
        request = RunRequest(*run_days(settings, since, until))
        say(operation.adopt_numbers(settings, clock.now, request, reason, _read))
    elif store:
        say(operation.adopt_store(settings, clock.now, reason))
    elif clock_:
        say(operation.adopt_clock(settings, clock.now, reason))
    else:
        name = f"destination {destination}" if destination else "key" if key else "shop"
        say(operation.adopt(settings, clock.now, name, reason))
    return Exit.OK


def _read(scope: "Scope") -> None:
    from conversions.intake.setup import open_intake
    from conversions.run.staging import read_snapshot

    intake = open_intake(scope.settings, scope.runtime.rules, clock.now)
    read_snapshot(scope, intake, partial(map, intake.pseudonymizer))
