"""What a queue waits for, and until when, in words: the network, a platform that asks to wait, or its limit."""

from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from conversions import catalogue
from conversions.delivery.queue import DestinationQueue
from conversions.delivery.rate_limit import has_to_wait
from conversions.destinations.base import title
from conversions.ledger import Clock
from conversions.model.receipt import Receipt
from conversions.observe.progress import SILENT, Progress
from conversions.transport import unreachable

SHORTEST_SECONDS = 2.0
"""A shorter wait is too short to read about."""


@dataclass(frozen=True, slots=True)
class Waits:
    """Announces waits in the shop's *zone*."""

    progress: Progress
    clock: Clock
    zone: ZoneInfo

    def backoff(self, queue: DestinationQueue, seconds: float) -> AbstractContextManager[None]:
        """Announce the wait between two rounds."""
        return self._announce("backoff", seconds, name=_title(queue), why=_why(queue.backoff) if queue.backoff else "")

    def limit(
        self, queue: DestinationQueue, limiter: AbstractAsyncContextManager[None]
    ) -> AbstractContextManager[None]:
        """Announce the wait until *limiter* admits the next request."""
        limit = queue.requests_per_minute
        seconds = 60 / limit if has_to_wait(limiter) else 0
        return self._announce("limit", seconds, name=_title(queue), limit=limit)

    def lock(self, seconds: float) -> AbstractContextManager[None]:
        """Announce the wait for another run."""
        return self._announce("lock", seconds)

    def _announce(self, code: str, seconds: float, **words: object) -> AbstractContextManager[None]:
        if seconds < SHORTEST_SECONDS:
            return nullcontext()
        until = _local(self.clock() + timedelta(seconds=seconds), self.zone)
        return self.progress.wait(catalogue.text("waits", code).format(until=until, **words), seconds)


SILENT_WAITS = Waits(SILENT, partial(datetime.now, UTC), ZoneInfo("UTC"))


def _title(queue: DestinationQueue) -> str:
    return title(queue.template.name, queue.destination.kind)


def _why(backoff: Receipt) -> str:
    if backoff.not_sent:
        return unreachable.reason(backoff.not_sent)
    if backoff.wait:
        return catalogue.text("waits", "asked")
    return catalogue.text("waits", "no_answer").format(code=backoff.code)


def _local(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%H:%M:%S} ({zone.key})"
