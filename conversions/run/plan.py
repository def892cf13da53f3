"""A plan: a run that stops before it stages, on a store that nothing is written to."""

from functools import partial

from conversions.anomalies.volume_limit import volume_limit_exceeded
from conversions.errors import Unauthorised
from conversions.intake.setup import open_intake
from conversions.ledger import Clock, open_read_only
from conversions.model import finding
from conversions.model.finding import Finding
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT, Progress
from conversions.process.gc_tuning import relaxed_gc
from conversions.run import estimate
from conversions.run.balance import platform_findings, source_side
from conversions.run.context import open_scope
from conversions.run.report import Report
from conversions.run.runtime import Runtime, build_runtime
from conversions.run.staging import read, volumes_and_limits
from conversions.settings import Settings


def plan(settings: Settings, request: RunRequest, clock: Clock, progress: Progress = SILENT) -> Report:
    """What ``pipeline.send`` would do now: nothing leaves, nothing is written, no lock is taken.

    Raises what ``send`` would raise before its first claim. A missing credential is a note: a plan judges data and
    settings.
    """
    request.days(settings.zone, clock())
    runtime = build_runtime(settings, request.only)
    intake = open_intake(settings, runtime.rules, clock)
    intake.source.check()
    with relaxed_gc(), open_read_only(settings, clock, rehearsal=settings.rehearsal) as ledger:
        scope = open_scope(runtime, ledger, request, progress)
        said = read(scope, intake, partial(map, intake.pseudonymizer))
        sides = estimate.estimate(runtime, ledger, scope.destination_ids)
        waiting = [side.account.counts["pending"] for side in sides.values()]
        found = said.findings + finding.answered(
            volume_limit_exceeded(volumes_and_limits(runtime, waiting)), request.accepted
        )
        found += platform_findings(ledger, scope.today) + _without_credentials(runtime)
        source = source_side(said.counts, said.snapshot)
        return Report(None, scope.window, source, sides, found, stopped=finding.stopping(found))


def _without_credentials(runtime: Runtime) -> list[Finding]:
    found = []
    for view in runtime.destinations:
        try:
            view.destination.check_credentials()
        except Unauthorised as error:
            found.append(finding.note("credentials", f"{error} A run would end with 77.", destination=view.name))
    return found
