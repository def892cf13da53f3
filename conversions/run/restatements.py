"""Values that changed after sending: what of them a run sends beside the orders, and what it says of them."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from conversions.delivery import Delivery
from conversions.delivery.isolation import Search
from conversions.delivery.queue import Lane
from conversions.errors import Unavailable
from conversions.ledger import Ledger, restatements
from conversions.ledger.outbox import Purpose, Work
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import Changed, Corrections
from conversions.ledger.runs import Run
from conversions.ledger.staging.evaluate import Judged
from conversions.ledger.states import SENT
from conversions.run.runtime import House


def stage(house: House, ledger: Ledger, run: Run, numbers: Sequence[int]) -> None:
    """Stage a restatement of every changed order that this run has read and its platform can correct."""
    for view, number in zip(house.views, numbers, strict=True):
        eligibility.stage(ledger, run, number, view.destination.restated)


def deliver(begin: Callable[[], Delivery], ledger: Ledger, run: Run, usual: list[Lane]) -> list[Lane]:
    """The orders first; then restated values, wherever nothing stopped them, in the lanes that it returns."""
    delivery = begin()
    delivery.deliver(usual)
    second = _lanes(ledger, run, [lane for lane in usual if lane.ending is None])
    if delivery.stop.is_set():
        for lane in second:
            lane.ending = Unavailable(f"{lane.outbox.name}: the run was told to stop.")
    elif second:
        begin().deliver(second)
    return second


def _lanes(ledger: Ledger, run: Run, usual: list[Lane]) -> list[Lane]:
    """A second lane for each destination with something to restate, or restated and not answered.

    What may not be sent any more is closed before.
    """
    for lane in usual:
        restatements.tidy(ledger, run, lane.outbox.destination)
    return [_second(lane) for lane in usual if restatements.open_there(ledger, lane.outbox.destination)]


def _second(lane: Lane) -> Lane:
    """The same inbox and the same limits. A value told twice is the same value: an unanswered one is sent again."""
    resend_us = lane.destination.limits.resend // timedelta(microseconds=1)
    return Lane(
        lane.destination,
        replace(lane.outbox, resend_us=resend_us, claimed=Counter()),
        lane.in_flight,
        lane.requests_per_minute,
        book=restatements,
        search=Search(trusted=lane.search.trusted),
        streams=deque([Work(Purpose.RESEND), Work(Purpose.RESTATE)]),
    )


def foresee(house: House, ledger: Ledger, page: Iterable[Judged], found: Sequence[Corrections]) -> None:
    """Add one page of judgements to what restatements would change at each destination."""
    page = list(page)
    for position, view in enumerate(house.views):
        changed = [
            Changed(one.row.held, one.draft.due)
            for one in page
            if one.row.position == position and one.owes and one.row.state in SENT
        ]
        if changed:
            eligibility.foresee(found[position], ledger, changed, view.destination.restated)
