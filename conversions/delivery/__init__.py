"""claim → pace → intend → send → settle, until nothing is left, the platform says stop, or time is up.

One thread owns the store; worker threads only do HTTP. A destination that has to wait waits as a whole, and its
trouble is not the others'.
"""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import cycle

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from conversions.delivery.queue import DestinationQueue
from conversions.delivery.rate_limit import rate_limiter, turn
from conversions.delivery.stop_reasons import backoff_exhausted, inconclusive, stop_reason
from conversions.errors import ConversionsError, Unauthorised, Unavailable
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import Attempt, ClaimedBatch, RequestTemplate, ValidatedBatch, WorkItem
from conversions.ledger.outbox.reinstate import reinstate
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.process.signals import SIGNALS

MAX_IDLE_ROUNDS = 6
"""Rounds in which a platform takes nothing, before the rest is left for the next run."""
LONGEST_WAIT = 300.0

Examine = Callable[[RequestTemplate, ClaimedBatch], Awaitable[ValidatedBatch]]
Sleep = Callable[[float], Awaitable[None]]


async def examine_here(outbox: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
    """The gate, in this thread."""
    return requests.validate(outbox, claimed)


class _Wait(Exception):
    """The platform asks for patience; waited out, then tried again."""


@dataclass(slots=True)
class Delivery:
    """Sends what is staged, to every destination at once."""

    ledger: Ledger
    run: Run
    deadline: datetime
    """Aware; no attempt begins later."""
    on_received: Callable[[int], None]
    examine: Examine = examine_here
    sleep: Sleep | None = None
    """How to wait between rounds; tests pass one that does not."""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    pool: ThreadPoolExecutor = field(init=False)

    def deliver(self, queues: Sequence[DestinationQueue]) -> None:
        """Send until every lane is empty or has its ``ending``.

        Raises LedgerError or DisclosureError, once every request under way is settled.
        """
        with ThreadPoolExecutor(sum(queue.in_flight for queue in queues)) as self.pool:
            asyncio.run(self._deliver(queues))

    async def _deliver(self, queues: Sequence[DestinationQueue]) -> None:
        with _told_to_stop(self.stop):
            await _all(self._drain(queue) for queue in queues)

    async def _drain(self, queue: DestinationQueue) -> None:
        """Round after round; between two the whole lane waits, longer each time that nothing was taken."""
        pace = rate_limiter(queue.requests_per_minute)
        rounds = AsyncRetrying(
            retry=retry_if_exception_type(_Wait),
            wait=lambda _: _wait(queue),
            stop=lambda state: self._give_up(queue, state),
            sleep=self.sleep or self._sleep,
            reraise=True,
        )
        began = self.ledger.clock()
        with suppress(_Wait):
            async for attempt in rounds:
                with attempt:
                    await self._round(queue, pace)
        if queue.isolation.settings_at_fault and queue.outbox is requests:
            with self._stopping():
                reinstate(self.ledger, self.run, queue.template.destination)
        queue.seconds = (self.ledger.clock() - began).total_seconds()
        if queue.stop_reason is None:
            queue.stop_reason = self._why_left(queue)

    async def _round(self, queue: DestinationQueue, pace: AbstractAsyncContextManager[None]) -> None:
        """Several workers, until nothing is left or the platform asks to wait; one while events are asked alone."""
        queue.backoff, before = None, queue.received
        for asking in cycle([queue.probing, not queue.probing]):
            await _all(self._work(queue, pace) for _ in range(1 if asking else queue.in_flight))
            if queue.probing is asking or self._paused(queue):
                break
        queue.idle_rounds = 0 if queue.received > before else queue.idle_rounds + 1
        if queue.backing_off:
            raise _Wait

    async def _work(self, queue: DestinationQueue, pace: AbstractAsyncContextManager[None]) -> None:
        """One request after the other. Whoever settles a refusal goes on with its rest, so the others may leave."""
        asking = queue.probing
        while queue.probing is asking and not self._paused(queue):
            claimed = self._claim(queue)
            if claimed is None:
                return
            with self._stopping():
                examined = await self.examine(queue.template, claimed)
            await turn(pace, self.stop)
            paused = (queue.probing and not asking) or self._paused(queue)
            again = [claimed.again] if paused else self._intend(queue, claimed, examined)
            if isinstance(again, Attempt):
                receipt = await asyncio.get_running_loop().run_in_executor(self.pool, _send, queue, again)
                self._settle(queue, again, receipt)
            else:
                queue.retry_queue.extend(again)

    def _paused(self, queue: DestinationQueue) -> bool:
        late = self.ledger.clock() >= self.deadline
        return late or self.stop.is_set() or queue.backoff is not None or queue.stop_reason is not None

    def _claim(self, queue: DestinationQueue) -> ClaimedBatch | None:
        """What goes next: what is to be sent again first, then what no run had an answer for, then new."""
        while queue.left:
            work = queue.next_work()
            with self._stopping():
                claimed = queue.outbox.claim(self.ledger, self.run, queue.template, work)
            if claimed is not None:
                queue.claimed(work)
                return claimed
            if work.events is None:
                queue.backlog.popleft()
        return None

    def _intend(
        self, queue: DestinationQueue, claimed: ClaimedBatch, examined: ValidatedBatch
    ) -> Attempt | list[WorkItem]:
        with self._stopping():
            return queue.outbox.intend(self.ledger, self.run, queue.template, claimed, examined)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """What stops the run stops every lane, once what is under way there is settled."""
        try:
            yield
        except BaseException:
            self.stop.set()
            raise

    def _settle(self, queue: DestinationQueue, attempt: Attempt, receipt: Receipt) -> None:
        receipt = queue.classify(receipt, len(attempt.events))
        with self._stopping():
            settled = queue.outbox.settle(self.ledger, self.run, attempt, receipt)
        queue.apply(settled, receipt)
        if receipt.outcome is Outcome.RECEIVED:
            queue.accept(len(attempt.events))
            self.on_received(len(attempt.events))
        queue.stop_reason = queue.stop_reason or stop_reason(queue, receipt, self.ledger.clock())

    def _give_up(self, queue: DestinationQueue, state: RetryCallState) -> bool:
        wait = state.upcoming_sleep
        too_late = self.ledger.clock().timestamp() + wait >= self.deadline.timestamp()
        return too_late or queue.idle_rounds >= MAX_IDLE_ROUNDS or self.stop.is_set()

    def _why_left(self, queue: DestinationQueue) -> ConversionsError | None:
        """Why a lane ends with something left, if it does."""
        name = queue.template.name
        if queue.backoff is not None and not self.stop.is_set():
            return backoff_exhausted(queue, queue.backoff)
        if not self._left(queue):
            return None
        if self.stop.is_set():
            return Unavailable(f"{name}: the run was told to stop.")
        if self.ledger.clock() >= self.deadline:
            return Unavailable(f"{name}: the run's deadline has passed (setting `deadline`).")
        return inconclusive(queue) if queue.isolation.suspects.open else None

    def _left(self, queue: DestinationQueue) -> bool:
        if queue.canary or queue.isolation.suspects.open:
            return bool(queue.retry_queue or queue.timed_out) or queue.isolation.suspects.open
        claimed = self._claim(queue)
        if claimed is not None:
            queue.retry_queue.append(claimed.again)
        return claimed is not None

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def _send(queue: DestinationQueue, attempt: Attempt) -> Receipt:
    """In a worker thread: HTTP only."""
    try:
        return queue.destination.send(attempt.body, len(attempt.events))
    except Unauthorised as error:  # before anything left
        queue.stop_reason = error
        return Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials")


def _wait(queue: DestinationQueue) -> float:
    """Seconds: what the platform asked for, else exponential with full jitter."""
    if queue.backoff is not None and queue.backoff.wait:
        return queue.backoff.wait
    return random.uniform(0.5, 1) * min(LONGEST_WAIT, 2.0**queue.idle_rounds)  # noqa: S311


async def _all(tasks: "Iterator[Awaitable[None]]") -> None:
    """Wait for every task, then raise what the first that failed raised."""
    for failed in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(failed, BaseException):
            raise failed


@contextmanager
def _told_to_stop(stop: asyncio.Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C let the requests under way finish."""
    loop, before = asyncio.get_running_loop(), {one: signal.getsignal(one) for one in SIGNALS}
    try:
        for one in SIGNALS:
            loop.add_signal_handler(one, stop.set)
    except (ValueError, RuntimeError):  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    finally:
        for one, handler in before.items():
            loop.remove_signal_handler(one)
            signal.signal(one, handler)
