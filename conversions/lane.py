"""One destination in one run: what its requests share, what waits, and how it ended."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

import orjson

from conversions.destinations.base import Destination
from conversions.errors import DestinationError
from conversions.ledger import Ledger, accounts, requests
from conversions.ledger.requests import Attempt, Claim, Examined, Outbox, Purpose, Settled, Work
from conversions.ledger.runs import Run
from conversions.receipt import Receipt
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
    received: int = 0
    refused: int = 0
    """Orders that the platform refused in this run."""
    searches: int = 0
    fruitless: int = 0
    """Rounds in a row in which the platform took nothing."""
    trouble: Receipt | None = None
    ending: DestinationError | None = None

    @property
    def left(self) -> bool:
        """Whether something may still wait to be sent."""
        return bool(self.again or self.streams)

    @property
    def must_wait(self) -> bool:
        """Whether the platform asked for patience, and nothing worse."""
        return self.trouble is not None and self.ending is None

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
    rehearsal, limits = section.endpoint is not None, destination.limits
    first = section.first_batch if not rehearsal and accounts.first_time(ledger, number) else None
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
        resend_us=limits.resend // timedelta(microseconds=1),
        check=check,
    )
    return Lane(destination, outbox, section.in_flight, section.requests_per_minute, first_night=first is not None)
