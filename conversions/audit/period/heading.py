"""The sentences above the figures: which days, and as of when each order counts."""

from babel.dates import format_date, format_datetime

from conversions.audit.period import PeriodReport
from conversions.catalogue import Language, text


def heading(report: PeriodReport, zone: str, language: Language) -> list[str]:
    """Return the sentences; *zone* is the shop's. Where no order was read, the last one says what to do."""
    days = {"since": _day(report, "since", language), "until": _day(report, "until", language)}
    code = "as_of_end" if not report.as_of_now else "as_of_now" if report.ended else "not_ended"
    at = format_datetime(report.at, "medium", tzinfo=report.at.tzinfo, locale=language.locale)
    said = [
        text("period", "span", language).format(**days) + ".",
        text("period", code, language).format(at=at, zone=zone),
    ]
    if not report.destinations:
        typed = {"since": report.since.isoformat(), "until": report.until.isoformat()}
        return [*said, text("period", "nothing", language).format(**typed)]
    unnamed = [text("period", "unnamed", language).format(n=report.unnamed)] if report.unnamed else []
    return [*said, text("period", "amounts", language), *unnamed]


def _day(report: PeriodReport, which: str, language: Language) -> str:
    return str(format_date(getattr(report, which), "long", locale=language.locale))
