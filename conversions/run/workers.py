"""More hands for a large night: orders are disguised, and bodies held against the policy, in processes of their own.

A usual night never starts them: they take a second to come, and are worth it beyond ``ALONE`` orders. An address
travels to them in memory only, over a pipe of this process; they hold no store and open no connection.
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
from conversions.intake.setup import Intake, open_intake
from conversions.ledger import outbox as requests
from conversions.ledger.outbox import ClaimedBatch, RequestTemplate, ValidatedBatch
from conversions.ledger.staging.snapshot import SnapshotBatch
from conversions.process.signals import SIGNALS
from conversions.run.runtime import Runtime, build_runtime
from conversions.settings import Settings

CHUNKS_WITHOUT_WORKERS = 4
"""Chunks of the reading that this process does by itself."""
MAX_CHUNKS_AHEAD = 4
"""Chunks under way beyond the one that is waited for: memory stays flat."""

_runtime: Runtime
_pseudonymizer: Pseudonymizer
"""In a worker: of the same settings, opened once."""


class WorkerPool:
    """Worker processes, once they are worth it."""

    def __init__(self, runtime: Runtime, intake: Intake, only: str | None, now: datetime) -> None:
        self._runtime, self._intake = runtime, intake
        self._only, self._now = only, now
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def pseudonymized(self, chunks: Iterable[list[Order]]) -> Iterator[SnapshotBatch]:
        """Chunk by chunk and in order, orders as sightings."""
        chunks = iter(chunks)
        yield from map(self._intake.pseudonymizer, islice(chunks, CHUNKS_WITHOUT_WORKERS))
        under_way: deque[Future[SnapshotBatch]] = deque()
        with _raise_worker_lost():
            for chunk in chunks:
                under_way.append(self._submit(chunk))
                if len(under_way) > MAX_CHUNKS_AHEAD:
                    yield under_way.popleft().result()
            yield from (future.result() for future in under_way)

    def _submit(self, chunk: list[Order]) -> "Future[SnapshotBatch]":
        try:
            return self._started_pool().submit(_pseudonymize, chunk)
        except (OSError, ValueError):  # a worker could not be started, or the pool broke while one was
            raise BrokenExecutor from None

    async def examine(self, outbox: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
        """The finished body, held against the disclosure policy. Raises DisclosureError where it does not fit."""
        if self._pool is None:
            return requests.validate(outbox, claimed)
        parts = (outbox.name, outbox.prefix, outbox.suffix, claimed.salts, claimed.bodies)
        with _raise_worker_lost():
            return await asyncio.get_running_loop().run_in_executor(self._pool, _validate, *parts)

    def _started_pool(self) -> ProcessPoolExecutor:
        if self._pool is None:
            runtime, former = self._runtime, self._intake.pseudonymizer.former
            begin = (runtime.settings, runtime.policy, self._only, self._now, former)
            self._pool = ProcessPoolExecutor(
                os.cpu_count(), mp_context=get_context("spawn"), initializer=_begin, initargs=begin
            )
        return self._pool


@contextmanager
def _raise_worker_lost() -> Iterator[None]:
    try:
        yield
    except BrokenExecutor:
        for worker in active_children():
            worker.kill()  # the pool asks them to end by SIGTERM, which they leave to their parent, and waits for ever
        raise WorkerLost(
            "A helper process died, perhaps for want of memory. Nothing is lost; `conversions run` again."
        ) from None


def _begin(settings: Settings, policy: Policy, only: str | None, now: datetime, former: FormerKeys) -> None:
    """The parent's own settings and policy: a file that was edited since is the next run's."""
    global _runtime, _pseudonymizer  # noqa: PLW0603 - a worker process serves one run
    for one in SIGNALS:
        signal.signal(one, signal.SIG_IGN)  # the parent answers, and these leave with it
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    _runtime = build_runtime(settings, only, policy)
    _pseudonymizer = open_intake(settings, _runtime.rules, lambda: now).pseudonymizer
    _pseudonymizer.former = former


def _leave_with_parent() -> None:
    """A killed parent can tell nobody: without this its workers would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(os.EX_OK)


def _pseudonymize(orders: list[Order]) -> SnapshotBatch:
    return _pseudonymizer(orders)


def _validate(
    name: str, prefix: bytes, suffix: bytes, salts: tuple[bytes, ...], bodies: tuple[bytes, ...]
) -> ValidatedBatch:
    gate = next(view.gate for view in _runtime.destinations if view.destination.name == name)
    return requests.validate_bodies(prefix, suffix, salts, bodies, gate.check)
