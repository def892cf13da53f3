"""The whole window is read, checked for anomalies, judged and staged before anything of it is claimed."""

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
from conversions.model import finding
from conversions.model.finding import Finding
from conversions.model.read_counts import ReadCounts
from conversions.run import restatements
from conversions.run.context import RunContext, Scope, dedup_windows_us
from conversions.run.read_result import ReadResult
from conversions.run.runtime import Runtime
from conversions.run.workers import WorkerPool


def read_for_run(context: RunContext, intake: Intake, workers: WorkerPool) -> ReadResult:
    """Read the window of a run, and look for anomalies. Raises SourceError."""
    said = read(context.scope, intake, workers.pseudonymized)
    if said.counts.skipped_files and not said.counts.rows:
        raise SourceUnavailable(
            f"Every file was still being written ({', '.join(said.counts.skipped_files)}). Nothing is lost: run "
            "again in a minute, or set source.settle_seconds."
        )
    return replace(said, findings=[*host_changed(context.run), *said.findings])


def read(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> ReadResult:
    """Read the window, and look for anomalies; nothing is written. Raises SourceError."""
    ledger, settings, accepted = scope.ledger, scope.settings, scope.request.accepted
    reading, snapshot = read_snapshot(scope, intake, pseudonymize)
    evidence = Evidence(ledger, settings, scope.request, scope.window, reading, scope.destinations)
    paid = amounts.judge(ledger, settings.shop, scope.window, scope.today, intake.past_orders)
    found = finding.answered([*anomalies.findings(evidence), *paid.findings], accepted)
    if not finding.stopping(found):
        amounts.withhold(ledger, settings.shop, paid, accepted.get(amounts.CODE, ()))
    return ReadResult(reading, snapshot, found, evidence.judgements.new, paid)


def read_snapshot(scope: Scope, intake: Intake, pseudonymize: Pseudonymize) -> tuple[ReadCounts, SourceSnapshot]:
    """Read the window into the store's temporary tables. Raises SourceError."""
    ledger = scope.ledger
    intake.apply_suppressions(suppressions.active(ledger) if scope.settings.former_keys else {})
    snapshot = open_snapshot(ledger, scope.destination_ids)
    with scope.progress.track("reading", None) as advance:
        return intake.read(scope.window, snapshot, pseudonymize, advance), snapshot


def stage(context: RunContext, said: ReadResult) -> list[Finding]:
    """Judge and stage every order; what keeps all of it from being sent is returned."""
    scope, ledger, run = context.scope, context.ledger, context.run
    runtime, window, numbers, accepted = scope.runtime, scope.window, scope.destination_ids, scope.request.accepted
    bad_rows.keep(ledger, run)
    scheme = f"{runtime.bindings['id scheme']} {runtime.bindings['key']}"
    with scope.progress.track("staging", said.counts.orders) as advance:
        for page in staging.stage(ledger, run.id, scope.settings.shop, scheme):
            advance(page)
    reason_shares.remember(ledger, run, said.judged, {one.about for one in said.findings})
    amounts.learn(ledger, run, scope.settings.shop, said.amounts, accepted.get(amounts.CODE, ()))
    volumes.remember(ledger, run.id, window, scope.today)
    gaps.mark_unknown(ledger, run, dict(zip(numbers, dedup_windows_us(runtime), strict=True)))
    runs.mark_staged(ledger, run, window, [] if said.counts.skipped_files else numbers)
    if scope.request.restate:
        restatements.stage(runtime, ledger, run, numbers)
    waiting = list(totals.count_pending(ledger, run.id, numbers).values())
    return finding.answered(volume_limit_exceeded(volumes_and_limits(runtime, waiting)), accepted)


def volumes_and_limits(runtime: Runtime, waiting: list[int]) -> dict[str, tuple[int, int | None]]:
    """By destination: how many orders wait, and its ``max_new``, from which rehearsals are exempt."""
    limits = [None if runtime.settings.rehearsal else view.settings.max_new for view in runtime.destinations]
    return dict(zip(runtime.names, zip(waiting, limits, strict=True), strict=True))
