"""Text output of a run or a plan."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.catalogue import APPROVE
from conversions.cli import messages
from conversions.cli.output import counted, say, show, show_prose, show_table
from conversions.intake.pseudonymize import NO_CURRENCY
from conversions.ledger.queries.totals import BUCKETS
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ValueChangeTotals
from conversions.model.conversion import Reason, Window
from conversions.model.finding import FindingLevel
from conversions.model.late_result import LateResults
from conversions.model.run_request import in_words
from conversions.run.report import DestinationSide, Report, SourceSide

HEADINGS = {"already_sent": "already sent"}
SETTING_OF = {
    str(Reason.BEFORE_START): " (not_before)",
    str(Reason.ALSO_REPORTED): " (also_reported_by)",
    str(Reason.EXCLUDED): " (source.exclude_addresses)",
}
"""The setting behind a reason, where there is one."""
MAX_DAYS_SHOWN = timedelta(days=31)
"""A longer plan shows months."""


def show_run(report: Report, zone: ZoneInfo) -> None:
    """Print what the run read, the results by destination, what needs a person, and the conclusion."""
    show(f"Run {report.run_id}: purchases of {_days(report.window)}")
    _show_source(report.source)
    show()
    _show_totals(report, BUCKETS)
    for name, side in report.destinations.items():
        _show_details(name, side, report.source)
    _say_findings(report)
    for line in messages.of_run(report, zone):
        say(line)
    if report.unapproved:
        show_prose(f"Note: {approved_by_nobody(report.unapproved)}")
    for copy in report.deleted_copies:
        show_prose(f"Note: deleted {copy}, the copy of the store from before an upgrade: it is older than 30 days.")
    if not report.exit_code:
        show()
        show_prose(messages.conclusion(report, zone))


def show_plan(report: Report, zone: ZoneInfo, *, detail: bool = False, restate: bool = False) -> None:
    """Print what a run would do: by day, then in all; many days by month, unless *detail* is wanted."""
    show(f"Plan, nothing is sent: purchases of {_days(report.window)}")
    _show_source(report.source)
    by_day = detail or report.window.until - report.window.since < MAX_DAYS_SHOWN
    for name, side in report.destinations.items():
        _show_days(f"{name}, by {'day' if by_day else 'month'}", side.totals.days if by_day else _months(side))
    if not by_day:
        show("`conversions plan --detail` shows the days.")
    show()
    _show_totals(report, [b for b in BUCKETS if b != "sent"])
    for name, side in report.destinations.items():
        _show_details(name, side, report.source, _ages(name, side, zone))
    _say_findings(report)
    show()
    show(messages.forecast(report, restate=restate))


def _days(window: Window) -> str:
    first, last = in_words(window.since), in_words(window.until)
    return first if first == last else f"{first} to {last}"


_SILENT = {
    FindingLevel.STOP: "Accepted: {0.code}, {0.count} orders.",
    FindingLevel.ATTENTION: "Known: {0.sentence}",
    FindingLevel.NOTE: "Note: {0.sentence}",
}
"""Findings that do not change the exit code."""


def _say_findings(report: Report) -> None:
    """Print the findings that need a person, then those that are known, accepted or notes."""
    for line in report.sentences:
        say(line)
    for finding in report.findings:
        if not finding.exit_code:
            show_prose(_SILENT[finding.level].format(finding))


def _show_source(source: SourceSide) -> None:
    parts = [counted(source.rows, "row"), counted(source.orders, "order")]
    parts += [f"{source.repeated} repeated"] if source.repeated else []
    parts += [f"{source.outside_window} of other days"] if source.outside_window else []
    parts += [
        f"{counted(count, 'row')} could not be read ({catalogue.reason(reason)})"
        for reason, count in sorted(source.quarantined.items())
    ]
    show_prose("Read: " + ", ".join(parts))
    if source.without_sku:
        show_prose(
            f"{counted(source.without_sku, 'line')} without SKU: named by source.sku_fallback and the product's number"
        )
    if source.skipped_files:
        show("Left for the next run, because they changed just now: " + ", ".join(source.skipped_files))


def _show_totals(report: Report, buckets: Sequence[str]) -> None:
    """Print the control totals: orders, then money by currency."""
    shown = [b for b in buckets if any(side.totals.counts[b] for side in report.destinations.values())]
    rows: list[list[object]] = []
    for name, side in report.destinations.items():
        counts = [side.totals.counts[b] for b in shown]
        rows.append([name, "orders", report.source.orders, *counts, side.difference(report.source)])
        for currency, read in sorted(report.source.values.items()):
            values = [side.totals.values[currency][b] for b in shown]
            total = sum((side.totals.values[currency][b] for b in BUCKETS), Decimal())
            rows.append(["", "unknown" if currency == NO_CURRENCY else currency, read, *values, read - total])
    show_table(["", "", "read", *[HEADINGS.get(b, b) for b in shown], "difference"], rows)


def _show_days(heading: str, totals: Mapping[str, Counter[str]]) -> None:
    spans = sorted(totals.items())
    shown = [b for b in BUCKETS if any(counts[b] for _, counts in spans)]
    if spans:
        show()
        header = [heading, *[HEADINGS.get(b, b) for b in shown]]
        show_table(header, [[span, *[counts[b] for b in shown]] for span, counts in spans])


def _months(side: DestinationSide) -> dict[str, Counter[str]]:
    months: dict[str, Counter[str]] = {}
    for day, counts in side.totals.days.items():
        months.setdefault(day[: len("2026-11")], Counter()).update(counts)
    return months


def _ages(name: str, side: DestinationSide, zone: ZoneInfo) -> list[str]:
    """When the planned orders become too old, and which are too old already."""
    lines = []
    if side.too_old_at:
        lines.append(f"  Send before {side.too_old_at} {zone.key}, or the oldest order is lost for {name}.")
    if side.first_batch and side.first_batch < side.totals.counts["pending"]:
        lines.append(f"  First batch: a run sends {side.first_batch} of them, the next run the rest (first_batch).")
    if old := side.too_old:
        days = old.since if old.since == old.until else f"{old.since} to {old.until}"
        orders = "1 order is" if old.orders == 1 else f"{counted(old.orders, 'order')} are"
        lines.append(
            f"  {orders} older than the {old.limit_days} days of {name} and cannot be sent there: bought {days}, "
            f"all of them too old since {old.at} {zone.key}."
        )
    return lines


def _show_details(name: str, side: DestinationSide, source: SourceSide, first: Sequence[str] = ()) -> None:
    """Print *first*, the reasons for unsent orders, and the values that differ from what was sent."""
    lines = [*first]
    for bucket, reasons in side.totals.reasons.items():
        lines += [
            f"  {bucket}: {n} {catalogue.reason(reason)}{SETTING_OF.get(reason, '')}"
            for reason, n in sorted(reasons.items())
        ]
    lines += _refusals(name, side)
    for change in side.totals.changes:
        old, new = f"{change.old.amount:f}", f"{change.new.amount:f}"
        lines.append(f"  changed since it was sent: {change.order_no} {old} -> {new} {change.new.currency}")
    if (hidden := side.totals.changed - len(side.totals.changes)) > 0:
        lines.append(f"  … and {hidden} more; `--json` and `conversions status` list them")
    lines += _adjustments(side.adjustments)
    moved = ", ".join(f"{count} {state}" for state, count in sorted(side.late.moved.items()))
    lines += [f"  late results: {moved}"] if moved else []
    if side.stop_reason is not None:
        lines.append(f"  stopped: {side.stop_reason}")
    if lines:
        show()
        code = int(side.exit_code(source))
        show(f"{name} (exit {code}):" if code else f"{name}:")
        for line in lines:
            show_prose(line)


def _refusals(name: str, side: DestinationSide) -> list[str]:
    """The orders that the platform refused one by one, by code."""
    by_code: dict[str, list[str]] = {}
    for order in side.totals.refused:
        by_code.setdefault(catalogue.detail(order.code), []).append(order.order_no)
    return [
        f"  {name} refused {'order' if len(numbers) == 1 else 'orders'} {', '.join(numbers)} (code {code}). Correct "
        f"{'it' if len(numbers) == 1 else 'them'} in the shop, or `conversions decide acknowledge ORDER "
        f"--destination {name} --reason TEXT`."
        for code, numbers in by_code.items()
    ]


def _adjustments(totals: AdjustmentTotals) -> list[str]:
    """The corrections of values that were made, are possible, wait, or are not possible; in money."""
    sums_by_text = {
        "  corrected: {}": totals.made,
        "  refused corrections: {}": totals.refused,
        "  `conversions run --restate` would correct {}": totals.possible,
        "  corrections that wait: {}": totals.waiting,
        "  corrections without an answer: {}": totals.unknown,
    }
    lines = [text.format(value_change(sums)) for text, sums in sums_by_text.items() if sums.orders]
    not_eligible = sorted(totals.not_eligible.items())
    reasons = {code: catalogue.text("not_eligible", code) for code, _ in not_eligible}
    return lines + [f"  not corrected: {value_change(sums)}; {reasons[code]}" for code, sums in not_eligible]


def value_change(sums: ValueChangeTotals) -> str:
    """The number of orders, and their value before and after."""
    old, new = (", ".join(f"{v:f} {c}" for c, v in sorted(values.items())) for values in (sums.old, sums.new))
    return f"{counted(sums.orders, 'order')} from {old} to {new}"


def approved_by_nobody(names: Sequence[str]) -> str:
    """A sentence about the policy and the rules that no person has approved."""
    rules = len(names) - ("policy" in names)
    parts = [*(["the policy"] if "policy" in names else []), *([f"{rules} rule{'s' * (rules > 1)}"] if rules else [])]
    return f"Approved by nobody: {' and '.join(parts)}. `conversions policy show` lists them, {APPROVE} approves them."


def say_late(name: str, late: LateResults) -> None:
    """Print refusals of received orders, and status questions that failed."""
    for line in messages.late(name, late):
        say(line)
