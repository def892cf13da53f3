"""The product on one page: a window of orders, to every destination, once, accounted for.

    row → Order → Conversion, or the reason against → staged in the ledger → a request on disk → the wire → settled

``send`` is the whole walk; ``planning.foresee`` goes as far as the barrier, on a store that nothing is written to.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from conversions.anomalies import amounts
from conversions.delivery import Delivery
from conversions.delivery.open_queue import open_queue
from conversions.delivery.queue import DestinationQueue
from conversions.destinations.base import Destination
from conversions.errors import Unauthorised
from conversions.intake.setup import Intake, open_intake
from conversions.ledger import Clock, open_ledger, runs
from conversions.ledger.queries import totals
from conversions.ledger.restatements import has_open
from conversions.ledger.runs.findings import log_accepted
from conversions.model import finding
from conversions.model.late_result import LateResults
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT, Progress
from conversions.process import signals
from conversions.process.gc_tuning import relaxed_gc
from conversions.run import restatements
from conversions.run.balance import build_report, build_stopped_report, purge_expired, remember
from conversions.run.context import RunContext, begin, recover_and_poll
from conversions.run.report import Report
from conversions.run.runtime import build_runtime
from conversions.run.staging import read_for_run, stage
from conversions.run.workers import WorkerPool
from conversions.settings import Settings
from conversions.transport import clock_skew


def send(settings: Settings, request: RunRequest, clock: Clock, progress: Progress = SILENT) -> Report:
    """Send every conversion of the window to every destination, once, and account for each.

    Raises ConversionsError where the run cannot go on; what stops one destination is in the report.
    """
    request.days(settings.zone, clock())
    runtime = build_runtime(settings, request.only)
    intake = open_intake(settings, runtime.rules, clock)
    intake.source.check()
    with (
        signals.raise_on_signal(),
        relaxed_gc(),
        open_ledger(settings, clock, wait=request.wait.total_seconds()) as ledger,
        WorkerPool(runtime, intake, request.only, clock()) as workers,
    ):
        context = begin(runtime, ledger, request, progress)
        with runs.closed_on_error(ledger, context.run), signals.raise_on_signal():
            late = recover_and_poll(context)
            report = _send(context, intake, workers, late)
            remember(context, report)
            purge_expired(context)
        report.checkpoint = runs.finish(ledger, context.run, report.json(), waiting=report.waiting)
    return report


def _send(context: RunContext, intake: Intake, workers: WorkerPool, late: Mapping[str, LateResults]) -> Report:
    """The walk; a finding that nobody has accepted ends it before anything is staged, or before anything is claimed."""
    said = read_for_run(context, intake, workers)
    if finding.stopping(said.findings):
        amounts.hold(context.ledger, context.run, said.amounts)
        return build_stopped_report(context, said, late)
    said.findings.extend(stage(context, said))
    queues = _queues(context, late)
    if finding.stopping(said.findings):
        return replace(build_report(context, said, queues, [], late), stopped=True)
    log_accepted(context.ledger, context.run, said.findings, context.scope.request.reason)
    for queue in queues:
        queue.stop_reason = queue.stop_reason or _missing(queue.destination)
    second = _deliver(context, queues, workers)
    return build_report(context, said, queues, second, late)


def _queues(context: RunContext, late: Mapping[str, LateResults]) -> list[DestinationQueue]:
    """One for each destination; nothing is sent where the platform has said meanwhile that it takes nothing."""
    queues = [
        open_queue(view.destination, view.settings, number, view.gate.check, context.ledger, context.run.id)
        for view, number in zip(context.scope.runtime.destinations, context.scope.destination_ids, strict=True)
    ]
    for queue in queues:
        queue.stop_reason = late[queue.template.name].ending
    return queues


def _missing(destination: Destination) -> Unauthorised | None:
    """A night with nothing to send tells of a missing credential, too: tomorrow there is something."""
    try:
        destination.authorise()
    except Unauthorised as error:
        return error
    return None


def _deliver(context: RunContext, queues: list[DestinationQueue], workers: WorkerPool) -> list[DestinationQueue]:
    """Send to every destination at once; returns the lanes of restated values, which come second."""
    ledger, run = context.ledger, context.run
    busy = totals.count_to_send(ledger, run.id)
    _ask_the_time(
        context, [queue for queue in queues if queue.template.destination in busy or _restates(context, queue)]
    )
    with context.scope.progress.track("sending", sum(busy.values())) as advance:
        deadline = ledger.clock() + context.scope.settings.deadline
        return restatements.deliver(
            partial(Delivery, ledger, run, deadline, advance, workers.examine), ledger, run, queues
        )


def _restates(context: RunContext, queue: DestinationQueue) -> bool:
    return has_open(context.ledger, queue.template.destination)


def _ask_the_time(context: RunContext, queues: list[DestinationQueue]) -> None:
    """Nothing is sent by a clock that is days off: whoever is to get something was asked the time, or is now."""
    if context.clock_verified:
        return
    clock_skew.check({queue.template.name: queue.template.url for queue in queues}, context.ledger.clock())
