"""The tables of ``conversions report``."""

from typing import TYPE_CHECKING

from conversions.catalogue import Language, text
from conversions.cli.output import show, show_prose, show_table

if TYPE_CHECKING:
    from conversions.audit.period import PeriodReport
    from conversions.audit.period.figures import DestinationFigures, Figure, Figures

BAR = 30
"""Characters of a bar."""


def show_report(report: "PeriodReport", zone: str, language: Language) -> None:
    """Print the figures of each destination; where no order was read, what to do."""
    from conversions.audit.period.heading import heading

    for sentence in heading(report, zone, language):
        show_prose(sentence)
    for own in report.destinations:
        show()
        show(own.name)
        sent, rate = (text("period", code, language) for code in ("sent", "match_rate"))
        show(f"{sent} {bar(own.total)}  {rate}: {_rate(own.total, language)}")
        _show_totals(own, language)
        show()
        _show_days(own, language)


def bar(figures: "Figures") -> str:
    """Return a bar of the share that was sent, and both numbers."""
    sent, read = figures.sent.orders, figures.read.orders
    filled = BAR * sent // read
    return f"[{'#' * filled}{'.' * (BAR - filled)}] {sent}/{read}"


def _rate(figures: "Figures", language: Language) -> str:
    rate = figures.match_rate
    return text("period", "no_rate", language) if rate is None else f"{rate * 100:.1f} %"


def _show_totals(own: "DestinationFigures", language: Language) -> None:
    from conversions.audit.period.lines import lines

    header = [text("period", code, language) for code in ("outcome", "orders", "money")]
    rows = [
        ("  " * line.is_part + line.label, line.figure.orders, _money(line.figure))
        for line in lines(own.total, language)
    ]
    show_table(header, rows)


def _show_days(own: "DestinationFigures", language: Language) -> None:
    """Print a line for each day and outcome."""
    from conversions.audit.period.lines import outcomes

    header = [text("period", code, language) for code in ("day", "outcome", "orders", "money")]
    rows = [
        (day, line.label, line.figure.orders, _money(line.figure))
        for day, figures in own.days.items()
        for line in outcomes(figures, language)
    ]
    show_table(header, rows)


def _money(figure: "Figure") -> str:
    return ", ".join(f"{value:f} {currency}" for currency, value in figure.money.items())
