"""Progress of long work: a bar on a terminal, otherwise a line now and then, or nothing."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import Protocol

import structlog

from conversions.observe.logs import as_json

Advance = Callable[[int], None]
"""Takes the number of steps that were done since the last call."""


class Progress(Protocol):
    """Shows the progress of work."""

    def track(self, label: str, total: int | None) -> AbstractContextManager[Advance]:
        """Track *total* steps of *label*, or an unknown number (None). Several labels may be tracked at once."""

    def wait(self, sentence: str, seconds: float) -> AbstractContextManager[None]:
        """Say during a wait of at most *seconds* what the work waits for, and until when. Several may wait at once."""


def open_progress() -> Progress:
    """Return a bar if stderr is a terminal, otherwise lines."""
    return Bars() if sys.stderr.isatty() and os.environ.get("TERM") != "dumb" else Lines()


class Silent:
    """Shows no progress."""

    def track(self, label: str, total: int | None) -> AbstractContextManager[Advance]:  # noqa: ARG002
        """Do nothing."""
        return nullcontext(lambda _more: None)

    def wait(self, sentence: str, seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002
        """Do nothing."""
        return nullcontext()


SILENT = Silent()


class Lines:
    """Writes a line after *every* seconds, then after twice as long, and so on, and at the end of such long work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, every: float = 10.0) -> None:
        self._clock = clock
        self._every = every

    @contextmanager
    def track(self, label: str, total: int | None) -> Iterator[Advance]:
        """Log count, rate and remaining time."""
        started = self._clock()
        done, next_at = 0, started + self._every

        def log(now: float) -> None:
            rate = done / max(now - started, 1e-9)
            left = None if total is None or not rate else round(max(total - done, 0) / rate)
            if as_json():
                structlog.get_logger().info(label, done=done, total=total, per_second=round(rate), seconds_left=left)
            else:
                sys.stderr.write(f"{_sentence(label, done, total, left)}\n")

        def advance(more: int) -> None:
            nonlocal done, next_at
            done += more
            now = self._clock()
            if now >= next_at:
                next_at = now + 2 * (next_at - started)
                log(now)

        yield advance
        if (now := self._clock()) - started >= self._every:
            log(now)

    def wait(self, sentence: str, seconds: float) -> AbstractContextManager[None]:
        """Log a long wait once, when it begins."""
        if seconds >= self._every and as_json():
            structlog.get_logger().info(sentence)
        elif seconds >= self._every:
            sys.stderr.write(f"{sentence}\n")
        return nullcontext()


def _sentence(label: str, done: int, total: int | None, seconds_left: int | None) -> str:
    of = "" if total is None else f" of {total}"
    left = f", about {timedelta(seconds=seconds_left)} left" if seconds_left else ""
    return f"{label}: {done}{of}{left}"


class Bars:
    """Shows a bar with count, rate and remaining time for each label that is tracked."""

    def __init__(self) -> None:
        from rich.console import Console, RenderableType
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress
        from rich.text import Text

        class WithWaits(RichProgress):
            def get_renderables(inner) -> Iterator[RenderableType]:  # noqa: N805
                yield from super().get_renderables()
                yield from map(Text, dict.fromkeys(self._waits))

        self._waits: list[str] = []
        self._bars = WithWaits(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=Console(stderr=True),
        )
        self._tracked = 0

    @contextmanager
    def track(self, label: str, total: int | None) -> Iterator[Advance]:
        """Draw a bar."""
        with self._drawn():
            bar = self._bars.add_task(label, total=total, rate="")
            task = next(task for task in self._bars.tasks if task.id == bar)

            def advance(more: int) -> None:
                speed = task.finished_speed or task.speed
                self._bars.update(bar, advance=more, rate=f"{speed:,.0f}/s" if speed else "")

            try:
                yield advance
            finally:
                if total is None:
                    self._bars.update(bar, total=task.completed)  # a bar without a total would look unfinished

    @contextmanager
    def wait(self, sentence: str, seconds: float) -> Iterator[None]:  # noqa: ARG002
        """Show *sentence* below the bars."""
        with self._drawn():
            self._waits.append(sentence)
            try:
                yield
            finally:
                self._waits.remove(sentence)

    @contextmanager
    def _drawn(self) -> Iterator[None]:
        """Draw from the start of the first bar or wait to the end of the last."""
        if not self._tracked:
            self._bars.start()
        self._tracked += 1
        try:
            yield
        finally:
            self._tracked -= 1
            if not self._tracked:
                self._bars.stop()
