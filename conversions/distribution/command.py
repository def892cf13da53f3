"""A command of the shop: the checkpoint goes to its standard input, and its name is in the environment."""

import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

NAME = "CHECKPOINT_NAME"
SECONDS = 30.0
"""Limit for one checkpoint; then the command and its children are killed."""


@dataclass(frozen=True, slots=True)
class Command:
    """A program with its arguments; no shell reads them."""

    address: str
    words: list[str]

    @property
    def shown(self) -> str:
        """The program without its arguments."""
        return f"command:{self.words[0]}"

    def deliver(self, name: str, content: bytes) -> str | None:
        """Run the command; it confirms with exit 0. What it prints is dropped, since it may hold a secret."""
        try:
            process = subprocess.Popen(
                self.words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(os.environ) | {NAME: name},
                start_new_session=True,
            )
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        with process:
            try:
                process.communicate(content, SECONDS)
            except subprocess.TimeoutExpired:
                return f"it did not end within {SECONDS:.0f} seconds"
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return f"it ended with exit {process.returncode}" if process.returncode else None


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without this program's secrets; the command's own come from ``.env`` under other names."""
    return {name: value for name, value in environment.items() if not name.upper().startswith("CONVERSIONS_")}
