"""One destination in one run: what its requests share, what waits, and how it ended."""

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Protocol

from conversions.delivery.isolation import Search
from conversions.destinations.base import Destination
from conversions.errors import ConversionsError
from conversions.ledger import Ledger
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import Attempt, Claim, Examined, Outbox, Purpose, Settled, Work
from conversions.ledger.outbox.work import TRIES, halves
from conversions.ledger.runs import Run
from conversions.model.receipt import Next, Outcome, Receipt


class Book(Protocol):
    """Where a lane's events stand, and what their attempts are written to."""

    def claim(self, ledger: Ledger, run: Run, outbox: Outbox, work: Work, /) -> Claim | None:
        """The next events to leave together."""

    def intend(
        self, ledger: Ledger, run: Run, outbox: Outbox, claimed: Claim, examined: Examined, /
    ) -> Attempt | list[Work]:
        """Commit the attempt, or say what of it may still be sent."""

    def settle(self, ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt, /) -> Settled:
        """Record the answer."""


@dataclass(slots=True)
class Lane:
    """One destination in one run."""

    destination: Destination
    outbox: Outbox
    in_flight: int
    requests_per_minute: int
    book: Book = requests
    first_night: bool = False
    """One claim is all: its retries and its search for culprits go on, the rest waits for the next run."""
    streams: deque[Work] = field(default_factory=lambda: deque([Work(Purpose.RESEND), Work(Purpose.FIRST)]))
    again: deque[Work] = field(default_factory=deque)
    unanswered: deque[Work] = field(default_factory=deque)
    """Sent twice in vain: others go first, because an event may be to blame that the platform never answers."""
    search: Search = field(default_factory=Search)
    received: int = 0
    warned: bool = False
    """Whether the platform asked for patience for the last time."""
    seconds: float = 0.0
    """How long it took until nothing was left, or something stopped it."""
    fruitless: int = 0
    """Rounds in a row in which the platform took nothing."""
    trouble: Receipt | None = None
    ending: ConversionsError | None = None

    @property
    def left(self) -> bool:
        """Whether something may still wait to be sent."""
        return bool(self.asking or self.again or self.streams or self.unanswered)

    @property
    def asking(self) -> bool:
        """Whether events are asked alone, one at a time, before anything else is sent."""
        return bool(self.search.doubt.probes)

    @property
    def must_wait(self) -> bool:
        """Whether the platform asked for patience, and nothing worse."""
        return self.trouble is not None and self.ending is None

    def next_work(self) -> Work:
        """What is to be asked alone first, then what is to be sent again, then what waits, then what was in vain."""
        if self.asking:
            return self.search.doubt.probes.popleft()
        if self.again:
            return self.again.popleft()
        return self.streams[0] if self.streams else self.unanswered.popleft()

    def understood(self, receipt: Receipt, events: int) -> Receipt:
        """What *receipt* of a request of so many *events* means after all that was said before it in this run."""
        if receipt.next is Next.ONCE_MORE and self.warned and self.trouble is None:  # not by a request of this round
            return replace(receipt, next=Next.STOP_REFUSED)
        return self.search.understood(receipt, events)

    def follow(self, settled: Settled, receipt: Receipt) -> None:
        """Take in what follows from *receipt*; depth first, so that a search ends before the next begins."""
        match receipt.next:
            case Next.RETRY | Next.ONCE_MORE:
                self.trouble = max(self.trouble or receipt, receipt, key=lambda r: r.wait or 0)
                self.warned |= receipt.next is Next.ONCE_MORE
                self._put_back(settled.again, receipt)
            case Next.ISOLATE:
                self._go_on(self.search.isolate(settled, receipt))
            case Next.PROBE:
                # what an earlier run left may be bad altogether: something new is asked before it is decided
                asked_new = Work(Purpose.RESEND) not in self.streams
                self._go_on(self.search.probe(settled, receipt, asked_new=asked_new))

    def accept(self, events: int) -> None:
        """The platform holds so many events more."""
        self.received += events
        self._go_on(self.search.accept())

    def _go_on(self, works: list[Work]) -> None:
        self.again.extendleft(reversed(works))

    def _put_back(self, works: list[Work], receipt: Receipt) -> None:
        """The same again; what stays without an answer lets others go first, and goes in halves where they have one."""
        for work in works:
            if receipt.outcome is not Outcome.UNKNOWN or work.attempt < TRIES:
                self.again.appendleft(work)
            else:
                self.unanswered.extend(halves(work) if self.received and work.attempt > TRIES else [work])

    def claimed(self, work: Work) -> None:
        """Remember that *work* has become a request."""
        if self.first_night and work.purpose is Purpose.FIRST:
            self.streams.clear()
