"""A plan: what a run would do now, without a lock and without a change to the store."""

from functools import partial

from conversions.anomalies.volume_limit import volume_limit_exceeded
from conversions.errors import Unauthorised
from conversions.intake.setup import open_intake
from conversions.ledger import Clock, open_read_only
from conversions.ledger.runs import approvals
from conversions.model.finding import Finding, apply_accepted, note, stops_run
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT, Progress
from conversions.process.gc_tuning import relaxed_gc
from conversions.run import estimate
from conversions.run.balance import platform_findings, source_side
from conversions.run.context import open_scope, pending_approvals
from conversions.run.report import Report
from conversions.run.runtime import Runtime, build_runtime
from conversions.run.staging import read_window, volumes_and_limits
from conversions.settings import Settings


def plan(settings: Settings, request: RunRequest, clock: Clock, progress: Progress = SILENT) -> Report:
    """Report what ``pipeline.send`` would do now; send nothing, write nothing, take no lock.

    Raises what ``send`` raises before it delivers. A missing credential is only a note: a plan checks data and
    settings. What a person must approve is in the report, and the plan shows its effect.
    """
    request.days(settings.zone, clock())
    runtime = build_runtime(settings, request.only)
    intake = open_intake(settings, runtime.rules, clock, progress)
    intake.source.check()
    with relaxed_gc(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        proposal = approvals.propose(settings, runtime.policy, intake.exclusions)
        pending = pending_approvals(runtime, ledger, proposal)
        scope = open_scope(runtime, ledger, request, progress)
        read_result = read_window(scope, intake, partial(map, intake.pseudonymizer))
        sides = estimate.estimate(runtime, ledger, scope.destination_ids)
        waiting = [side.totals.counts["pending"] for side in sides.values()]
        findings = read_result.findings + apply_accepted(
            volume_limit_exceeded(volumes_and_limits(runtime, waiting)), request.accepted
        )
        findings += platform_findings(ledger, scope.today) + _missing_credentials(runtime)
        source = source_side(read_result.counts, read_result.snapshot)
        return Report(None, scope.window, source, sides, findings, stopped=stops_run(findings), pending=pending or None)


def _missing_credentials(runtime: Runtime) -> list[Finding]:
    notes = []
    for rules in runtime.destinations:
        try:
            rules.destination.check_credentials()
        except Unauthorised as error:
            notes.append(note("credentials", f"{error} A run would end with 77.", destination=rules.name))
    return notes
