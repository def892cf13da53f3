"""``conversions audit standing``: what stood against sending on a day, and why."""

from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from conversions import catalogue
from conversions.cli.clock import now
from conversions.cli.days import end_of_day
from conversions.cli.options import AsJson, Config, load_settings
from conversions.cli.output import say, show, show_json, show_table

if TYPE_CHECKING:
    from conversions.ledger.queries.past_standing import Standing


def list_standing(
    *,
    on: Annotated[
        str, typer.Option("--on", metavar="DAY", help="The end of this day, in the shop's zone: 2026-10-31, yesterday.")
    ],
    orders: Annotated[bool, typer.Option("--orders", help="Name the orders, with number and since when.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Count the orders that stood against sending at the end of a day, by destination, state and reason.

    It reads the history that the log binds, and no settings of today. Orders that are erased or past retention are not
    counted; before the upgrade to schema 0008 a store kept no history.
    """
    from conversions.ledger import open_read_only
    from conversions.ledger.queries import past_standing

    settings = load_settings(config)
    at = end_of_day("--on", on, settings)
    with open_read_only(settings, now) as ledger, ledger.transaction() as connection:
        standings = past_standing.standing_on(connection, at)
    if as_json:
        show_json([asdict(standing) for standing in standings])
    elif not standings:
        show(f"No order stood against sending on {at.date()}.")
    elif orders:
        show_table(("order", "destination", "purchased", "state", "reason", "since", "last read"), _orders(standings))
    else:
        show_table(("destination", "state", "reason", "orders"), _counts(standings))
        say("`--orders` names them; `conversions explain ORDER` says why in sentences.")


def _orders(standings: "list[Standing]") -> list[tuple[object, ...]]:
    return [
        (s.order_no, s.destination, s.day, s.state, _reason(s), f"{s.since:%Y-%m-%d %H:%M}", _day(s.last_seen))
        for s in standings
    ]


def _counts(standings: "list[Standing]") -> list[tuple[object, ...]]:
    counts = Counter((s.destination, s.state, _reason(s)) for s in standings)
    return [(*key, count) for key, count in sorted(counts.items())]


def _reason(standing: "Standing") -> str:
    return catalogue.reason(standing.reason) if standing.reason else ""


def _day(at: datetime | None) -> date | None:
    return at.date() if at else None
