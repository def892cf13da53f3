"""A run on one page: read a window of orders, send each order once to every destination, and account for each.

    row → Order → Conversion, or the reason why not → staged in the ledger → a request on disk → HTTP → settled

``send`` is the whole run. A plan (``run.plan.plan``) reads, checks and evaluates the same orders, but writes and sends
nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from conversions.anomalies import amounts
from conversions.delivery import Delivery
from conversions.delivery.open_queue import open_queue
from conversions.delivery.queue import DestinationQueue
from conversions.delivery.waits import Waits
from conversions.errors import Unauthorised
from conversions.intake.setup import Intake, open_intake
from conversions.ledger import Clock, open_ledger, runs
from conversions.ledger.queries import overview, totals
from conversions.ledger.runs import bound_check
from conversions.ledger.runs.findings import log_accepted
from conversions.model.finding import stops_run
from conversions.model.late_result import LateResults
from conversions.model.run_request import RunRequest
from conversions.observe.progress import SILENT, Progress
from conversions.process import signals
from conversions.process.gc_tuning import relaxed_gc
from conversions.run import restatements
from conversions.run.balance import build_report, build_stopped_report, purge_expired, remember_findings
from conversions.run.context import RunContext, begin_run, check_approvals, recover_and_poll, unapproved
from conversions.run.report import Report
from conversions.run.runtime import build_runtime
from conversions.run.staging import read_for_run, stage
from conversions.run.workers import WorkerPool
from conversions.settings import Settings
from conversions.transport import clock_skew


def send(settings: Settings, request: RunRequest, clock: Clock, progress: Progress = SILENT) -> Report:
    """Send every order of the window to every destination, once, and account for each.

    Raises ConversionsError where the run cannot go on. An error that stops one destination is in the report.
    """
    request.days(settings.zone, clock())  # raises Usage for impossible dates before anything is opened
    runtime = build_runtime(settings, request.only)
    intake = open_intake(settings, runtime.rules, clock, progress)
    check_approvals(runtime, clock, intake.exclusions)  # first, so that no query is tried before its approval
    intake.source.check()
    waits = Waits(progress, clock, settings.zone)
    with (
        signals.raise_on_signal(),
        relaxed_gc(),
        open_ledger(settings, clock, wait=request.wait.total_seconds(), waiting=waits.lock) as ledger,
        WorkerPool(runtime, intake, request.only, clock()) as workers,
    ):
        context = begin_run(runtime, ledger, request, progress, intake.exclusions)
        with runs.closed_on_error(ledger, context.run), signals.raise_on_signal():
            late_results = recover_and_poll(context)
            report = _read_and_deliver(context, intake, workers, late_results)
            remember_findings(context, report)
            purge_expired(context)
            report.states = overview.states(ledger)
            report.unapproved = unapproved(context)
        report.checkpoint = runs.finish(ledger, context.run, report.json(), waiting=report.waiting)
    return report


def _read_and_deliver(
    context: RunContext, intake: Intake, workers: WorkerPool, late_results: Mapping[str, LateResults]
) -> Report:
    """Read, check, stage and deliver; a finding that stops the run ends it before staging, or before delivery."""
    read_result = read_for_run(context, intake, workers)
    if stops_run(read_result.findings):
        amounts.keep_open(context.ledger, context.run, read_result.amounts)
        return build_stopped_report(context, read_result, late_results)
    read_result.findings.extend(stage(context, read_result))
    queues = _open_queues(context, late_results)
    if stops_run(read_result.findings):
        return replace(build_report(context, read_result, queues, [], late_results), stopped=True)
    log_accepted(context.ledger, context.run, read_result.findings, context.scope.request.reason)
    _authorise_queues(queues)
    bound_check.check(context.ledger)  # again, since reading may have taken hours
    restated_queues = _deliver(context, queues, workers)
    return build_report(context, read_result, queues, restated_queues, late_results)


def _open_queues(context: RunContext, late_results: Mapping[str, LateResults]) -> list[DestinationQueue]:
    """Open one queue for each destination; a late result that stops the destination stops its queue, too."""
    queues = [
        open_queue(rules, destination_id, context.ledger, context.run.id)
        for rules, destination_id in zip(context.scope.runtime.destinations, context.scope.destination_ids, strict=True)
    ]
    for queue in queues:
        queue.stop_reason = late_results[queue.template.name].stop_reason
    return queues


def _authorise_queues(queues: list[DestinationQueue]) -> None:
    """Stop every queue without a valid credential, even if no order waits, so that the operator learns of it early."""
    for queue in queues:
        if queue.stop_reason is None:
            try:
                queue.destination.authorise()
            except Unauthorised as error:
                queue.stop_reason = error


def _deliver(context: RunContext, queues: list[DestinationQueue], workers: WorkerPool) -> list[DestinationQueue]:
    """Send to all destinations at the same time; return the queues of restated values, which are sent last."""
    ledger, run = context.ledger, context.run
    orders_to_send = totals.count_to_send(ledger, run.id)
    _check_clock(
        context,
        [q for q in queues if q.template.destination_id in orders_to_send or restatements.has_open(ledger, q)],
    )
    with context.scope.progress.track("sending", sum(orders_to_send.values())) as advance:
        settings = context.scope.settings
        deadline, waits = ledger.clock() + settings.deadline, Waits(context.scope.progress, ledger.clock, settings.zone)
        new_delivery = partial(Delivery, ledger, run, deadline, advance, workers.validate, waits)
        return restatements.deliver(new_delivery, ledger, run, queues)


def _check_clock(context: RunContext, queues: list[DestinationQueue]) -> None:
    """Compare our clock with every destination that will receive events, unless the run began with this check."""
    if not context.clock_verified:
        urls = {queue.template.name: queue.template.url for queue in queues}
        now = context.ledger.clock().astimezone(context.scope.settings.zone)
        clock_skew.check_clock_skew(urls, now, context.scope.runtime.route)
