"""Withheld orders as JSON for programs, and as the rows of a table for spreadsheets."""

from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.audit.withheld import WithheldReport
from conversions.audit.withheld.totals import result, totals
from conversions.ledger.queries.withheld_order import WithheldOrder

COLUMNS = (
    "order_no",
    "destination",
    "purchase_day",
    "amount",
    "currency",
    "state",
    "reason",
    "words",
    "earlier_reasons",
    "first_night",
    "last_night",
    "first_run",
    "last_run",
    "rules",
    "policy_version",
    "result",
    "state_now",
    "sent_at",
    "sent_run",
    "sent_request",
)
"""Columns of the table; programs may rely on them."""


def document(report: WithheldReport, zone: ZoneInfo) -> dict[str, Any]:
    """Return the report as JSON; nights are days in *zone*, instants are UTC."""
    first, last = days_of_runs(report, zone)
    return {
        "since": report.days.since,
        "until": report.days.until,
        "days_of": "purchase",
        "timezone": zone.key,
        "destination": report.days.destination,
        "first_night": first,
        "last_night": last,
        "not_sent": [_with_judgements(order, zone) for order in report.not_sent],
        "sent_later": [_with_judgements(order, zone) for order in report.sent_later],
        "totals": [asdict(total) for total in totals(report.orders)],
        "blanked": {
            "judgements": report.blanked.judgements,
            "erased": [asdict(each) for each in report.blanked.erased],
            "past_retention": [asdict(each) for each in report.blanked.past_retention],
        },
    }


def days_of_runs(report: WithheldReport, zone: ZoneInfo) -> tuple[date | None, date | None]:
    """Return the days of the first and the last run that found an order so; None where none did."""
    orders = report.orders
    first, last = min((o.first for o in orders), default=None), max((o.last for o in orders), default=None)
    return first and day_of_run(first, zone), last and day_of_run(last, zone)


def day_of_run(at: datetime, zone: ZoneInfo) -> date:
    """Return the day in *zone* on which a run began."""
    return at.astimezone(zone).date()


def row(order: WithheldOrder, zone: ZoneInfo) -> dict[str, Any]:
    """Return one row of the table."""
    judged, sent = order.judgement, order.sent
    return {
        "order_no": order.order_no,
        "destination": order.destination,
        "purchase_day": order.day,
        "amount": f"{order.value.amount:f}",
        "currency": order.value.currency,
        "state": judged.state,
        "reason": judged.reason,
        "words": words(judged.reason),
        "earlier_reasons": " ".join(earlier_reasons(order)),
        "first_night": day_of_run(order.first, zone).isoformat(),
        "last_night": day_of_run(order.last, zone).isoformat(),
        "first_run": order.first_run,
        "last_run": order.last_run,
        "rules": judged.rules,
        "policy_version": judged.policy_version,
        "result": str(result(order)),
        "state_now": order.state,
        "sent_at": sent and sent.at.isoformat(),
        "sent_run": sent and sent.run,
        "sent_request": sent and sent.request,
    }


def words(reason: str | None) -> str:
    """Return the words for a reason; empty where there is none."""
    return catalogue.reason(reason) if reason else ""


def earlier_reasons(order: WithheldOrder) -> list[str]:
    """Return the other reasons that stood against the order before, oldest first, each once."""
    reasons = dict.fromkeys(each.reason for each in order.judgements if each.reason)
    return [reason for reason in reasons if reason != order.judgement.reason]


def _with_judgements(order: WithheldOrder, zone: ZoneInfo) -> dict[str, Any]:
    facts = {key: value for key, value in row(order, zone).items() if key != "words"}
    judgements = [asdict(each) for each in order.judgements]
    return facts | {"earlier_reasons": earlier_reasons(order), "judgements": judgements}
