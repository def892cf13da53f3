"""Nights in processes of their own that can be killed. Each is a fork of one process that has imported everything, and
has had two nights itself.

Run as a module it is that process: a line of JSON on stdin begins a night, ``begun PID`` and ``ended CODE`` come back.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

from conversions.destinations.base import Limits
from tests.faults.shop import POISON, Shop
from tests.faults.tracing import let_be_watched

GO = signal.SIGUSR1
DONE = {0, 1}
"""How a night ends that leaves nothing for the next one: all is well, or a person is told."""
HUNG = -signal.SIGALRM
LONGEST = 300.0
"""Seconds after which a night hangs, on the busiest machine."""


@dataclass
class Nights:
    """One after the other."""

    process: "subprocess.Popen[bytes]"
    pid: int | None = field(default=None, init=False)
    """Of the night under way."""

    def begin(self, shop: Shop, variant: str | None = None, *arguments: str) -> None:
        """``conversions run`` with *arguments*, or a broken variant of it."""
        self.hold(shop, variant, *arguments)
        self.let_go()

    def hold(self, shop: Shop, variant: str | None = None, *arguments: str) -> int:
        """The same, but it waits before its first step: somebody wants to watch the process from the beginning."""
        small = {"batch": shop.batch, "senders": shop.senders, "room": shop.room}
        night = {"config": str(shop.config), **small, "arguments": arguments}
        return self.fork(f"{__name__}:run", shop.said, variant, **night)

    def fork(self, play: str, said: Path, variant: str | None = None, **arguments: Any) -> int:
        """Hold a fork that is to call *play*, as ``module:function``, with *said* for its stdout and stderr; its pid."""
        assert self.process.stdin is not None
        assert self.pid is None, "one is under way"
        task = {"play": play, "said": str(said), "variant": variant, "arguments": arguments}
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        self.pid = self.told("begun")
        return self.pid

    def let_go(self) -> None:
        """What is held begins."""
        assert self.pid is not None
        os.kill(self.pid, GO)

    def whole(self, shop: Shop, variant: str | None = None, *arguments: str) -> int:
        """A night from its beginning to its end; its exit code."""
        self.begin(shop, variant, *arguments)
        return self.finished()

    def erased(self, shop: Shop, email: str, variant: str | None = None) -> int:
        """The person with this address is erased between two nights; the exit code."""
        self.fork(f"{__name__}:erase", shop.said, variant, config=str(shop.config), email=email)
        self.let_go()
        return self.finished()

    def until_done(self, shop: Shop, variant: str | None = None) -> list[str]:
        """Nights until one has nothing left to do; a complaint where none comes to it."""
        codes = []
        for _ in range(3):
            codes.append(self.whole(shop, variant, "--restate"))
            if codes[-1] in DONE:
                return []
        return [f"quiet nights ended {codes}"]

    def ended(self, within: float = LONGEST) -> int | None:
        """Its exit code, or None where it still runs after so many seconds."""
        if not self._says(within):
            return None
        self.pid = None
        return self.told("ended")

    def finished(self, within: float = LONGEST) -> int:
        """The exit code of the night under way; one that hangs is killed."""
        code = self.ended(within)
        if code is None:
            self.kill()
            return HUNG
        return code

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The night under way stands still meanwhile, however slow the machine is."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)
        yield
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """As the kernel does it when memory is short: at once, and nobody is asked. It may have ended already."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            self.ended()

    def told(self, word: str) -> int:
        """What the process says next: this word, and a number."""
        assert self.process.stdout is not None
        assert self._says(LONGEST), f"no word of {word}"
        line = self.process.stdout.readline().decode()
        said, number = line.split()
        assert said == word, line
        return int(number)

    def _says(self, within: float) -> bool:
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], within)
        return bool(ready)


@contextmanager
def open_nights() -> Iterator[Nights]:
    """A process to begin nights from."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "bufsize": 0}
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", __name__], env=environment, **pipes) as process:
        nights = Nights(process)
        nights.told("ready")
        try:
            yield nights
        finally:
            nights.kill()
            process.kill()


def run(config: str, batch: int, senders: int | None, room: int | None, arguments: Sequence[str]) -> int:
    """In the fork: the command line, with small requests and short waits."""
    from conversions.cli import main

    small_and_quick(batch, senders, room)
    return main(["run", "--config", config, "--json", *arguments])


def erase(config: str, email: str) -> int:
    """In the fork: the data of a person are erased."""
    from conversions import keys
    from conversions.intake.identity import SUBJECT, subject
    from conversions.privacy import erasure
    from conversions.settings import load

    settings = load(Path(config))
    person = subject(email, keys.derive(settings.secret_key, SUBJECT))
    assert isinstance(person, bytes)
    erasure.erase(settings, lambda: datetime.now(UTC), [(person,)], "2026-17")
    return 0


def small_and_quick(batch: int, senders: int | None, room: int | None = None) -> None:
    """Small requests, and no long waits: not even for Google's verdict."""
    from conversions import delivery
    from conversions.destinations.google import client as google
    from conversions.destinations.google import responses
    from conversions.destinations.meta import client as meta

    for platform in (google, meta):
        limits = platform._limits
        platform._limits = lambda settings, limits=limits: _smaller(limits(settings), batch, room)  # type: ignore[attr-defined]
    assert callable(delivery._backoff_seconds)
    assert responses.FIRST_STATUS_POLL_SECONDS
    responses.FIRST_STATUS_POLL_SECONDS = 0
    delivery._backoff_seconds = lambda queue: 0.01
    vars(delivery)["ThreadPoolExecutor"] = lambda most: ThreadPoolExecutor(senders or most)


def _smaller(limits: Limits, batch: int, room: int | None) -> Limits:
    return replace(limits, events=batch, bytes=room or limits.bytes)


def _serve() -> None:
    import alembic.command  # noqa: F401
    import pandas as pd  # noqa: F401

    import conversions.cli.report
    import conversions.pipeline
    import conversions.sandbox  # noqa: F401

    _rehearse()
    gc.collect()
    gc.freeze()
    signal.pthread_sigmask(signal.SIG_BLOCK, [GO])
    print("ready", os.getpid(), flush=True)
    for line in sys.stdin:
        with suppress(ChildProcessError):
            os.waitpid(-1, 0)  # the last one was only looked at: a kill that comes too late must strike nobody else
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _play(**task)
        print("begun", pid, flush=True)
        end = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert end is not None
        print("ended", end.si_status if end.si_code == os.CLD_EXITED else -end.si_status, flush=True)


def _rehearse() -> None:
    """Two nights of another shop: what they import and compile, the forks have. They leave nothing else."""
    from conversions.cli import main
    from conversions.delivery import Delivery
    from conversions.sandbox import Sandbox
    from tests import once

    async def sleep(_: Delivery, seconds: float) -> None:
        """Nobody waits here."""

    once.build_once()
    with (
        tempfile.TemporaryDirectory() as home,
        Path(os.devnull).open("w") as nowhere,
        Sandbox(faults=[f"poison={POISON}", "lost:metax1"]) as sandbox,
        mock.patch.object(Delivery, "_sleep", sleep),
        mock.patch.object(sys, "stdout", nowhere),
        mock.patch.object(sys, "stderr", nowhere),
    ):
        shop = Shop(Path(home), sandbox.url)
        shop.trade()
        for _ in range(2):
            code = main(["run", "--config", str(shop.config), "--json", "--restate", "--yes"])
            assert code in DONE, code
            shop.reprice(shop.sales[:5])
    assert threading.active_count() == 1, "a fork has none of them"


def _play(play: str, said: str, variant: str | None, arguments: dict[str, Any]) -> None:
    from tests.faults.variants import VARIANTS

    out = os.open(said, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    if variant is not None:
        VARIANTS[variant]()
    module, _, name = play.partition(":")
    function = getattr(import_module(module), name)
    let_be_watched()
    signal.sigwait([GO])
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [GO])
    code = function(**arguments)
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    _serve()
