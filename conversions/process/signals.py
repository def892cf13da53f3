"""SIGTERM and Ctrl-C while nothing is on the wire: the run ends where it is, in order; sending has a way of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from conversions.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _SignalState(threading.local):
    """Signals are heard in the main thread; what another one is in the middle of is not their business."""

    busy = 0
    told = False


_state = _SignalState()


@contextmanager
def raise_on_signal() -> Iterator[None]:
    """Raise Stopped where the main thread was told to stop.

    On the way it is a KeyboardInterrupt, since libraries that try their luck catch every Exception.
    """
    try:
        before = {one: signal.signal(one, _on_signal) for one in SIGNALS}
    except ValueError:  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("The run was told to stop. Nothing is lost; `conversions run` goes on.") from None
    finally:
        _state.told = False
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def defer_signals() -> Iterator[None]:
    """What is done as a whole or not at all: whoever says stop meanwhile is heard at its end.

    A transaction that a signal leaves at any of its steps may be open still, with nobody to know of it.
    """
    _state.busy += 1
    try:
        yield
    finally:
        _state.busy -= 1
    if _state.told and not _state.busy:
        _state.told = False
        raise KeyboardInterrupt


def _on_signal(*_: object) -> None:
    if not _state.busy:
        raise KeyboardInterrupt
    _state.told = True
