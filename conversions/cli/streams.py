"""Standard streams that cannot fail: output that cannot be written neither stops a command nor changes its exit code.

The cause may be a full disk, a closed pipe or terminal, or a descriptor that was never open. Such output is dropped and
the command goes on. Plain Python would raise in the middle, or exit with 120 where the last flush fails.
"""

import io
import os
import select
import sys
from typing import Any, TextIO


class Output(io.FileIO):
    """A file descriptor on which every write succeeds."""

    loss: str | None = None
    """Why output was dropped; None for a closed pipe, since its reader needs no further output."""

    def write(self, data: Any, /) -> int:
        """Write as much as possible, and drop the rest."""
        try:
            while (written := super().write(data)) is None:  # a non-blocking descriptor with a slow reader
                select.select([], [self], [])
        except BrokenPipeError:
            return len(data)
        except OSError as error:
            self.loss = error.strerror
            return len(data)
        return written


def keep_open() -> None:
    """Replace the process's own stdout and stderr by such streams; streams that a caller has set stay.

    Closed descriptors become /dev/null, so that no file of ours gets their number and receives the output.
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
    """Flush stdout; return why output was dropped, or None."""
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
