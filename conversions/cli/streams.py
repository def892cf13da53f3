"""Standard streams that cannot fail: output that nobody can take neither stops a command nor changes its exit code.

A disk is full, a pipe's reader has left, a terminal is gone, a descriptor was never open: what cannot be written is
dropped, and the orders go on. Python alone would raise in the middle, or exit with 120 where the last flush fails.
"""

import io
import os
import select
import sys
from typing import Any, TextIO


class Output(io.FileIO):
    """A descriptor to which every write succeeds."""

    loss: str | None = None
    """Why something was dropped. A reader that has left had enough: nothing is lost."""

    def write(self, data: Any, /) -> int:
        """Write what can be written, and drop the rest."""
        try:
            while (written := super().write(data)) is None:  # a descriptor that does not block: its reader is slow
                select.select([], [self], [])
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            self.loss = error.strerror
            return len(data)
        return written


def keep_open() -> None:
    """Replace the process's own stdout and stderr by such streams; what a caller put in their place stays.

    Descriptors that were closed become /dev/null, so that no file of ours is opened in their place and written to.
    """
    if None in {sys.__stdin__, sys.__stdout__, sys.__stderr__}:
        _fill()
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115
    if sys.stdout is sys.__stdout__:
        sys.stdout = _writer(1, sys.__stdout__)
    if sys.stderr is sys.__stderr__:
        sys.stderr = _writer(2, sys.__stderr__)


def loss() -> str | None:
    """Write what stdout still holds back; why some of the output was dropped, if it was."""
    sys.stdout.flush()
    descriptor = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    return descriptor.loss if isinstance(descriptor, Output) else None


def _fill() -> None:
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _writer(descriptor: int, own: io.TextIOWrapper | TextIO | None) -> TextIO:
    encoding = own.encoding if own else "utf-8"
    by_line = isinstance(own, io.TextIOWrapper) and (own.line_buffering or own.write_through)
    raw = Output(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, line_buffering=by_line)
