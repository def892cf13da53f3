"""How far long work has come: a bar on a terminal, a log line every few seconds otherwise, or nothing."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

import structlog

Advance = Callable[[int], None]
"""Called with how many more are done."""


class Progress(Protocol):
    """Tells a person how far the work has come."""

    def track(self, label: str, total: int | None) -> AbstractContextManager[Advance]:
        """Follow *total* steps of *label* (None: nobody knows how many); several may be followed at once."""


def open_progress() -> Progress:
    """The one that suits stderr."""
    return Bars() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()


class Silent:
    """Says nothing."""

    def track(self, label: str, total: int | None) -> AbstractContextManager[Advance]:  # noqa: ARG002
        """Follow nothing."""
        return nullcontext(lambda _more: None)


SILENT = Silent()


class Lines:
    """A log line every *every* seconds, and one at the end of work that took as long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, every: float = 10.0) -> None:
        self._clock = clock
        self._every = every

    @contextmanager
    def track(self, label: str, total: int | None) -> Iterator[Advance]:
        """Log count, rate and time left."""
        started = said = self._clock()
        done = 0

        def say(now: float) -> None:
            rate = done / max(now - started, 1e-9)
            left = None if total is None or not rate else round(max(total - done, 0) / rate)
            structlog.get_logger().info(label, done=done, total=total, per_second=round(rate), seconds_left=left)

        def advance(more: int) -> None:
            nonlocal done, said
            done += more
            now = self._clock()
            if now - said >= self._every:
                said = now
                say(now)

        yield advance
        if (now := self._clock()) - started >= self._every:
            say(now)


class Bars:
    """A bar with count, rate and time left for each thing that is followed."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._followed = 0

    @contextmanager
    def track(self, label: str, total: int | None) -> Iterator[Advance]:
        """Draw from the first that is followed until the last is done."""
        if not self._followed:
            self._bars.start()
        self._followed += 1
        bar = self._bars.add_task(label, total=total, rate="")
        task = next(task for task in self._bars.tasks if task.id == bar)

        def advance(more: int) -> None:
            speed = task.finished_speed or task.speed
            self._bars.update(bar, advance=more, rate=f"{speed:,.0f}/s" if speed else "")

        try:
            yield advance
        finally:
            self._followed -= 1
            if not self._followed:
                self._bars.stop()
