"""``conversions audit withheld``: which orders of some purchase days did not go, why, and on which nights."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from conversions.cli.clock import now
from conversions.cli.days import FORMS, purchase_days
from conversions.cli.json_schema import LATEST, document
from conversions.cli.options import AsJson, Config, ReasonOption, load_settings
from conversions.cli.output import counted, say, show, show_json, show_prose, show_table
from conversions.model.run_request import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from conversions.audit.withheld import WithheldReport
    from conversions.ledger.queries.withheld_orders import WithheldOrder

MAX_ORDERS_SHOWN = 1_000
"""Orders of one table on the terminal; a file and ``--json`` have all."""


def list_withheld(
    *,
    month: Annotated[
        str | None, typer.Option("--month", metavar="MONTH", help="Month of purchase: 2026-10 or last-month.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="DAY", help=f"First purchase day: {FORMS}. Alone: to today, or a whole month."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="DAY", help="Last purchase day.")] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="NAME", help="Only orders at this destination.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Write the orders to a new file that only its owner can read."),
    ] = None,
    reason: ReasonOption = None,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the orders of some purchase days that were withheld, refused or quarantined, each once at each destination.

    The days are days of purchase; first and last night are those of the runs that judged an order so and read it so
    last, whenever that was. Orders that were sent later stand apart. The answer comes from the history that the log
    binds, and from no settings of today. Of orders that are erased or past retention only counts are left; before the
    upgrade to schema 0008 a store kept no history. This look is recorded; `audit looks` lists it.
    """
    from conversions.audit import withheld
    from conversions.audit.withheld import PurchaseDays, records

    settings = load_settings(config)
    days = PurchaseDays(*purchase_days(settings, month, since, until), destination)
    report = withheld.report(settings, now, days, reason or "audit")
    if csv is not None:
        _write(csv, report, settings.zone)
    if as_json:
        show_json(document(records.document(report, settings.zone), LATEST))
    else:
        _show(report, settings.zone, in_file=csv is not None)


def _write(path: Path, report: "WithheldReport", zone: "ZoneInfo") -> None:
    from conversions.audit.evidence.export import new_file, write_csv
    from conversions.audit.withheld import records

    with new_file(path) as file:
        write_csv([*records.COLUMNS], (records.row(order, zone) for order in report.orders), file)
    say(f"{path}: {counted(len(report.orders), 'row')}.")


def _show(report: "WithheldReport", zone: "ZoneInfo", *, in_file: bool) -> None:
    show_prose(_heading(report, zone))
    if not in_file:
        _show_orders("Not sent:", report.not_sent, zone)
        _show_orders("Sent later:", report.sent_later, zone)
    _show_totals(report)
    for sentence in _blanked(report):
        show_prose(sentence)


def _heading(report: "WithheldReport", zone: "ZoneInfo") -> str:
    from conversions.audit.withheld import records

    days, (first, last) = report.days, records.nights(report, zone)
    bought = f"{in_words(days.since)} to {in_words(days.until)}" if days.since < days.until else in_words(days.since)
    orders = f"bought {bought} ({zone.key})" + (f", at {days.destination}" if days.destination else "")
    if first is None or last is None:
        return f"No order {orders}, was withheld, refused or quarantined."
    nights = f"nights of {first} to {last}" if first < last else f"night of {first}"
    return f"Orders {orders}, that were withheld, refused or quarantined; {nights}."


def _show_orders(title: str, orders: "Sequence[WithheldOrder]", zone: "ZoneInfo") -> None:
    from conversions.audit.withheld import records

    if not orders:
        return
    show()
    show(title)
    rows = [records.row(order, zone) | _sent(order, zone) for order in orders[:MAX_ORDERS_SHOWN]]
    left_out = {name for name in ("earlier_reasons", "sent_at") if not any(row[name] for row in rows)}
    if all(row["state_now"] == row["state"] for row in rows):
        left_out.add("state_now")
    columns = {key: title for key, title in _COLUMNS.items() if key not in left_out}
    show_table([*columns.values()], [[row[key] for key in columns] for row in rows])
    if len(orders) > MAX_ORDERS_SHOWN:
        say(f"… and {len(orders) - MAX_ORDERS_SHOWN} more; `--csv FILE` and `--json` have all of them.")


def _sent(order: "WithheldOrder", zone: "ZoneInfo") -> dict[str, str | None]:
    """When the order was sent, in the shop's zone."""
    return {"sent_at": f"{order.sent.at.astimezone(zone):%Y-%m-%d %H:%M}" if order.sent else None}


_COLUMNS = {
    "order_no": "order",
    "destination": "destination",
    "purchase_day": "purchased",
    "state": "state",
    "words": "reason",
    "earlier_reasons": "before",
    "first_night": "first night",
    "last_night": "last night",
    "rules": "rules",
    "policy_version": "policy",
    "state_now": "now",
    "sent_at": "sent",
}
"""Titles of the columns that a terminal shows."""


def _show_totals(report: "WithheldReport") -> None:
    from conversions.audit.withheld import records
    from conversions.audit.withheld.totals import totals

    rows = [
        (t.destination, t.sequel.replace("_", " "), t.state, records.words(t.reason), t.orders, t.amount, t.currency)
        for t in totals(report.orders)
    ]
    if rows:
        show()
        show("Totals:")
        show_table(("destination", "became", "state", "reason", "orders", "amount", "currency"), rows)


def _blanked(report: "WithheldReport") -> "Iterator[str]":
    """What is left of orders whose judgements are blanked."""
    from conversions.audit.withheld import records

    blanked = report.blanked
    for each in blanked.erased:
        yield (
            f"Blanked: {counted(each.orders, 'erased order')} at {each.destination}, {each.not_sent} of them without "
            "an attempt to send; nothing says any more whether they were withheld."
        )
    for past in blanked.past_retention:
        why = ", ".join(filter(None, (past.state, records.words(past.reason))))
        orders = counted(past.orders, "order")
        yield f"Blanked: {orders} at {past.destination} past retention, {past.amount:f} {past.currency} ({why})."
    if blanked.judgements:
        yield (
            f"The history has the numbers of {counted(blanked.judgements, 'blanked judgement')} since "
            f"{in_words(report.days.since)}, of these orders or of later ones."
        )
