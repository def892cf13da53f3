"""Values that changed after sending: what of them a run sends beside the orders, and what it says of them."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from conversions.delivery import Delivery
from conversions.delivery.isolation import FaultIsolation
from conversions.delivery.queue import DestinationQueue
from conversions.errors import Unavailable
from conversions.ledger import Ledger, restatements
from conversions.ledger.outbox import Purpose, WorkItem
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import AdjustmentTotals, ChangedValue
from conversions.ledger.runs import Run
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.states import SENT
from conversions.run.runtime import Runtime


def stage(runtime: Runtime, ledger: Ledger, run: Run, numbers: Sequence[int]) -> None:
    """Stage a restatement of every changed order that this run has read and its platform can correct."""
    for view, number in zip(runtime.destinations, numbers, strict=True):
        eligibility.stage(ledger, run, number, view.destination.adjusted_event)


def deliver(
    begin: Callable[[], Delivery], ledger: Ledger, run: Run, usual: list[DestinationQueue]
) -> list[DestinationQueue]:
    """The orders first; then restated values, wherever nothing stopped them, in the lanes that it returns."""
    delivery = begin()
    delivery.deliver(usual)
    second = _queues(ledger, run, [queue for queue in usual if queue.stop_reason is None])
    if delivery.stop.is_set():
        for queue in second:
            queue.stop_reason = Unavailable(f"{queue.template.name}: the run was told to stop.")
    elif second:
        begin().deliver(second)
    return second


def _queues(ledger: Ledger, run: Run, usual: list[DestinationQueue]) -> list[DestinationQueue]:
    """A second lane for each destination with something to restate, or restated and not answered.

    What may not be sent any more is closed before.
    """
    for queue in usual:
        restatements.close_expired(ledger, run, queue.template.destination)
    return [_second(queue) for queue in usual if restatements.has_open(ledger, queue.template.destination)]


def _second(queue: DestinationQueue) -> DestinationQueue:
    """The same inbox and the same limits. A value told twice is the same value: an unanswered one is sent again."""
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


def estimate(runtime: Runtime, ledger: Ledger, page: Iterable[Evaluation], found: Sequence[AdjustmentTotals]) -> None:
    """Add one page of judgements to what restatements would change at each destination."""
    page = list(page)
    for position, view in enumerate(runtime.destinations):
        changed = [
            ChangedValue(one.row.held, one.incoming.due)
            for one in page
            if one.row.position == position and one.value_differs and one.row.state in SENT
        ]
        if changed:
            eligibility.estimate(found[position], ledger, changed, view.destination.adjusted_event)
