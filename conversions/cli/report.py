"""A run or a plan, for reading."""

from collections.abc import Sequence
from decimal import Decimal

from conversions.cli import messages
from conversions.cli.output import printable, say, show, show_table
from conversions.errors import Exit
from conversions.ledger.queries.totals import BUCKETS
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ValueChangeTotals
from conversions.model.conversion import Reason
from conversions.model.finding import Level
from conversions.model.late_result import LateResults
from conversions.run.report import DestinationSide, Report, SourceSide

WORDS = {"already_sent": "already sent"}
SETTING_OF = {str(Reason.BEFORE_START): " (not_before)", str(Reason.ALSO_REPORTED): " (also_reported_by)"}
"""What decided, where it is a setting."""


def show_run(report: Report) -> None:
    """What was read, what became of it, and what somebody has to do."""
    show(f"Run {report.run_id}: purchases {report.window.since} to {report.window.until}")
    _show_source(report.source)
    _show_totals(report, BUCKETS)
    for name, side in report.destinations.items():
        _show_details(name, side, report.source)
    _show_next(report)


def show_plan(report: Report) -> None:
    """What a run would do, by destination and by day."""
    show(f"Plan, nothing leaves: purchases {report.window.since} to {report.window.until}")
    _show_source(report.source)
    _show_totals(report, [b for b in BUCKETS if b != "sent"])
    for name, side in report.destinations.items():
        _show_days(name, side)
        _show_details(name, side, report.source, _ages(side))
    _say_findings(report)


_SILENT = {
    Level.STOP: "Accepted: {0.code}, {0.count} orders.",
    Level.ATTENTION: "Known: {0.sentence}",
    Level.NOTE: "Note: {0.sentence}",
}
"""What nobody is called for."""


def _say_findings(report: Report) -> None:
    """What a person is called for, then what is known already or only worth knowing."""
    for line in report.sentences:
        say(line)
    for one in report.findings:
        if not one.exit_code:
            show(_SILENT[one.level].format(one))


def _show_source(source: SourceSide) -> None:
    parts = [f"{source.rows} rows", f"{source.orders} orders"]
    parts += [f"{source.repeated} repeated"] if source.repeated else []
    parts += [f"{source.outside_window} outside the window"] if source.outside_window else []
    parts += [f"{count} rows quarantined ({reason})" for reason, count in sorted(source.quarantined.items())]
    show("Read: " + ", ".join(parts))
    if source.skipped_files:
        show("Left for the next run, still being written: " + ", ".join(map(printable, source.skipped_files)))
    show()


def _show_totals(report: Report, buckets: "list[str] | tuple[str, ...]") -> None:
    """Orders and money, one row for each currency."""
    shown = [b for b in buckets if any(side.totals.counts[b] for side in report.destinations.values())]
    rows: list[list[object]] = []
    for name, side in report.destinations.items():
        counts = [side.totals.counts[b] for b in shown]
        rows.append([name, "orders", report.source.orders, *counts, side.difference(report.source)])
        for currency, read in sorted(report.source.values.items()):
            values = [side.totals.values[currency][b] for b in shown]
            total = sum((side.totals.values[currency][b] for b in BUCKETS), Decimal())
            rows.append(["", currency, read, *values, read - total])
    show_table(["", "", "read", *[WORDS.get(b, b) for b in shown], "difference"], rows)


def _show_days(name: str, side: DestinationSide) -> None:
    days = sorted(side.totals.days.items())
    shown = [b for b in BUCKETS if any(counts[b] for _, counts in days)]
    if days:
        show()
        header = [f"{name}, by day", *[WORDS.get(b, b) for b in shown]]
        show_table(header, [[day, *[counts[b] for b in shown]] for day, counts in days])


def _ages(side: DestinationSide) -> list[str]:
    """Until when what is planned can be sent, and what cannot be any more since when."""
    lines = [f"  to be sent until {side.too_old_at}: then the first is too old"] if side.too_old_at else []
    if side.first_batch and side.first_batch < side.totals.counts["pending"]:
        lines.append(
            f"  first batch: a run sends {side.first_batch} of them and leaves the rest for the next (first_batch)"
        )
    if old := side.too_old:
        days = old.since if old.since == old.until else f"{old.since} to {old.until}"
        lines.append(f"  too old: {old.orders} bought {days}, the last of them since {old.at}")
    return lines


def _show_details(name: str, side: DestinationSide, source: SourceSide, lines: Sequence[str] = ()) -> None:
    """Why orders were held back, and which values differ from what was sent; after *lines*."""
    whys = [(b, n, why) for b, whys in side.totals.reasons.items() for why, n in sorted(whys.items())]
    lines = [*lines, *(f"  {b}: {n} {why}{SETTING_OF.get(why, '')}" for b, n, why in whys)]
    lines += [f"  refused alone: {printable(one.order_no)} ({one.code})" for one in side.totals.refused]
    for change in side.totals.changes:
        old, new = f"{change.old.amount:f}", f"{change.new.amount:f}"
        lines.append(f"  changed since it was sent: {printable(change.order_no)} {old} -> {new} {change.new.currency}")
    if (unnamed := side.totals.changed - len(side.totals.changes)) > 0:
        lines.append(f"  … and {unnamed} more; `--json` and `conversions status` have them")
    lines += _corrections(side.adjustments)
    moved = ", ".join(f"{count} {state}" for state, count in sorted(side.late.moved.items()))
    lines += [f"  late verdicts: {moved}"] if moved else []
    if side.stop_reason is not None:
        lines.append(f"  stopped: {side.stop_reason}")
    if lines:
        show()
        show(f"{name} (exit {int(side.exit_code(source))})")
        for line in lines:
            show(line)


def _corrections(found: AdjustmentTotals) -> list[str]:
    """What restating has changed, would change, and cannot; in money."""
    said = {
        "  restated: {}": found.made,
        "  refused as restatements: {}": found.refused,
        "  `conversions run --restate` would change {}": found.possible,
        "  staged by `--restate` and not sent: {}": found.waiting,
        "  restated, without an answer: {}": found.unknown,
    }
    lines = [text.format(worth(sums)) for text, sums in said.items() if sums.orders]
    return lines + [f"  not restated, {why}: {worth(sums)}" for why, sums in sorted(found.not_eligible.items())]


def worth(sums: ValueChangeTotals) -> str:
    """So many orders, in money before and after."""
    old, new = (", ".join(f"{v:f} {c}" for c, v in sorted(side.items())) for side in (sums.old, sums.new))
    return f"{sums.orders} orders from {old} to {new}"


def say_late(name: str, late: LateResults) -> None:
    """What was refused after it had been received, and what could not be asked."""
    for line in messages.late(name, late):
        say(line)


def _show_next(report: Report) -> None:
    """One sentence for whoever is on call."""
    _say_findings(report)
    for line in messages.of_run(report):
        say(line)
    if report.exit_code is Exit.OK:
        show()
        show("Every order is accounted for.")
    if report.checkpoint:
        show()
        show("Checkpoint of the log; keep it where nobody here can change it, for `conversions audit verify`:")
        show(report.checkpoint.rstrip())
