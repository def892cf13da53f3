"""The queue of one destination in one run: its request template, what waits, and why it stopped."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Protocol

from conversions.delivery.isolation import FaultIsolation
from conversions.destinations.base import Destination
from conversions.errors import ConversionsError
from conversions.ledger import Ledger, outbox
from conversions.ledger.outbox import (
    MAX_UNANSWERED_TRIES,
    Attempt,
    ClaimedBatch,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
    halves,
)
from conversions.ledger.runs import Run
from conversions.model.receipt import Next, Outcome, Receipt


class Outbox(Protocol):
    """The part of the store that a queue claims from and writes its attempts to."""

    def claim(self, ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem, /) -> ClaimedBatch | None:
        """Claim the next events that leave in one request."""

    def intend(
        self, ledger: Ledger, run: Run, template: RequestTemplate, claimed: ClaimedBatch, validated: ValidatedBatch, /
    ) -> Attempt | list[WorkItem]:
        """Commit the attempt, or return the work items that may still be sent."""

    def settle(self, ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt, /) -> Settlement:
        """Record the answer, and return what follows from it."""


@dataclass(slots=True)
class DestinationQueue:
    """The queue of one destination in one run."""

    destination: Destination
    template: RequestTemplate
    in_flight: int
    requests_per_minute: int
    outbox: Outbox = outbox
    canary: bool = False
    """Whether this run sends only one new batch, its retries and its isolation; the rest waits for the next run."""
    backlog: deque[WorkItem] = field(default_factory=lambda: deque([WorkItem(Purpose.RESEND), WorkItem(Purpose.FIRST)]))
    retry_queue: deque[WorkItem] = field(default_factory=deque)
    timed_out: deque[WorkItem] = field(default_factory=deque)
    """Work that got no answer repeatedly: it goes last, because the platform may never answer one of its events."""
    isolation: FaultIsolation = field(default_factory=FaultIsolation)
    received: int = 0
    final_warning: bool = False
    """Whether the platform asked for a wait that it grants only once."""
    seconds: float = 0.0
    """The duration until the queue was empty or stopped."""
    idle_rounds: int = 0
    """Rounds in a row in which the platform accepted nothing."""
    backoff: Receipt | None = None
    stop_reason: ConversionsError | None = None

    @property
    def left(self) -> bool:
        """Whether work may still wait."""
        return bool(self.probing or self.retry_queue or self.backlog or self.timed_out)

    @property
    def probing(self) -> bool:
        """Whether single events are sent first, one at a time, to find out why a batch was refused."""
        return bool(self.isolation.suspects.probes)

    @property
    def backing_off(self) -> bool:
        """Whether the platform asked for a wait, and nothing stopped the queue."""
        return self.backoff is not None and self.stop_reason is None

    def next_work(self) -> WorkItem:
        """Return the next work: probes first, then retries, then the backlog, then work that got no answer."""
        if self.probing:
            return self.isolation.suspects.probes.popleft()
        if self.retry_queue:
            return self.retry_queue.popleft()
        return self.backlog[0] if self.backlog else self.timed_out.popleft()

    def classify(self, receipt: Receipt, events: int) -> Receipt:
        """Reinterpret *receipt* of a request of so many *events* in the light of this run's earlier answers."""
        warned_before = self.final_warning and self.backoff is None  # not by a request of this round
        if receipt.next is Next.RETRY_ONCE and warned_before:
            return replace(receipt, next=Next.STOP_REFUSED)
        return self.isolation.classify(receipt, events)

    def apply(self, settlement: Settlement, receipt: Receipt) -> None:
        """Apply what follows from *receipt*; depth first, so that one isolation ends before the next begins."""
        match receipt.next:
            case Next.RETRY | Next.RETRY_ONCE:
                self.backoff = max(self.backoff or receipt, receipt, key=lambda r: r.wait or 0)
                self.final_warning |= receipt.next is Next.RETRY_ONCE
                self._put_back(settlement.again, receipt)
            case Next.ISOLATE:
                self._put_first(self.isolation.isolate(settlement, receipt))
            case Next.PROBE:
                # all work of an earlier run may be bad: the decision needs new orders, too
                asked_new = WorkItem(Purpose.RESEND) not in self.backlog
                self._put_first(self.isolation.probe(settlement, receipt, asked_new=asked_new))

    def accept(self, events: int) -> None:
        """Count *events* that the platform accepted."""
        self.received += events
        self._put_first(self.isolation.accept())

    def _put_first(self, works: list[WorkItem]) -> None:
        self.retry_queue.extendleft(reversed(works))

    def _put_back(self, works: list[WorkItem], receipt: Receipt) -> None:
        """Queue *works* again; work without an answer goes last, and in halves if the platform answers other work."""
        for work in works:
            if receipt.outcome is not Outcome.UNKNOWN or work.attempt < MAX_UNANSWERED_TRIES:
                self.retry_queue.appendleft(work)
            else:
                self.timed_out.extend(halves(work) if self.received and work.attempt > MAX_UNANSWERED_TRIES else [work])

    def mark_claimed(self, work: WorkItem) -> None:
        """Remember that *work* has become a request: a canary queue sends no other new batch."""
        if self.canary and work.purpose is Purpose.FIRST:
            self.backlog.clear()
