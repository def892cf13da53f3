"""Worker processes for a large run: they pseudonymise orders, and validate request bodies against the policy.

A usual run does not start them: they take a second to start, and pay off only after ``CHUNKS_WITHOUT_WORKERS`` chunks.
Addresses reach them in memory only, through a pipe of this process. Workers open no store and no connection.
"""

import asyncio
import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from multiprocessing import active_children, get_context, parent_process
from typing import Self

from conversions.disclosure.policy import Policy
from conversions.errors import WorkerLost
from conversions.intake.order import Order
from conversions.intake.pseudonymize import FormerKeys, Pseudonymizer
from conversions.intake.setup import Intake, open_pseudonymizer
from conversions.ledger import outbox
from conversions.ledger.outbox import ClaimedBatch, ClaimedEvent, RequestTemplate, ValidatedBatch
from conversions.ledger.staging.snapshot import SnapshotBatch
from conversions.model.rules import Rules
from conversions.process.signals import SIGNALS
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings

CHUNKS_WITHOUT_WORKERS = 4
"""Chunks of orders that this process pseudonymises itself."""
MAX_CHUNKS_AHEAD = 4
"""Chunks that wait in the pool at the same time; the limit keeps memory use flat."""

_runtime: Runtime
_pseudonymizer: Pseudonymizer
"""Both exist in a worker process only; each worker builds them once, from the settings of its parent."""


class WorkerPool:
    """Worker processes; the pool starts them when a run is large enough."""

    def __init__(self, runtime: Runtime, intake: Intake, only: str | None, now: datetime) -> None:
        self._runtime, self._intake = runtime, intake
        self._only, self._now = only, now
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def pseudonymize(self, chunks: Iterable[list[Order]]) -> Iterator[SnapshotBatch]:
        """Yield the snapshot batch of each chunk of orders, in the order of the chunks."""
        chunks = iter(chunks)
        yield from map(self._intake.pseudonymizer, islice(chunks, CHUNKS_WITHOUT_WORKERS))
        pending: deque[Future[SnapshotBatch]] = deque()
        with _raise_worker_lost():
            for chunk in chunks:
                pending.append(self._submit(chunk))
                if len(pending) > MAX_CHUNKS_AHEAD:
                    yield pending.popleft().result()
            yield from (future.result() for future in pending)

    def _submit(self, chunk: list[Order]) -> "Future[SnapshotBatch]":
        try:
            return self._started_pool().submit(_pseudonymize, chunk)
        except (OSError, ValueError):  # a worker did not start, or the pool broke while it started one
            raise BrokenExecutor from None

    async def validate(self, template: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
        """Build the body, and check it against the disclosure policy. Raises DisclosureError where it does not fit."""
        if self._pool is None:
            return outbox.validate(template, claimed)
        parts = (template.name, template.prefix, template.suffix, claimed.claimed)
        with _raise_worker_lost():
            return await asyncio.get_running_loop().run_in_executor(self._pool, _validate, *parts)

    def _started_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            runtime, pseudonymizer = self._runtime, self._intake.pseudonymizer
            order_rules = [rules for rules, _ in pseudonymizer.rules]
            withheld = (pseudonymizer.former, pseudonymizer.excluded)
            arguments = (runtime.settings, runtime.policy, self._only, self._now, order_rules, withheld)
            self._pool = ProcessPoolExecutor(
                os.cpu_count(), mp_context=get_context("spawn"), initializer=_start_worker, initargs=arguments
            )
        return self._pool


@contextmanager
def _raise_worker_lost() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor:
        for worker in active_children():
            worker.kill()  # the pool sends SIGTERM, which workers ignore, and would wait for them for ever
        raise WorkerLost(
            "A worker process died, perhaps because memory ran out. Nothing is lost: `conversions run` again."
        ) from None


def _start_worker(  # noqa: PLR0913 - what a worker process gets
    settings: Settings,
    policy: Policy,
    only: str | None,
    now: datetime,
    order_rules: list[Rules],
    withheld: tuple[FormerKeys, frozenset[bytes]],
) -> None:
    """Use the settings, policy and rules of the parent: a file that changed since applies to the next run."""
    global _runtime, _pseudonymizer  # noqa: PLW0603 - a worker process serves one run
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the parent handles signals, and workers exit with it
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    _runtime = build_runtime(settings, only, policy)
    by_event = zip(order_rules, (event for _, event in _runtime.rules), strict=True)
    _pseudonymizer = open_pseudonymizer(settings, by_event, now)
    _pseudonymizer.former, _pseudonymizer.excluded = withheld


def _exit_with_parent() -> None:
    """Exit when the parent dies: a killed parent cannot stop its workers, and they would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(os.EX_OK)


def _pseudonymize(orders: list[Order]) -> SnapshotBatch:
    return _pseudonymizer(orders)


def _validate(name: str, prefix: bytes, suffix: bytes, events: tuple[ClaimedEvent, ...]) -> ValidatedBatch:
    gate = next(rules.gate for rules in _runtime.destinations if rules.name == name)
    return outbox.validate_events(prefix, suffix, events, gate.check)
