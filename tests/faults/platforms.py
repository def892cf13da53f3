"""Both platforms in a process of their own, which survives whatever happens to a night."""

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import requests

LONGEST = 300.0
"""Seconds for an answer, on the busiest machine."""


@dataclass(frozen=True, slots=True)
class Platforms:
    """The sandbox, from outside."""

    url: str
    session: requests.Session

    def misbehave(self, *faults: str) -> None:
        """From now on these faults strike, and no others."""
        self.session.post(f"{self.url}/_sandbox/faults", json=faults, timeout=LONGEST).raise_for_status()

    def received(self, *, bodies: bool = False) -> dict[str, Any]:
        """What arrived, see ``Sandbox.received``."""
        answer = self.session.get(f"{self.url}/_sandbox/received?bodies={int(bodies)}", timeout=LONGEST)
        report: dict[str, Any] = answer.json()
        return report

    def arrived(self) -> int:
        """How many requests have arrived so far."""
        report = self.received()
        return int(report["google"]["requests"] + report["meta"]["requests"])

    def reset(self) -> None:
        """Begin anew."""
        self.session.post(f"{self.url}/_sandbox/reset", json={}, timeout=LONGEST).raise_for_status()


@contextmanager
def open_platforms(faults: Sequence[str] = (), *options: str) -> Iterator[Platforms]:
    """A sandbox on a free port."""
    chosen = [part for fault in faults for part in ("--fault", fault)]
    command = [sys.executable, "-m", "conversions", "sandbox", "--port", "0", *options, *chosen]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, requests.Session() as session:
        session.trust_env = False
        assert process.stdout is not None
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found is not None, "the sandbox did not start"
            yield Platforms(found[0], session)
        finally:
            process.kill()
