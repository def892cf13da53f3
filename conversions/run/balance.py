"""Both sides of the balance: the orders that were read, and what became of them by the ledger at the end."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from conversions import anomalies
from conversions.anomalies import amounts, host_change, match_rate, platform_warnings
from conversions.delivery.open_queue import resend_us
from conversions.delivery.queue import DestinationQueue
from conversions.ledger import Ledger
from conversions.ledger.maintenance import schema_copies
from conversions.ledger.queries import backlog, totals, unreported
from conversions.ledger.restatements import eligibility
from conversions.ledger.runs import findings as finding_history
from conversions.ledger.staging import bad_rows
from conversions.ledger.staging.snapshot import SourceSnapshot
from conversions.ledger.subjects import retention
from conversions.ledger.subjects.scrub import scrub
from conversions.model.finding import Finding
from conversions.model.late_result import LateResults
from conversions.model.read_counts import ReadCounts
from conversions.run import estimate, undelivered
from conversions.run.context import RunContext
from conversions.run.read_result import ReadResult
from conversions.run.report import DestinationSide, Report, SourceSide


def build_report(
    context: RunContext,
    read_result: ReadResult,
    queues: list[DestinationQueue],
    restated_queues: list[DestinationQueue],
    late_results: Mapping[str, LateResults],
) -> Report:
    """Build the report of a run from its queues and what it read."""
    ledger, run = context.ledger, context.run
    ledger.shrink_cache()
    balance = totals.control_totals(
        ledger, run.id, [(queue.template.name, queue.template.destination_id) for queue in queues]
    )
    new_problems = unreported.unreported(
        ledger, run.id, {queue.template.destination_id: queue.template.resend_us for queue in queues}
    )
    sides = {}
    for queue in queues:
        name = queue.template.name
        side = sides[name] = DestinationSide(balance[name], late=late_results[name])
        side.unreported = new_problems[queue.template.destination_id]
        _add_queue(side, context, queue, restated_queues)
    findings = [*read_result.findings, *_later_findings(context)]
    source = source_side(read_result.counts, read_result.snapshot)
    return Report(run.id, context.scope.window, source, sides, findings)


def _add_queue(
    side: DestinationSide, context: RunContext, queue: DestinationQueue, restated_queues: list[DestinationQueue]
) -> None:
    """Add to *side* how *queue* ended, and what it leaves for the next run."""
    ledger, run_id, destination_id = context.ledger, context.run.id, queue.template.destination_id
    both = [queue, *(restated for restated in restated_queues if restated.template.destination_id == destination_id)]
    side.stop_reason = next((each.stop_reason for each in both if each.stop_reason), None)
    side.adjustments = eligibility.totals(ledger, run_id, destination_id, queue.destination.adjusted_event)
    side.seconds, side.first_batch = queue.seconds, queue.template.max_events if queue.canary else None
    remaining = backlog.remaining(ledger, run_id, destination_id, queue.template.resend_us)
    side.remaining = remaining.orders
    if first := remaining.first_too_old:
        side.too_old_at = f"{first.astimezone(context.scope.settings.zone):%Y-%m-%d %H:%M}"


def build_stopped_report(
    context: RunContext, read_result: ReadResult, late_results: Mapping[str, LateResults]
) -> Report:
    """Build the report of a run that a finding stopped before staging: what would have become of every order."""
    ledger, run, runtime = context.ledger, context.run, context.scope.runtime
    destination_ids = context.scope.destination_ids
    sides = estimate.estimate(runtime, ledger, destination_ids)
    resend_windows_us = {
        destination_id: resend_us(rules.destination, rules.settings)
        for destination_id, rules in zip(destination_ids, runtime.destinations, strict=True)
    }
    new_problems = unreported.unreported(ledger, run.id, resend_windows_us)
    for destination_id, (name, side) in zip(destination_ids, sides.items(), strict=True):
        side.unreported, side.late = new_problems[destination_id], late_results[name]
        side.remaining = side.totals.counts["pending"]
        side.stop_reason = side.late.stop_reason or side.stop_reason
    source = source_side(read_result.counts, read_result.snapshot)
    findings = [*read_result.findings, *_later_findings(context)]
    return Report(run.id, context.scope.window, source, sides, findings, stopped=True)


def platform_findings(ledger: Ledger, today: date) -> list[Finding]:
    """Return the platforms' warnings and match rates as findings, without an exit code where a person knows them."""
    return finding_history.mark_known(
        ledger, [*platform_warnings.findings(ledger), *match_rate.findings(ledger, today)]
    )


def _later_findings(context: RunContext) -> list[Finding]:
    """Return the findings that do not depend on what this run read."""
    own = finding_history.mark_known(context.ledger, undelivered.findings(context.scope.settings))
    return [*platform_findings(context.ledger, context.scope.today), *own]


def remember_findings(context: RunContext, report: Report) -> None:
    """Record the findings of this run, so that the next run does not report them again."""
    codes = anomalies.codes() | {
        host_change.CODE,
        amounts.ALONE,
        platform_warnings.CODE,
        match_rate.CODE,
        undelivered.CODE,
    }
    finding_history.save(context.ledger, context.run, report.findings, codes)


def purge_expired(context: RunContext) -> list[str]:
    """Delete what is past its retention, and scrub the files of it; the next run tries again what fails.

    Return the names of the copies from before an upgrade that were deleted.
    """
    settings = context.scope.settings
    bad_rows.purge_digests(context.ledger, settings.lookback_days)
    ledger = context.ledger
    retention.purge(ledger, retention.first_kept_day(ledger, settings.zone, settings.privacy.retention_days))
    scrub(ledger)
    return schema_copies.delete_expired(settings.store_path, ledger.clock())


def source_side(counts: ReadCounts, snapshot: SourceSnapshot) -> SourceSide:
    """Return the left side of the balance, in orders and in money."""
    values: dict[str, Decimal] = defaultdict(Decimal)
    for money, _ in snapshot.totals():
        values[money.currency] += money.amount
    return SourceSide(
        rows=counts.rows,
        orders=counts.orders,
        repeated=counts.repeated,
        outside_window=counts.outside_window,
        quarantined={str(reason): count for reason, count in counts.quarantined.items()},
        values=dict(values),
        skipped_files=counts.skipped_files,
        without_sku=counts.without_sku,
    )
