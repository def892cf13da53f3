"""One destination in one run: what its requests share, what waits, and how it ended."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Protocol

from conversions.delivery.isolation import FaultIsolation
from conversions.destinations.base import Destination
from conversions.errors import ConversionsError
from conversions.ledger import Ledger
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import (
    Attempt,
    ClaimedBatch,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
)
from conversions.ledger.outbox.work import MAX_UNANSWERED_TRIES, halves
from conversions.ledger.runs import Run
from conversions.model.receipt import Next, Outcome, Receipt


class Outbox(Protocol):
    """Where a lane's events stand, and what their attempts are written to."""

    def claim(self, ledger: Ledger, run: Run, outbox: RequestTemplate, work: WorkItem, /) -> ClaimedBatch | None:
        """The next events to leave together."""

    def intend(
        self, ledger: Ledger, run: Run, outbox: RequestTemplate, claimed: ClaimedBatch, examined: ValidatedBatch, /
    ) -> Attempt | list[WorkItem]:
        """Commit the attempt, or say what of it may still be sent."""

    def settle(self, ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt, /) -> Settlement:
        """Record the answer."""


@dataclass(slots=True)
class DestinationQueue:
    """One destination in one run."""

    destination: Destination
    template: RequestTemplate
    in_flight: int
    requests_per_minute: int
    outbox: Outbox = requests
    canary: bool = False
    """One claim is all: its retries and its search for culprits go on, the rest waits for the next run."""
    backlog: deque[WorkItem] = field(default_factory=lambda: deque([WorkItem(Purpose.RESEND), WorkItem(Purpose.FIRST)]))
    retry_queue: deque[WorkItem] = field(default_factory=deque)
    timed_out: deque[WorkItem] = field(default_factory=deque)
    """Sent twice in vain: others go first, because an event may be to blame that the platform never answers."""
    isolation: FaultIsolation = field(default_factory=FaultIsolation)
    received: int = 0
    final_warning: bool = False
    """Whether the platform asked for patience for the last time."""
    seconds: float = 0.0
    """How long it took until nothing was left, or something stopped it."""
    idle_rounds: int = 0
    """Rounds in a row in which the platform took nothing."""
    backoff: Receipt | None = None
    stop_reason: ConversionsError | None = None

    @property
    def left(self) -> bool:
        """Whether something may still wait to be sent."""
        return bool(self.probing or self.retry_queue or self.backlog or self.timed_out)

    @property
    def probing(self) -> bool:
        """Whether events are asked alone, one at a time, before anything else is sent."""
        return bool(self.isolation.suspects.probes)

    @property
    def backing_off(self) -> bool:
        """Whether the platform asked for patience, and nothing worse."""
        return self.backoff is not None and self.stop_reason is None

    def next_work(self) -> WorkItem:
        """What is to be asked alone first, then what is to be sent again, then what waits, then what was in vain."""
        if self.probing:
            return self.isolation.suspects.probes.popleft()
        if self.retry_queue:
            return self.retry_queue.popleft()
        return self.backlog[0] if self.backlog else self.timed_out.popleft()

    def classify(self, receipt: Receipt, events: int) -> Receipt:
        """What *receipt* of a request of so many *events* means after all that was said before it in this run."""
        if (
            receipt.next is Next.RETRY_ONCE and self.final_warning and self.backoff is None
        ):  # not by a request of this round
            return replace(receipt, next=Next.STOP_REFUSED)
        return self.isolation.classify(receipt, events)

    def apply(self, settled: Settlement, receipt: Receipt) -> None:
        """Take in what follows from *receipt*; depth first, so that a search ends before the next begins."""
        match receipt.next:
            case Next.RETRY | Next.RETRY_ONCE:
                self.backoff = max(self.backoff or receipt, receipt, key=lambda r: r.wait or 0)
                self.final_warning |= receipt.next is Next.RETRY_ONCE
                self._put_back(settled.again, receipt)
            case Next.ISOLATE:
                self._go_on(self.isolation.isolate(settled, receipt))
            case Next.PROBE:
                # what an earlier run left may be bad altogether: something new is asked before it is decided
                asked_new = WorkItem(Purpose.RESEND) not in self.backlog
                self._go_on(self.isolation.probe(settled, receipt, asked_new=asked_new))

    def accept(self, events: int) -> None:
        """The platform holds so many events more."""
        self.received += events
        self._go_on(self.isolation.accept())

    def _go_on(self, works: list[WorkItem]) -> None:
        self.retry_queue.extendleft(reversed(works))

    def _put_back(self, works: list[WorkItem], receipt: Receipt) -> None:
        """The same again; what stays without an answer lets others go first, and goes in halves where they have one."""
        for work in works:
            if receipt.outcome is not Outcome.UNKNOWN or work.attempt < MAX_UNANSWERED_TRIES:
                self.retry_queue.appendleft(work)
            else:
                self.timed_out.extend(halves(work) if self.received and work.attempt > MAX_UNANSWERED_TRIES else [work])

    def claimed(self, work: WorkItem) -> None:
        """Remember that *work* has become a request."""
        if self.canary and work.purpose is Purpose.FIRST:
            self.backlog.clear()
