"""Values that changed after sending: what a run restates beside the new orders, and what a plan says about them."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from conversions.delivery import Delivery
from conversions.delivery.isolation import FaultIsolation
from conversions.delivery.queue import DestinationQueue
from conversions.ledger import Ledger, restatements
from conversions.ledger.outbox import Purpose, WorkItem
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ChangedValue
from conversions.ledger.runs import Run
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.states import SENT
from conversions.process.signals import stop_error
from conversions.run.runtime import Runtime


def stage_changed_values(runtime: Runtime, ledger: Ledger, run: Run, destination_ids: Sequence[int]) -> None:
    """Stage a restatement of every order of this run that has a new value, where its platform accepts adjustments."""
    for rules, destination_id in zip(runtime.destinations, destination_ids, strict=True):
        eligibility.stage_restatements(ledger, run, destination_id, rules.destination.adjusted_event)


def has_open(ledger: Ledger, queue: DestinationQueue) -> bool:
    """Whether restatements wait for the destination of *queue*, or have no answer yet."""
    return restatements.has_open(ledger, queue.template.destination_id)


def deliver(
    new_delivery: Callable[[], Delivery], ledger: Ledger, run: Run, queues: list[DestinationQueue]
) -> list[DestinationQueue]:
    """Send the orders, then the restated values where nothing stopped the destination; return the restated queues."""
    delivery = new_delivery()
    delivery.deliver(queues)
    restated_queues = _restated_queues(ledger, run, [queue for queue in queues if queue.stop_reason is None])
    if delivery.stop.is_set():
        for queue in restated_queues:
            queue.stop_reason = stop_error(f"New values for {queue.template.name} wait; `conversions run` goes on.")
    elif restated_queues:
        new_delivery().deliver(restated_queues)
    return restated_queues


def _restated_queues(ledger: Ledger, run: Run, queues: list[DestinationQueue]) -> list[DestinationQueue]:
    """Close expired restatements, and open a second queue for each destination that still has open ones."""
    for queue in queues:
        restatements.close_expired(ledger, run, queue.template.destination_id)
    return [_restated_queue(queue) for queue in queues if has_open(ledger, queue)]


def _restated_queue(queue: DestinationQueue) -> DestinationQueue:
    """Open a queue with the same limits. A value may be sent twice, so an unanswered restatement is sent again."""
    resend_us = queue.destination.limits.resend // timedelta(microseconds=1)
    return DestinationQueue(
        queue.destination,
        replace(queue.template, resend_us=resend_us, last_claimed=Counter()),
        queue.in_flight,
        queue.requests_per_minute,
        outbox=restatements,
        isolation=FaultIsolation(settings_ok=queue.isolation.settings_ok),
        backlog=deque([WorkItem(Purpose.RESEND), WorkItem(Purpose.RESTATE)]),
    )


def estimate(
    runtime: Runtime, ledger: Ledger, page: Iterable[Evaluation], adjustments: Sequence[AdjustmentTotals]
) -> None:
    """Add one page of evaluations to *adjustments*, which has the totals of each destination."""
    page = list(page)
    for position, rules in enumerate(runtime.destinations):
        changed = [
            ChangedValue(evaluation.row.delivery_id, evaluation.incoming.due)
            for evaluation in page
            if evaluation.row.position == position and evaluation.value_differs and evaluation.row.state in SENT
        ]
        if changed:
            eligibility.estimate(adjustments[position], ledger, changed, rules.destination.adjusted_event)
