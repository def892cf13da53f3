"""Stations: a sandbox, a process to begin nights from and a directory each, so that several worlds go on at once."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from tests.faults.nights import Nights, open_nights
from tests.faults.platforms import Platforms, open_platforms
from tests.faults.shop import BATCH, POISON, Shop

Job = TypeVar("Job")
Result = TypeVar("Result")

MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Station:
    """Where one world at a time is played."""

    directory: Path
    platforms: Platforms
    nights: Nights

    def open_shop(self, batch: int = BATCH, senders: int | None = None) -> Shop:
        """A shop that has never sent anything, and platforms that never got anything.

        A night that somebody left under way here ends.
        """
        self.nights.kill()
        shutil.rmtree(self.directory, ignore_errors=True)
        self.platforms.reset()
        self.platforms.misbehave(f"poison={POISON}")
        return Shop(self.directory, self.platforms.url, batch=batch, senders=senders)


@contextmanager
def workshop() -> Iterator[Path]:
    """A directory for what is thrown away."""
    with tempfile.TemporaryDirectory(prefix="faults-", dir=MEMORY if MEMORY.is_dir() else None) as directory:
        yield Path(directory)


@contextmanager
def open_stations(count: int | None = None) -> Iterator[list[Station]]:
    """So many, or one for each core."""
    with ExitStack() as stack:
        home = stack.enter_context(workshop())
        yield [
            Station(
                home / str(i),
                stack.enter_context(open_platforms((), "--unmatched", "0.2")),
                stack.enter_context(open_nights()),
            )
            for i in range(count or os.cpu_count() or 1)
        ]


def spread(
    stations: list[Station], jobs: Iterable[Job], play: Callable[[Station, Job], Result]
) -> Iterator[tuple[Job, Result]]:
    """Play *jobs* at whichever station is free; in their order."""
    free: SimpleQueue[Station] = SimpleQueue()
    for station in stations:
        free.put(station)

    def one(job: Job) -> tuple[Job, Result]:
        station = free.get()
        try:
            return job, play(station, job)
        finally:
            free.put(station)

    with ThreadPoolExecutor(len(stations)) as threads:
        yield from threads.map(one, jobs)
