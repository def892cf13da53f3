"""Read the whole window, check it for anomalies, and stage it, before delivery claims the first order."""

from dataclasses import replace

from conversions import anomalies
from conversions.anomalies import amounts
from conversions.anomalies.evidence import Evidence
from conversions.anomalies.host_change import host_changed
from conversions.anomalies.volume_limit import volume_limit_exceeded
from conversions.errors import SourceUnavailable
from conversions.intake.setup import Intake, Pseudonymize
from conversions.ledger import runs, staging
from conversions.ledger.queries import totals
from conversions.ledger.staging import bad_rows, gaps, reason_shares, volumes
from conversions.ledger.staging.snapshot import SourceSnapshot, open_snapshot
from conversions.ledger.subjects import suppressions
from conversions.model.finding import Finding, apply_accepted, stops_run
from conversions.model.read_counts import ReadCounts
from conversions.run import restatements
from conversions.run.context import RunContext, Scope, dedup_windows_us
from conversions.run.read_result import ReadResult
from conversions.run.runtime import Runtime
from conversions.run.workers import WorkerPool


def read_for_run(context: RunContext, intake: Intake, workers: WorkerPool) -> ReadResult:
    """Read the window of a run, and check it for anomalies. Raises SourceError."""
    result = read_window(context.scope, intake, workers.pseudonymize)
    if result.counts.skipped_files and not result.counts.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(result.counts.skipped_files)}). Nothing is lost: run "
            "again in a minute, or set source.settle_seconds."
        )
    return replace(result, findings=[*host_changed(context.run), *result.findings])


def read_window(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> ReadResult:
    """Read the window, and check it for anomalies; this writes nothing to the store. Raises SourceError."""
    ledger, settings, accepted = scope.ledger, scope.settings, scope.request.accepted
    counts, snapshot = read_snapshot(scope, intake, pseudonymize)
    evidence = Evidence(ledger, settings, scope.request, scope.window, counts, scope.destinations)
    judgement = amounts.judge(ledger, scope.window, scope.today, intake.past_orders)
    findings = apply_accepted([*anomalies.findings(evidence), *judgement.findings], accepted)
    if not stops_run(findings):
        amounts.withhold(ledger, judgement, accepted.get(amounts.CODE, ()))
    return ReadResult(counts, snapshot, findings, evidence.judgements.new, judgement)


def read_snapshot(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> tuple[ReadCounts, SourceSnapshot]:
    """Read the window into the store's temporary tables. Raises SourceError."""
    ledger = scope.ledger
    intake.apply_rules(scope.runtime.rules)
    intake.apply_suppressions(suppressions.active(ledger) if scope.settings.former_keys else {})
    snapshot = open_snapshot(ledger, scope.destination_ids)
    read = intake.read if scope.request.named else intake.read_changes
    with scope.progress.track("reading", None) as advance:
        return read(scope.window, snapshot, pseudonymize, advance), snapshot


def stage(context: RunContext, read_result: ReadResult) -> list[Finding]:
    """Evaluate and stage every order; return the findings that keep all of them from being sent."""
    scope, ledger, run = context.scope, context.ledger, context.run
    runtime, window, accepted = scope.runtime, scope.window, scope.request.accepted
    bad_rows.keep(ledger, run)
    limits = {
        number: rules.destination.limits.events
        for number, rules in zip(scope.destination_ids, runtime.destinations, strict=True)
    }
    with scope.progress.track("staging", read_result.counts.orders) as advance:
        for page in staging.stage(ledger, run.id, scope.settings.shop, limits):
            advance(page)
    reason_shares.save_counts(
        ledger, run, read_result.reason_counts, {finding.about for finding in read_result.findings}
    )
    amounts.learn(ledger, run, read_result.amounts, accepted.get(amounts.CODE, ()))
    volumes.save_volumes(ledger, run, window, scope.today)
    windows_us = dict(zip(scope.destination_ids, dedup_windows_us(runtime), strict=True))
    gaps.mark_unknown(ledger, run, windows_us)
    counts = read_result.counts
    whole = not (counts.skipped_files or counts.refused_files)
    runs.mark_staged(ledger, run, window, scope.destination_ids if whole else [])
    if scope.request.restate:
        restatements.stage_changed_values(runtime, ledger, run, scope.destination_ids)
    waiting = list(totals.count_pending(ledger, run.id, scope.destination_ids).values())
    return apply_accepted(volume_limit_exceeded(volumes_and_limits(runtime, waiting)), accepted)


def volumes_and_limits(runtime: Runtime, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """Return for each destination how many orders wait, and its ``max_new``; a rehearsal has no limit."""
    limits = [None if runtime.settings.rehearsal else rules.settings.max_new for rules in runtime.destinations]
    return dict(zip(runtime.names, zip(waiting, limits, strict=True), strict=True))
