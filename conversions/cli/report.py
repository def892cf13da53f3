"""Text output of a run or a plan."""

from collections.abc import Sequence
from decimal import Decimal

from conversions import catalogue
from conversions.cli import messages
from conversions.cli.output import say, show, show_table
from conversions.errors import Exit
from conversions.ledger.queries.totals import BUCKETS
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ValueChangeTotals
from conversions.model.conversion import Reason
from conversions.model.finding import FindingLevel
from conversions.model.late_result import LateResults
from conversions.run.report import DestinationSide, Report, SourceSide

HEADINGS = {"already_sent": "already sent"}
SETTING_OF = {str(Reason.BEFORE_START): " (not_before)", str(Reason.ALSO_REPORTED): " (also_reported_by)"}
"""The setting behind a reason, where there is one."""


def show_run(report: Report) -> None:
    """Print what the run read, the results by destination, and what needs a person."""
    show(f"Run {report.run_id}: purchases {report.window.since} to {report.window.until}")
    _show_source(report.source)
    _show_totals(report, BUCKETS)
    for name, side in report.destinations.items():
        _show_details(name, side, report.source)
    _show_next(report)


def show_plan(report: Report) -> None:
    """Print what a run would do, by destination and by day."""
    show(f"Plan, nothing is sent: purchases {report.window.since} to {report.window.until}")
    _show_source(report.source)
    _show_totals(report, [b for b in BUCKETS if b != "sent"])
    for name, side in report.destinations.items():
        _show_days(name, side)
        _show_details(name, side, report.source, _ages(side))
    _say_findings(report)


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
            show(_SILENT[finding.level].format(finding))


def _show_source(source: SourceSide) -> None:
    parts = [f"{source.rows} rows", f"{source.orders} orders"]
    parts += [f"{source.repeated} repeated"] if source.repeated else []
    parts += [f"{source.outside_window} outside the window"] if source.outside_window else []
    parts += [
        f"{count} rows quarantined ({catalogue.reason(reason)})" for reason, count in sorted(source.quarantined.items())
    ]
    show("Read: " + ", ".join(parts))
    if source.skipped_files:
        show("Left for the next run, because they changed just now: " + ", ".join(source.skipped_files))
    show()


def _show_totals(report: Report, buckets: "list[str] | tuple[str, ...]") -> None:
    """Print the control totals: orders, then money by currency."""
    shown = [b for b in buckets if any(side.totals.counts[b] for side in report.destinations.values())]
    rows: list[list[object]] = []
    for name, side in report.destinations.items():
        counts = [side.totals.counts[b] for b in shown]
        rows.append([name, "orders", report.source.orders, *counts, side.difference(report.source)])
        for currency, read in sorted(report.source.values.items()):
            values = [side.totals.values[currency][b] for b in shown]
            total = sum((side.totals.values[currency][b] for b in BUCKETS), Decimal())
            rows.append(["", currency, read, *values, read - total])
    show_table(["", "", "read", *[HEADINGS.get(b, b) for b in shown], "difference"], rows)


def _show_days(name: str, side: DestinationSide) -> None:
    days = sorted(side.totals.days.items())
    shown = [b for b in BUCKETS if any(counts[b] for _, counts in days)]
    if days:
        show()
        header = [f"{name}, by day", *[HEADINGS.get(b, b) for b in shown]]
        show_table(header, [[day, *[counts[b] for b in shown]] for day, counts in days])


def _ages(side: DestinationSide) -> list[str]:
    """When the planned orders become too old, and which are too old already."""
    lines = [f"  send before {side.too_old_at}: then the first order is too old"] if side.too_old_at else []
    if side.first_batch and side.first_batch < side.totals.counts["pending"]:
        lines.append(f"  first batch: a run sends {side.first_batch} of them, the next run the rest (first_batch)")
    if expired := side.too_old:
        days = expired.since if expired.since == expired.until else f"{expired.since} to {expired.until}"
        lines.append(f"  too old: {expired.orders} orders bought {days}, the last of them since {expired.at}")
    return lines


def _show_details(name: str, side: DestinationSide, source: SourceSide, first: Sequence[str] = ()) -> None:
    """Print *first*, the reasons for unsent orders, and the values that differ from what was sent."""
    lines = [*first]
    for bucket, reasons in side.totals.reasons.items():
        lines += [
            f"  {bucket}: {n} {catalogue.reason(reason)}{SETTING_OF.get(reason, '')}"
            for reason, n in sorted(reasons.items())
        ]
    lines += [f"  refused alone: {order.order_no} ({catalogue.detail(order.code)})" for order in side.totals.refused]
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
        show(f"{name} (exit {int(side.exit_code(source))})")
        for line in lines:
            show(line)


def _adjustments(totals: AdjustmentTotals) -> list[str]:
    """The restatements that were made, are possible, wait, or are not possible; in money."""
    sums_by_text = {
        "  restated: {}": totals.made,
        "  refused as restatements: {}": totals.refused,
        "  `conversions run --restate` would change {}": totals.possible,
        "  staged by `--restate` and not sent: {}": totals.waiting,
        "  restated, without an answer: {}": totals.unknown,
    }
    lines = [text.format(value_change(sums)) for text, sums in sums_by_text.items() if sums.orders]
    not_eligible = sorted(totals.not_eligible.items())
    reasons = {code: catalogue.text("not_eligible", code) for code, _ in not_eligible}
    return lines + [f"  not restated, {reasons[code]}: {value_change(sums)}" for code, sums in not_eligible]


def value_change(sums: ValueChangeTotals) -> str:
    """The number of orders, and their value before and after."""
    old, new = (", ".join(f"{v:f} {c}" for c, v in sorted(values.items())) for values in (sums.old, sums.new))
    return f"{sums.orders} orders from {old} to {new}"


def say_late(name: str, late: LateResults) -> None:
    """Print refusals of received orders, and status questions that failed."""
    for line in messages.late(name, late):
        say(line)


def _show_next(report: Report) -> None:
    """Print the messages for the operator, and the checkpoint."""
    _say_findings(report)
    for line in messages.of_run(report):
        say(line)
    if report.exit_code is Exit.OK:
        show()
        show("Every order is accounted for.")
    if report.checkpoint:
        show()
        show("Checkpoint of the log; keep it where your own staff cannot change it, for `conversions audit verify`:")
        show(report.checkpoint.rstrip())
