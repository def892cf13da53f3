"""``conversions privacy affected``: the breach scope, by run, by days or by field."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.audit import OfRun
from conversions.cli.clock import now
from conversions.cli.days import Since, Until, attempt_days
from conversions.cli.options import AsJson, Case, Config, ReasonOption, load_settings
from conversions.cli.output import json_text, say, show
from conversions.model.local_time import local_time

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from conversions.ledger.subjects.breach_scope import AffectedOrder, BreachCount


def affected(
    *,
    run: OfRun = None,
    since: Since = None,
    until: Until = None,
    field: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Only events with this field, as the policy lists it: events[].currency"),
    ] = None,
    reason: ReasonOption = None,
    case: Case = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the orders that were sent, and count the people, for a breach notice: GDPR article 33.

    --since and --until are days of the attempt. One line per order: number, destination, first and last attempt.
    This look-up is logged.
    """
    from conversions.privacy import breach

    settings = load_settings(config)
    scope = breach.scope(settings.zone, run, *attempt_days(settings, since, until), field)
    with breach.breach_report(settings, now, scope, reason or "breach, GDPR article 33", case) as (count, orders):
        if as_json:
            _show_json(count, orders)
        else:
            _show(count, orders, settings.zone)


def _show(count: "BreachCount", orders: "Iterator[AffectedOrder]", zone: "ZoneInfo") -> None:
    for o in orders:
        show(f"{o.order_no}\t{o.destination}\t{local_time(o.first, zone)}\t{local_time(o.last, zone)}")
    erased = f", and {count.erased} events of people erased since" if count.erased else ""
    say(f"{count.orders} orders of {count.people} people{erased}.")


def _show_json(count: "BreachCount", orders: "Iterator[AffectedOrder]") -> None:
    """One document, written while it is read: the list may be as long as the store."""
    show(f'{{"orders": {count.orders}, "people": {count.people}, "events_erased": {count.erased}, "affected": [')
    lines = (
        json_text({"order": o.order_no, "destination": o.destination, "first": o.first, "last": o.last}, indent=None)
        for o in orders
    )
    for number, line in enumerate(lines):
        show(f"{', ' if number else ''}{line}")
    show("]}")
