"""The report as JSON for programs, and one row per order as a table for spreadsheets."""

from typing import Any

from conversions.audit.period import PeriodReport
from conversions.audit.period.figures import Figure, Figures
from conversions.audit.period.outcome import CHOICE, OrderRow
from conversions.catalogue import Language, reason, text


def document(report: PeriodReport, timezone: str, language: Language) -> dict[str, Any]:
    """Return the report as JSON; *timezone* is the shop's. It names no order."""
    return {
        "since": report.since,
        "until": report.until,
        "days_of": "purchase",
        "timezone": timezone,
        "as_of": report.at,
        "as_of_now": report.as_of_now,
        "ended": report.ended,
        "destinations": [
            {"destination": own.name, "total": _figures(own.total, language), "days": _days(own.days, language)}
            for own in report.destinations
        ],
    }


def columns(report: PeriodReport) -> list[str]:
    """Return the columns of the table; programs may rely on them."""
    own = [f"{each.name}_{fact}" for each in report.destinations for fact in ("state", "reason")]
    return ["order_no", "purchase_day", "amount", "currency", *own]


def record(row: OrderRow, report: PeriodReport, language: Language) -> dict[str, Any]:
    """Return one row of the table; a destination that has never read the order has empty cells."""
    cells: dict[str, Any] = {
        "order_no": row.order_no,
        "purchase_day": row.day,
        "amount": row.amount,
        "currency": row.currency,
    }
    for own in report.destinations:
        became = row.results.get(own.name)
        cells[f"{own.name}_state"] = str(became.outcome) if became else ""
        cells[f"{own.name}_reason"] = words(became.reason, language) if became else ""
    return cells


def words(code: str, language: Language) -> str:
    """Return the words for a reason; empty where there is none."""
    return text("period", CHOICE, language) if code == CHOICE else reason(code, language) if code else ""


def _days(days: dict[str, Figures], language: Language) -> list[dict[str, Any]]:
    return [{"day": day, **_figures(figures, language)} for day, figures in days.items()]


def _figures(figures: Figures, language: Language) -> dict[str, Any]:
    return {
        "read": _figure(figures.read),
        "sent": _figure(figures.sent),
        "outcomes": {str(outcome): _figure(each) for outcome, each in figures.outcomes.items()},
        "withheld_by_reason": [
            {"reason": code, "sentence": words(code, language), **_figure(each)}
            for code, each in figures.withheld.items()
        ],
        "restated": _figure(figures.restated),
        "match_rate": figures.match_rate,
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {"orders": figure.orders, "money": figure.money}
