"""``conversions privacy rectify``: an order had a wrong address; say what went out under it, and who is to be told."""

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.options import AsJson, Case, Config, load_settings
from conversions.cli.output import say, show, show_json, show_table
from conversions.cli.subjects import two_persons
from conversions.errors import Exit, Usage


def rectify(
    *,
    order: Annotated[
        list[str] | None,
        typer.Option(metavar="NO", help="Only this order; repeat it for more. Default: every order under the address."),
    ] = None,
    case: Case = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask on a terminal.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Record that orders had a wrong address: GDPR article 16. Nothing more is sent under it.

    Reads two lines from standard input, or asks: the wrong address, then the right one. Correct it in the shop, too.
    Lists what was sent under the wrong one, and opens a task to tell each recipient (article 19).
    """
    from conversions.privacy import rectification

    if not case:
        raise Usage("--case is missing: the number under which you file the person's request.")
    settings, numbers = load_settings(config), frozenset(order or ())
    persons = two_persons(settings)
    orders = rectification.misaddressed(settings, now, persons[0], numbers, case)
    rows = [(o.order_no, o.recipient or o.destination, " to ".join(o.days) or "not sent") for o in orders]
    if not as_json:
        show_table(("order", "recipient", "sent on"), rows)
    if sys.stdin.isatty() and not yes:
        typer.confirm("Are all of these orders the second person's?", abort=True, err=True)
    result = rectification.rectify(settings, now, persons, numbers, case)
    if as_json:
        show_json(
            {"orders": result.orders, "tasks": len(result.recipients), "under_wrong_address": [*map(asdict, orders)]}
        )
    else:
        show(f"Rectified: {result.orders} orders.")
    if not result.orders:
        say("No order stands under the wrong address.")
    if result.recipients:
        say(f"Recipients to notify: {len(result.recipients)}. `conversions privacy tasks` lists them, and says how.")
    return Exit.OK
