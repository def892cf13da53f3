"""One destination in one run: what its requests share, what waits, and how it ended."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

import orjson

from conversions.destinations.base import Destination
from conversions.doubt import Doubt
from conversions.errors import ConversionsError
from conversions.ledger import Ledger, accounts, requests
from conversions.ledger.attempt import PROBES, TRIES, halves
from conversions.ledger.requests import Attempt, Claim, Examined, Outbox, Purpose, Settled, Work
from conversions.ledger.runs import Run
from conversions.receipt import Next, Outcome, Receipt
from conversions.settings import DestinationSettings


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
    received: int = 0
    refused: int = 0
    """Orders that the platform refused in this run."""
    doubt: Doubt = field(default_factory=Doubt)
    trusted: bool = False
    """Whether the settings are right: a refusal that may be an event's fault is one's."""
    blameless: bool = False
    """Whether the settings are wrong: whom this run has set aside is to wait with the others."""
    searches: int = 0
    """Requests that the search for orders at fault has taken, or is about to."""
    in_a_row: int = 0
    """Refusals that were followed up, since the platform last accepted something."""
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
        return bool(self.doubt.probes or self.again or self.streams or self.unanswered)

    @property
    def asking(self) -> bool:
        """Whether events are asked alone, one at a time, before anything else is sent."""
        return bool(self.doubt.probes)

    @property
    def must_wait(self) -> bool:
        """Whether the platform asked for patience, and nothing worse."""
        return self.trouble is not None and self.ending is None

    def next_work(self) -> Work:
        """What is to be asked alone first, then what is to be sent again, then what waits, then what was in vain."""
        if self.asking:
            return self.doubt.probes.popleft()
        if self.again:
            return self.again.popleft()
        return self.streams[0] if self.streams else self.unanswered.popleft()

    def understood(self, receipt: Receipt, events: int) -> Receipt:
        """What *receipt* of a request of so many *events* means after all that was said before it in this run."""
        if receipt.next is Next.PROBE and self.trusted:
            return replace(receipt, next=Next.ISOLATE)
        if receipt.next is Next.ISOLATE and not self.trusted and self.doubt.covers(events, receipt):
            return replace(receipt, next=Next.PROBE)
        if receipt.next is Next.ONCE_MORE and self.warned and self.trouble is None:  # not by a request of this round
            return replace(receipt, next=Next.STOP_REFUSED)
        return receipt

    def follow(self, settled: Settled, receipt: Receipt) -> None:
        """Take in what follows from *receipt*; depth first, so that a search ends before the next begins."""
        self.refused += settled.quarantined
        match receipt.next:
            case Next.RETRY | Next.ONCE_MORE:
                self.trouble = max(self.trouble or receipt, receipt, key=lambda r: r.wait or 0)
                self.warned |= receipt.next is Next.ONCE_MORE
                self._put_back(settled.again, receipt)
            case Next.ISOLATE:
                self._count(settled, receipt)
                self._search(settled, receipt)
            case Next.PROBE:
                self._count(settled, receipt)
                self._doubt(settled.again, receipt)

    def accept(self, events: int) -> None:
        """The platform holds so many events more: the settings are right."""
        self.received += events
        self.in_a_row = 0
        self._trust()

    def _put_back(self, works: list[Work], receipt: Receipt) -> None:
        """The same again; what stays without an answer lets others go first, and goes in halves where they have one."""
        for work in works:
            if receipt.outcome is not Outcome.UNKNOWN or work.attempt < TRIES:
                self.again.appendleft(work)
            else:
                self.unanswered.extend(halves(work) if self.received and work.attempt > TRIES else [work])

    def _count(self, settled: Settled, receipt: Receipt) -> None:
        """What the search costs; names that leave a rest are what the culprits need, where others are accepted."""
        self.searches += len(settled.again)
        if not (self.received and receipt.culprits and settled.again):
            self.in_a_row += 1

    def _search(self, settled: Settled, receipt: Receipt) -> None:
        """Go on with the rest; but ask some of it alone where one is named after the other, and nothing accepted."""
        if not self.trusted and settled.quarantined:
            self.doubt.blame(settled.quarantined, receipt)
            if any(work.attempt > PROBES for work in settled.again):
                for work in settled.again:
                    self.doubt.ask(work)
                return
        self.again.extendleft(reversed(settled.again))
        if self.doubt.of_events:
            self._trust()

    def _doubt(self, works: list[Work], receipt: Receipt) -> None:
        for work in works:
            self.doubt.refused(work, receipt)
        if self.doubt.of_events:
            self._trust()
        # what an earlier run left may be bad altogether: something new is asked before it is decided
        self.blameless |= self.doubt.of_settings and Work(Purpose.RESEND) not in self.streams

    def _trust(self) -> None:
        """Whatever was in doubt is some event's fault, and is sent until it is known whose."""
        self.trusted = True
        self.again.extendleft(reversed(self.doubt.settled()))

    def claimed(self, work: Work) -> None:
        """Remember that *work* has become a request."""
        if self.first_night and work.purpose is Purpose.FIRST:
            self.streams.clear()


def open_lane(
    destination: Destination,
    section: DestinationSettings,
    number: int,
    check: Callable[[bytes, int], tuple[str, ...]],
    ledger: Ledger,
    run: int,
) -> Lane:
    """The lane of *destination*, which the ledger knows by *number*; *check* is its gate.

    Where ``first_batch`` is set and nothing was ever received there, one small request is all that this run sends.
    """
    limits, first = destination.limits, first_batch(section, ledger, number)
    envelope = destination.envelope(f"conversions-run-{run}")
    outbox = Outbox(
        destination=number,
        name=destination.name,
        recipient=destination.recipient,
        url=destination.url,
        headers=orjson.dumps(destination.headers).decode(),
        prefix=envelope.prefix,
        suffix=envelope.suffix,
        rules=destination.identity_rule,
        max_events=min(limits.events, first or limits.events),
        max_bytes=limits.bytes,
        resend_us=resend_us(destination, section),
        check=check,
    )
    return Lane(destination, outbox, section.in_flight, section.requests_per_minute, first_night=first is not None)


def first_batch(section: DestinationSettings, ledger: Ledger, number: int) -> int | None:
    """How many orders are all that a run sends where nothing was ever received; rehearsals are exempt."""
    exempt = section.endpoint is not None or not accounts.first_time(ledger, number)
    return None if exempt else section.first_batch


def resend_us(destination: Destination, section: DestinationSettings) -> int:
    """Microseconds after its first attempt in which an unanswered order is sent again without asking a person."""
    return 0 if section.resend_unknown == "ask" else destination.limits.resend // timedelta(microseconds=1)
