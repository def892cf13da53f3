"""SIGTERM and Ctrl-C while no request is in flight: the run ends in order; ``delivery`` handles them while it sends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from conversions.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _SignalState(threading.local):
    """One per thread: the main thread handles signals, and a transaction of another thread must not defer them."""

    deferrals = 0
    pending = False


_state = _SignalState()


@contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise Stopped where a signal tells the main thread to stop.

    Inside the block it is a KeyboardInterrupt, because some libraries catch every Exception.
    """
    try:
        handlers = {number: signal.signal(number, _on_signal) for number in SIGNALS}
    except ValueError:  # not the main thread: our caller handles signals
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("The run was told to stop. Nothing is lost; `conversions run` goes on.") from None
    finally:
        _state.pending = False
        for number, handler in handlers.items():
            signal.signal(number, handler)


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


def _on_signal(*_: object) -> None:
    if not _state.deferrals:
        raise KeyboardInterrupt
    _state.pending = True
