"""Text about comparisons with a platform's own totals."""

from decimal import Decimal
from typing import TYPE_CHECKING

from conversions import catalogue
from conversions.cli import clock
from conversions.cli.json_schema import LATEST, document
from conversions.cli.output import counted, say, show, show_json, show_prose, show_table
from conversions.errors import Exit
from conversions.ledger.states import SENT
from conversions.model.run_request import in_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from conversions.audit.comparison.causes import Cause
    from conversions.audit.comparison.comparison import Comparison
    from conversions.audit.comparison.log_totals import Total
    from conversions.settings import Settings


def show_comparison(comparison: "Comparison", entry: int, settings: "Settings") -> None:
    """Print both totals, the difference, the causes that apply, and what follows."""
    log, period = comparison.log, comparison.log.period
    days = f"{in_words(period.since)} to {in_words(period.until)}"
    show(f"{comparison.destination}, purchases of {days} ({comparison.timezone})")
    show_table(("", "events", f"value ({comparison.currency or 'not compared'})"), _rows(comparison))
    for cause in comparison.causes:
        show_prose(_cause(cause))
    show_prose(conclusion(comparison))
    say(f"Entry {entry} of the log has this comparison; `conversions audit compare --list` lists all.")
    for hint in _hints(comparison, settings.destinations[comparison.destination].also_reported_by):
        say(hint)
    if log.sent.values and comparison.platform.value is not None and comparison.currency is None:
        say(f"The values are not compared: the orders are in {', '.join(log.sent.values)}.")


def show_document(comparison: "Comparison", entry: int) -> None:
    """Print the comparison as one JSON document; `sentence` is what it comes to."""
    from conversions.audit.comparison.comparison import document as stated

    show_json(document({**stated(comparison, entry), "sentence": conclusion(comparison)}, LATEST))


def show_former(settings: "Settings", *, as_json: bool) -> int:
    """Print the comparisons that the log has."""
    from conversions.audit.comparison.compare import former

    entries = former(settings, clock.now)
    if as_json:
        listed = [{"entry": each.seq, "at": each.at.isoformat(), **_own(each.facts)} for each in entries]
        show_json(document(listed, LATEST))
    elif entries:
        header = ("entry", f"time ({settings.zone})", "by", "destination", "month", "platform", "log", "explained")
        rows = [
            (
                each.seq,
                f"{each.at.astimezone(settings.zone):%Y-%m-%d %H:%M}",
                each.facts["operator"],
                each.facts["destination"],
                each.facts["since"][:7],
                Decimal(each.facts["platform"]["events"]),
                each.facts["log"]["sent"]["events"],
                "yes" if each.facts["explained"] else "no",
            )
            for each in entries
        ]
        show_table(header, rows)
    else:
        show("No comparison is recorded.")
    return Exit.OK


def conclusion(comparison: "Comparison") -> str:
    """What the comparison comes to, in one sentence or two."""
    if not comparison.events_explained:
        return _unexplained(comparison.destination, comparison.platform.events, *comparison.events_span)
    if comparison.value_explained is False:
        return (
            f"Not explained: the events agree, and the values do not. The log explains {_limits(comparison)}. Check "
            "the currency and the column of the report; then compare single orders with `conversions audit export`."
        )
    if comparison.platform.events == comparison.log.sent.events and not comparison.causes:
        return "There is no difference."
    return "The causes above explain the totals."


def _unexplained(name: str, shown: Decimal, least: int, most: int) -> str:
    explained = f"than the log and the causes above explain ({least} to {most})"
    if shown > most:
        return (
            f"Not explained: {name} shows {shown - most:f} events more {explained}. Something may send past the log: a "
            "tag, another program or store, a person in the platform's own pages, or a changed copy of this program. "
            "Look at the platform which sources its events have, then at the machine."
        )
    return (
        f"Not explained: {name} shows {least - shown:f} events fewer {explained}. Check the days, the conversion "
        "action or dataset and the time zone of its report; then ask the platform."
    )


def _limits(comparison: "Comparison") -> str:
    span, currency = comparison.value_span, comparison.currency
    if span is None:
        return "no value"
    most = "any value above" if span.most is None else f"{span.most:,f} {currency}"
    return f"{span.least:,f} to {most}"


def _rows(comparison: "Comparison") -> list[tuple[object, ...]]:
    log, currency, value = comparison.log, comparison.currency, comparison.platform.value
    states = [(f"  {state}", total) for state in sorted(SENT) if (total := log.of(state)).events]
    own = [(name, total.events, _value(total, currency)) for name, total in (("log: received", log.sent), *states)]
    compared = None if value is None or currency is None else value - log.sent.value(currency)
    return [
        (comparison.destination, comparison.platform.events, value),
        *own,
        ("difference", comparison.platform.events - log.sent.events, compared),
    ]


def _value(total: "Total", currency: str | None) -> Decimal | None:
    return None if currency is None else total.value(currency)


def _cause(cause: "Cause") -> str:
    values = [f"{value:,f} {currency}" for currency, value in cause.total.values.items()]
    figure = ", ".join([counted(cause.total.events, "event"), *values])
    return f"{cause.code.replace('_', ' ')}: {figure}. {catalogue.text('comparison', cause.code)}"


def _hints(comparison: "Comparison", also_reported_by: str | None) -> list[str]:
    platform, hints = comparison.platform, []
    if not comparison.month_ended:
        hints.append("The month has not ended: both totals still grow. Compare it again later.")
    if platform.by_click_date:
        hints.append('By the date of the click little can be proven: export the columns "(by conv. time)".')
    if platform.without_days:
        hints.append("The file names no days; it must be of this month alone.")
    if also_reported_by not in {None, "none"}:
        hints.append("A tag reports the same sales (also_reported_by): leave its events out of the platform's total.")
    return hints


def _own(facts: "Mapping[str, object]") -> dict[str, object]:
    """The facts of a comparison, without those that every entry has."""
    return {key: value for key, value in facts.items() if key not in {"seq", "t", "kind"}}
