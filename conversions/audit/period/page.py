"""The report as one HTML page: tables, and beside each destination a picture of its days."""

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from conversions.audit.period import PeriodReport
from conversions.audit.period.figures import DestinationFigures
from conversions.audit.period.heading import heading
from conversions.audit.period.lines import lines, outcomes
from conversions.catalogue import Language
from conversions.reports.render import render

WIDTH, HEIGHT = 600, 100
"""Of the picture, in its own units; it takes the width of the page."""


def page(report: PeriodReport, zone: ZoneInfo, language: Language) -> str:
    """Return the page; it names no order and no person."""
    parts = [
        {
            "name": own.name,
            "rate": own.total.match_rate,
            "lines": lines(own.total, language),
            "days": [(day, outcomes(figures, language)) for day, figures in own.days.items()],
            "bars": bars(own),
        }
        for own in report.destinations
    ]
    said = heading(report, zone.key, language)
    return render("period.html", language, zone, report=report, heading=said, parts=parts, width=WIDTH, height=HEIGHT)


def bars(own: DestinationFigures) -> list[dict[str, Any]]:
    """Return for each day where its two bars stand, in units of the picture."""
    most = max(figures.read.orders for figures in own.days.values())
    step = Decimal(WIDTH) / len(own.days)
    wide = min(step * Decimal("0.8"), Decimal(40))
    return [
        {
            "x": _rounded(step * position),
            "width": _rounded(wide),
            "read": _rounded(Decimal(HEIGHT * figures.read.orders) / most),
            "sent": _rounded(Decimal(HEIGHT * figures.sent.orders) / most),
        }
        for position, figures in enumerate(own.days.values())
    ]


def _rounded(length: Decimal) -> Decimal:
    return length.quantize(Decimal("0.1"))
