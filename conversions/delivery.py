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

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from conversions.errors import DestinationError, Refused, Throttled, Unauthorised, Unavailable
from conversions.lane import Lane
from conversions.ledger import requests
from conversions.ledger.requests import Attempt, Claim, Examined, Outbox, Work
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.pace import open_pace
from conversions.receipt import Next, Outcome, Receipt

PATIENCE = 6
"""Rounds in which a platform takes nothing, before the rest is left for the next run."""
SEARCHES = 64
"""Refusals in a row that are followed up to find the orders at fault: more, and the fault is not theirs."""
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
        with suppress(_Wait):
            async for attempt in rounds:
                with attempt:
                    await self._round(lane, pace)
        if lane.ending is None:
            lane.ending = self._why_left(lane)

    async def _round(self, lane: Lane, pace: AbstractAsyncContextManager[None]) -> None:
        """Several workers, until nothing is left or the platform asks to wait."""
        lane.trouble, before = None, lane.received
        await _all(self._work(lane, pace) for _ in range(lane.in_flight))
        lane.fruitless = 0 if lane.received > before else lane.fruitless + 1
        if lane.must_wait:
            raise _Wait

    async def _work(self, lane: Lane, pace: AbstractAsyncContextManager[None]) -> None:
        """One request after the other. Whoever settles a refusal goes on with its rest, so the others may leave."""
        while not self._paused(lane):
            claimed = self._claim(lane)
            if claimed is None:
                return
            with self._stopping():
                examined = await self.examine(lane.outbox, claimed)
            async with pace:
                paused = self._paused(lane)
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
            work = lane.again.popleft() if lane.again else lane.streams[0]
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
        with self._stopping():
            settled = lane.book.settle(self.ledger, self.run, attempt, receipt)
        lane.again.extendleft(reversed(settled.again))  # depth first: a search ends before the next begins
        lane.refused += settled.quarantined
        if receipt.outcome is Outcome.RECEIVED:
            lane.received += len(attempt.events)
            lane.searches = 0
            self.on_received(len(attempt.events))
        if receipt.next is Next.RETRY:
            lane.trouble = max(lane.trouble or receipt, receipt, key=lambda r: r.wait or 0)
        elif receipt.next is Next.ISOLATE:
            lane.searches += 1
        lane.ending = lane.ending or _ending(lane, receipt)

    def _give_up(self, lane: Lane, state: RetryCallState) -> bool:
        wait = state.upcoming_sleep
        too_late = self.ledger.clock().timestamp() + wait >= self.deadline.timestamp()
        return too_late or lane.fruitless >= PATIENCE or self.stop.is_set()

    def _why_left(self, lane: Lane) -> DestinationError | None:
        """Why a lane ends with something left, if it does."""
        name = lane.outbox.name
        if lane.trouble is not None:
            asked = f" and asks to wait {lane.trouble.wait:.0f} s" if lane.trouble.wait else ""
            kind = Throttled if lane.trouble.outcome is Outcome.REFUSED else Unavailable
            return kind(f"{name} takes nothing right now ({lane.trouble.code}){asked}.")
        if not self._left(lane):
            return None
        if self.stop.is_set():
            return Unavailable(f"{name}: the run was told to stop.")
        if self.ledger.clock() >= self.deadline:
            return Unavailable(f"{name}: the run's deadline has passed (setting `deadline`).")
        return None

    def _left(self, lane: Lane) -> bool:
        if lane.first_night:
            return bool(lane.again)
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


def _ending(lane: Lane, receipt: Receipt) -> DestinationError | None:
    """What stops this destination for this run."""
    name, code = lane.outbox.name, receipt.code
    match receipt.next:
        case Next.STOP_CREDENTIALS:
            return Unauthorised(
                f"{name} refuses the credentials ({code}); see the README's checklist, then `conversions run`."
            )
        case Next.STOP_REFUSED:
            return Refused(
                f"{name} refuses for a reason that is not one order's ({code}); `conversions doctor` looks at it."
            )
        case Next.STOP_FOR_TODAY:
            return Throttled(f"{name}: today's quota is used up ({code}).")
        case Next.ISOLATE if lane.searches >= SEARCHES:
            return Refused(
                f"{name} refused {SEARCHES} requests in a row ({code}); the rest waits. Is the mapping right?"
            )
        case _:
            return None


def _wait(lane: Lane) -> float:
    """Seconds: what the platform asked for, else exponential with full jitter."""
    if lane.trouble is not None and lane.trouble.wait is not None:
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
    loop, signals = asyncio.get_running_loop(), (signal.SIGTERM, signal.SIGINT)
    try:
        for one in signals:
            loop.add_signal_handler(one, stop.set)
    except (ValueError, RuntimeError):  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    finally:
        for one in signals:
            loop.remove_signal_handler(one)
