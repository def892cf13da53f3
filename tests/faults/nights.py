"""Nights in processes of their own that can be killed. Each is a fork of one process that has imported everything.

Run as a module it is that process: a line of JSON on stdin begins a night, ``begun PID`` and ``ended CODE`` come back.
"""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tests.faults.shop import BATCH, Shop


@dataclass
class Nights:
    """One after the other."""

    process: "subprocess.Popen[str]"
    pid: int = field(default=0, init=False)

    def begin(self, shop: Shop, variant: str | None = None) -> None:
        """``conversions run``, or a broken variant of it."""
        assert self.process.stdin is not None
        task = {"config": str(shop.config), "said": str(shop.said), "variant": variant}
        self.process.stdin.write(json.dumps(task) + "\n")
        self.process.stdin.flush()
        self.pid = self.told("begun")

    def ended(self, within: float = 60.0) -> int | None:
        """Its exit code, or None where it still runs after so many seconds."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], within)
        return self.told("ended") if ready else None

    def kill(self) -> None:
        """As the kernel does it when memory is short: at once, and nobody is asked."""
        os.kill(self.pid, signal.SIGKILL)
        self.told("ended")

    def told(self, word: str) -> int:
        """What the process says next: this word, and a number."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        said, number = line.split()
        assert said == word, line
        return int(number)


@contextmanager
def open_nights() -> Iterator[Nights]:
    """A process to begin nights from."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", __name__], env=environment, bufsize=0, **pipes) as process:
        nights = Nights(process)
        nights.told("ready")
        yield nights
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    import alembic.command  # noqa: F401
    import pandas as pd  # noqa: F401

    import conversions.cli.report
    import conversions.pipeline  # noqa: F401
    from tests.faults.variants import VARIANTS

    print("ready", os.getpid(), flush=True)
    for line in sys.stdin:
        task = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _night(Path(task["config"]), Path(task["said"]), VARIANTS[task["variant"]] if task["variant"] else None)
        print("begun", pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


def _night(config: Path, said: Path, variant: Callable[[], None] | None) -> None:
    """In the fork: the command line, with small requests and short waits."""
    from conversions.cli import main

    out = os.open(said, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    _small_and_quick()
    if variant is not None:
        variant()
    code = main(["run", "--config", str(config), "--json"])
    sys.stdout.flush()
    os._exit(code)


def _small_and_quick() -> None:
    from conversions import delivery
    from conversions.destinations import google, meta

    for platform in (google, meta):
        limits = platform._limits
        platform._limits = lambda settings, limits=limits: replace(limits(settings), events=BATCH)  # type: ignore[attr-defined]
    assert callable(delivery._wait)
    delivery._wait = lambda lane: 0.01


if __name__ == "__main__":
    _serve()
