"""The tables of ``conversions audit withheld``."""

from typing import TYPE_CHECKING

from conversions.cli.output import counted, say, show, show_prose, show_table
from conversions.model.run_request import in_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from conversions.audit.withheld import WithheldReport
    from conversions.ledger.queries.withheld_order import WithheldOrder

MAX_ORDERS_SHOWN = 1_000
"""Orders of one table on the terminal; a file and ``--json`` have all of them."""

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


def show_report(report: "WithheldReport", zone: "ZoneInfo", *, in_file: bool) -> None:
    """Print the orders, unless they are in a file, the totals, and what is left of blanked orders."""
    show_prose(_heading(report, zone))
    if not in_file:
        _show_orders("Not sent:", report.not_sent, zone)
        _show_orders("Sent later:", report.sent_later, zone)
    _show_totals(report)
    if sentences := [*_blanked(report)]:
        show()
        show_prose("\n".join(sentences))


def _heading(report: "WithheldReport", zone: "ZoneInfo") -> str:
    from conversions.audit.withheld import records

    days, (first, last) = report.days, records.days_of_runs(report, zone)
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


def _show_totals(report: "WithheldReport") -> None:
    from conversions.audit.withheld import records
    from conversions.audit.withheld.totals import totals

    rows = [
        (t.destination, t.result.replace("_", " "), t.state, records.words(t.reason), t.orders, t.amount, t.currency)
        for t in totals(report.orders)
    ]
    if rows:
        show()
        show("Totals:")
        show_table(("destination", "result", "state", "reason", "orders", "amount", "currency"), rows)


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
