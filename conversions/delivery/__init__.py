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

from conversions.delivery.queue import Lane
from conversions.delivery.rate_limit import open_pace, turn
from conversions.delivery.stop_reasons import ending, impatient, undecided
from conversions.errors import ConversionsError, Unauthorised, Unavailable
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import Attempt, Claim, Examined, Outbox, Work
from conversions.ledger.outbox.reinstate import pardon
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.process.signals import SIGNALS

PATIENCE = 6
"""Rounds in which a platform takes nothing, before the rest is left for the next run."""
LONGEST_WAIT = 300.0

Examine = Callable[[Outbox, Claim], Awaitable[Examined]]
Sleep = Callable[[float], Awaitable[None]]


async def examine_here(outbox: Outbox, claimed: Claim) -> Examined:
    """The gate, in this thread."""
    return requests.examine(outbox, claimed)


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

    def deliver(self, lanes: Sequence[Lane]) -> None:
        """Send until every lane is empty or has its ``ending``.

        Raises LedgerError or DisclosureError, once every request under way is settled.
        """
        with ThreadPoolExecutor(sum(lane.in_flight for lane in lanes)) as self.pool:
            asyncio.run(self._deliver(lanes))

    async def _deliver(self, lanes: Sequence[Lane]) -> None:
        with _told_to_stop(self.stop):
            await _all(self._drain(lane) for lane in lanes)

    async def _drain(self, lane: Lane) -> None:
        """Round after round; between two the whole lane waits, longer each time that nothing was taken."""
        pace = open_pace(lane.requests_per_minute)
        rounds = AsyncRetrying(
            retry=retry_if_exception_type(_Wait),
            wait=lambda _: _wait(lane),
            stop=lambda state: self._give_up(lane, state),
            sleep=self.sleep or self._sleep,
            reraise=True,
        )
        began = self.ledger.clock()
        with suppress(_Wait):
            async for attempt in rounds:
                with attempt:
                    await self._round(lane, pace)
        if lane.search.blameless and lane.book is requests:
            with self._stopping():
                pardon(self.ledger, self.run, lane.outbox.destination)
        lane.seconds = (self.ledger.clock() - began).total_seconds()
        if lane.ending is None:
            lane.ending = self._why_left(lane)

    async def _round(self, lane: Lane, pace: AbstractAsyncContextManager[None]) -> None:
        """Several workers, until nothing is left or the platform asks to wait; one while events are asked alone."""
        lane.trouble, before = None, lane.received
        for asking in cycle([lane.asking, not lane.asking]):
            await _all(self._work(lane, pace) for _ in range(1 if asking else lane.in_flight))
            if lane.asking is asking or self._paused(lane):
                break
        lane.fruitless = 0 if lane.received > before else lane.fruitless + 1
        if lane.must_wait:
            raise _Wait

    async def _work(self, lane: Lane, pace: AbstractAsyncContextManager[None]) -> None:
        """One request after the other. Whoever settles a refusal goes on with its rest, so the others may leave."""
        asking = lane.asking
        while lane.asking is asking and not self._paused(lane):
            claimed = self._claim(lane)
            if claimed is None:
                return
            with self._stopping():
                examined = await self.examine(lane.outbox, claimed)
            await turn(pace, self.stop)
            paused = (lane.asking and not asking) or self._paused(lane)
            again = [claimed.again] if paused else self._intend(lane, claimed, examined)
            if isinstance(again, Attempt):
                receipt = await asyncio.get_running_loop().run_in_executor(self.pool, _send, lane, again)
                self._settle(lane, again, receipt)
            else:
                lane.again.extend(again)

    def _paused(self, lane: Lane) -> bool:
        late = self.ledger.clock() >= self.deadline
        return late or self.stop.is_set() or lane.trouble is not None or lane.ending is not None

    def _claim(self, lane: Lane) -> Claim | None:
        """What goes next: what is to be sent again first, then what no run had an answer for, then new."""
        while lane.left:
            work = lane.next_work()
            with self._stopping():
                claimed = lane.book.claim(self.ledger, self.run, lane.outbox, work)
            if claimed is not None:
                lane.claimed(work)
                return claimed
            if work.events is None:
                lane.streams.popleft()
        return None

    def _intend(self, lane: Lane, claimed: Claim, examined: Examined) -> Attempt | list[Work]:
        with self._stopping():
            return lane.book.intend(self.ledger, self.run, lane.outbox, claimed, examined)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """What stops the run stops every lane, once what is under way there is settled."""
        try:
            yield
        except BaseException:
            self.stop.set()
            raise

    def _settle(self, lane: Lane, attempt: Attempt, receipt: Receipt) -> None:
        receipt = lane.understood(receipt, len(attempt.events))
        with self._stopping():
            settled = lane.book.settle(self.ledger, self.run, attempt, receipt)
        lane.follow(settled, receipt)
        if receipt.outcome is Outcome.RECEIVED:
            lane.accept(len(attempt.events))
            self.on_received(len(attempt.events))
        lane.ending = lane.ending or ending(lane, receipt, self.ledger.clock())

    def _give_up(self, lane: Lane, state: RetryCallState) -> bool:
        wait = state.upcoming_sleep
        too_late = self.ledger.clock().timestamp() + wait >= self.deadline.timestamp()
        return too_late or lane.fruitless >= PATIENCE or self.stop.is_set()

    def _why_left(self, lane: Lane) -> ConversionsError | None:
        """Why a lane ends with something left, if it does."""
        name = lane.outbox.name
        if lane.trouble is not None and not self.stop.is_set():
            return impatient(lane, lane.trouble)
        if not self._left(lane):
            return None
        if self.stop.is_set():
            return Unavailable(f"{name}: the run was told to stop.")
        if self.ledger.clock() >= self.deadline:
            return Unavailable(f"{name}: the run's deadline has passed (setting `deadline`).")
        return undecided(lane) if lane.search.doubt.open else None

    def _left(self, lane: Lane) -> bool:
        if lane.first_night or lane.search.doubt.open:
            return bool(lane.again or lane.unanswered) or lane.search.doubt.open
        claimed = self._claim(lane)
        if claimed is not None:
            lane.again.append(claimed.again)
        return claimed is not None

    async def _sleep(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), seconds)


def _send(lane: Lane, attempt: Attempt) -> Receipt:
    """In a worker thread: HTTP only."""
    try:
        return lane.destination.send(attempt.body, len(attempt.events))
    except Unauthorised as error:  # before anything left
        lane.ending = error
        return Receipt(Outcome.NOT_SENT, Next.STOP_CREDENTIALS, "no credentials")


def _wait(lane: Lane) -> float:
    """Seconds: what the platform asked for, else exponential with full jitter."""
    if lane.trouble is not None and lane.trouble.wait:
        return lane.trouble.wait
    return random.uniform(0.5, 1) * min(LONGEST_WAIT, 2.0**lane.fruitless)  # noqa: S311


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
