"""SIGTERM and Ctrl-C while no request is in flight: the run ends in order; ``delivery`` handles them while it sends."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from conversions.errors import Interrupted, Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _SignalState(threading.local):
    """One per thread: the main thread handles signals, and a transaction of another thread must not defer them."""

    deferrals = 0
    pending = False
    number: int | None = None
    """The last signal that told this process to stop."""
    ending = False
    """Whether the run is ending in order, so that a further signal changes nothing."""


_state = _SignalState()


@contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise Stopped where a signal tells the main thread to stop: Interrupted after Ctrl-C.

    Inside the block it is a KeyboardInterrupt, because some libraries catch every Exception. What follows the block is
    the orderly end: a further signal does not disturb it.
    """
    try:
        handlers = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    except ValueError:  # not the main thread: our caller handles signals
        yield
        return
    outermost = _on_signal not in handlers.values()
    try:
        yield
    except KeyboardInterrupt:
        _state.ending = True
        raise stop_error("Nothing is lost; `conversions run` goes on.") from None
    finally:
        _state.pending = False
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if outermost:
            _state.ending, _state.number = False, None


def acknowledge(number: int, waiting_for: str, *, again: bool) -> None:
    """Tell the operator at once that the signal arrived, perhaps *again*, and what the run is *waiting_for*."""
    _state.number = number
    waits = "still waiting" if again else "stopping, waiting"
    with suppress(RuntimeError):  # the signal interrupted another message
        sys.stderr.write(f"{_told(number)}: {waits} for {waiting_for}. Nothing is lost.\n")


def stop_error(text: str) -> Stopped:
    """Return the error of a run that the last signal stopped; *text* says what follows."""
    error = Interrupted if _state.number == signal.SIGINT else Stopped
    return error(f"The run was told to stop ({_told(_state.number or signal.SIGTERM)}). {text}")


def _told(number: int) -> str:
    return "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name


@contextmanager
def defer_signals() -> Iterator[None]:
    """Defer SIGTERM and SIGINT until the block ends.

    Without this, a signal in the middle of a transaction could leave it open, unknown to the rest of the program.
    """
    _state.deferrals += 1
    try:
        yield
    finally:
        _state.deferrals -= 1
    if _state.pending and not _state.deferrals:
        _state.pending = False
        raise KeyboardInterrupt


def _on_signal(number: int, _: object) -> None:
    if _state.ending or _state.deferrals:
        acknowledge(number, "the store", again=_state.ending)
    _state.number = number
    if _state.ending:
        return
    if not _state.deferrals:
        raise KeyboardInterrupt
    _state.pending = True
