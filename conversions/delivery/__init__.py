"""Send queues: claim → validate → rate limit → intend → send → settle, until a queue is empty or has to stop.

One thread owns the store; worker threads only do HTTP. A destination that backs off pauses its whole queue, and no
other queue.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import cycle

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from conversions.delivery.queue import DestinationQueue
from conversions.delivery.rate_limit import acquire, rate_limiter
from conversions.delivery.stop_reasons import backoff_exhausted, inconclusive, stop_reason
from conversions.delivery.waits import SILENT_WAITS, Waits
from conversions.errors import ConversionsError, Unauthorised, Unavailable
from conversions.ledger import outbox
from conversions.ledger.outbox import Attempt, ClaimedBatch, RequestTemplate, ValidatedBatch, WorkItem, reinstate
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.process.signals import SIGNALS, acknowledge, stop_error
from conversions.transport.connections import RESPONSE_TIMEOUT_SECONDS

MAX_IDLE_ROUNDS = 6
"""Rounds in a row without an accepted event, before the queue leaves the rest to the next run."""
MAX_BACKOFF_SECONDS = 300.0
"""The longest wait between two rounds, unless the platform asks for a longer one."""

Validate = Callable[[RequestTemplate, ClaimedBatch], Awaitable[ValidatedBatch]]
Sleep = Callable[[float], Awaitable[None]]


async def validate_here(template: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
    """Validate the body in this thread."""
    return outbox.validate(template, claimed)


class _BackOff(Exception):
    """The platform asks for a wait; the queue waits, and tries again."""


@dataclass(slots=True)
class Delivery:
    """Sends the queues of all destinations at the same time."""

    ledger: Ledger
    run: Run
    deadline: datetime
    """Aware UTC; no attempt begins later."""
    on_received: Callable[[int], None]
    validate: Validate = validate_here
    waits: Waits = SILENT_WAITS
    sleep: Sleep | None = None
    """How to wait between rounds; tests pass one that does not wait."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    pool: ThreadPoolExecutor = field(init=False)

    def deliver(self, queues: Sequence[DestinationQueue]) -> None:
        """Send until every queue is empty or has a ``stop_reason``.

        Raises LedgerError or DisclosureError, after every request in flight is settled.
        """
        with ThreadPoolExecutor(sum(queue.in_flight for queue in queues)) as self.pool:
            asyncio.run(self._deliver(queues))

    async def _deliver(self, queues: Sequence[DestinationQueue]) -> None:
        with _stop_on_signal(self.stop):
            await _all(self._drain(queue) for queue in queues)

    async def _drain(self, queue: DestinationQueue) -> None:
        """Send in rounds; between two rounds the queue waits, longer each time that the platform accepted nothing."""
        limiter = rate_limiter(queue.requests_per_minute)
        rounds = AsyncRetrying(
            retry=retry_if_exception_type(_BackOff),
            wait=lambda _: _backoff_seconds(queue),
            stop=lambda state: self._give_up(queue, state),
            sleep=partial(self._wait, queue),
            reraise=True,
        )
        began = self.ledger.clock()
        with suppress(_BackOff):
            async for attempt in rounds:
                with attempt:
                    await self._round(queue, limiter)
        if queue.isolation.settings_at_fault and queue.outbox is outbox:
            with self._stop_on_error():
                reinstate(self.ledger, self.run, queue.template.destination_id)
        queue.seconds = (self.ledger.clock() - began).total_seconds()
        if queue.stop_reason is None:
            queue.stop_reason = self._reason_for_rest(queue)

    async def _round(self, queue: DestinationQueue, limiter: AbstractAsyncContextManager[None]) -> None:
        """Work with several tasks until nothing is left or the platform asks for a wait; probe with one task."""
        queue.backoff, before = None, queue.received
        for probing in cycle([queue.probing, not queue.probing]):
            await _all(self._work(queue, limiter) for _ in range(1 if probing else queue.in_flight))
            if queue.probing is probing or self._paused(queue):
                break
        queue.idle_rounds = 0 if queue.received > before else queue.idle_rounds + 1
        if queue.backing_off:
            raise _BackOff

    async def _work(self, queue: DestinationQueue, limiter: AbstractAsyncContextManager[None]) -> None:
        """Send one request after the other. The task that settles a refusal also sends the rest of that batch."""
        probing = queue.probing
        while queue.probing is probing and not self._paused(queue):
            claimed = self._claim(queue)
            if claimed is None:
                return
            with self._stop_on_error():
                validated = await self.validate(queue.template, claimed)
            with self.waits.limit(queue, limiter):
                await acquire(limiter, self.stop)
            paused = (queue.probing and not probing) or self._paused(queue)
            intent = [claimed.again] if paused else self._intend(queue, claimed, validated)
            if isinstance(intent, Attempt):
                receipt = await asyncio.get_running_loop().run_in_executor(self.pool, _send, queue, intent)
                self._settle(queue, intent, receipt)
            else:
                queue.retry_queue.extend(intent)

    def _paused(self, queue: DestinationQueue) -> bool:
        too_late = self.ledger.clock() >= self.deadline
        return too_late or self.stop.is_set() or queue.backoff is not None or queue.stop_reason is not None

    def _claim(self, queue: DestinationQueue) -> ClaimedBatch | None:
        """Claim the next batch; a stream of the backlog that has no more events leaves the backlog."""
        while queue.left:
            work = queue.next_work()
            with self._stop_on_error():
                claimed = queue.outbox.claim(self.ledger, self.run, queue.template, work)
            if claimed is not None:
                queue.mark_claimed(work)
                return claimed
            if work.events is None:
                queue.backlog.popleft()
        return None

    def _intend(
        self, queue: DestinationQueue, claimed: ClaimedBatch, validated: ValidatedBatch
    ) -> Attempt | list[WorkItem]:
        with self._stop_on_error():
            return queue.outbox.intend(self.ledger, self.run, queue.template, claimed, validated)

    @contextmanager
    def _stop_on_error(self) -> Iterator[None]:
        """Stop every queue on an error here; the requests in flight are still settled."""
        try:
            yield
        except BaseException:
            self.stop.set()
            raise

    def _settle(self, queue: DestinationQueue, attempt: Attempt, receipt: Receipt) -> None:
        receipt = queue.classify(receipt, len(attempt.events))
        with self._stop_on_error():
            settlement = queue.outbox.settle(self.ledger, self.run, attempt, receipt)
        queue.apply(settlement, receipt)
        if receipt.outcome is Outcome.RECEIVED:
            queue.accept(len(attempt.events))
            self.on_received(len(attempt.events))
        queue.stop_reason = queue.stop_reason or stop_reason(
            queue, receipt, self.ledger.clock().astimezone(self.waits.zone)
        )

    def _give_up(self, queue: DestinationQueue, state: RetryCallState) -> bool:
        wait = state.upcoming_sleep
        too_late = self.ledger.clock().timestamp() + wait >= self.deadline.timestamp()
        return too_late or queue.idle_rounds >= MAX_IDLE_ROUNDS or self.stop.is_set()

    def _reason_for_rest(self, queue: DestinationQueue) -> ConversionsError | None:
        """Return why the queue ends before it is empty; None where it is empty."""
        name = queue.template.name
        if queue.backoff is not None and not self.stop.is_set():
            return backoff_exhausted(queue, queue.backoff)
        if not self._has_rest(queue):
            return None
        if self.stop.is_set():
            return stop_error(f"Orders for {name} wait; `conversions run` goes on with them.")
        if self.ledger.clock() >= self.deadline:
            return Unavailable(f"{name}: the run's deadline has passed (setting `deadline`).")
        return inconclusive(queue) if queue.isolation.suspects.open else None

    def _has_rest(self, queue: DestinationQueue) -> bool:
        if queue.canary or queue.isolation.suspects.open:
            return bool(queue.retry_queue or queue.timed_out) or queue.isolation.suspects.open
        claimed = self._claim(queue)
        if claimed is not None:
            queue.retry_queue.append(claimed.again)
        return claimed is not None

    async def _wait(self, queue: DestinationQueue, seconds: float) -> None:
        with self.waits.backoff(queue, seconds):
            await (self.sleep or self._sleep)(seconds)

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def _send(queue: DestinationQueue, attempt: Attempt) -> Receipt:
    """Send one attempt; this runs in a worker thread and does only HTTP."""
    try:
        return queue.destination.send(attempt.body, len(attempt.events))
    except Unauthorised as error:  # before the first byte
        queue.stop_reason = error
        return Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials")


def _backoff_seconds(queue: DestinationQueue) -> float:
    """Return the seconds that the platform asked for, or else an exponential time with jitter."""
    if queue.backoff is not None and queue.backoff.wait:
        return queue.backoff.wait
    return random.uniform(0.5, 1) * min(MAX_BACKOFF_SECONDS, 2.0**queue.idle_rounds)  # noqa: S311


async def _all(tasks: "Iterator[Awaitable[None]]") -> None:
    """Wait for every task, then raise the exception of the first task that failed."""
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


@contextmanager
def _stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    """Set *stop* on SIGTERM and Ctrl-C, so that the requests in flight can finish."""
    loop, handlers = asyncio.get_running_loop(), {number: signal.getsignal(number) for number in SIGNALS}
    try:
        for number in SIGNALS:
            loop.add_signal_handler(number, _stop, stop, number)
    except (ValueError, RuntimeError):  # not the main thread: our caller handles signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in handlers.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _stop(stop: asyncio.Event, number: int) -> None:
    again = stop.is_set()
    stop.set()
    waiting_for = f"the answers to requests under way, at most {RESPONSE_TIMEOUT_SECONDS:.0f} seconds"
    acknowledge(number, waiting_for, again=again)
