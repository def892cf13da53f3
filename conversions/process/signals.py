"""SIGTERM and Ctrl-C while nothing is on the wire: the run ends where it is, in order; sending has a way of its own."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from conversions.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Here(threading.local):
    """Signals are heard in the main thread; what another one is in the middle of is not their business."""

    busy = 0
    told = False


_here = _Here()


@contextmanager
def heard() -> Iterator[None]:
    """Raise Stopped where the main thread was told to stop.

    On the way it is a KeyboardInterrupt, since libraries that try their luck catch every Exception.
    """
    try:
        before = {one: signal.signal(one, _hear) for one in SIGNALS}
    except ValueError:  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("The run was told to stop. Nothing is lost; `conversions run` goes on.") from None
    finally:
        _here.told = False
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def whole() -> Iterator[None]:
    """What is done as a whole or not at all: whoever says stop meanwhile is heard at its end.

    A transaction that a signal leaves at any of its steps may be open still, with nobody to know of it.
    """
    _here.busy += 1
    try:
        yield
    finally:
        _here.busy -= 1
    if _here.told and not _here.busy:
        _here.told = False
        raise KeyboardInterrupt


def _hear(*_: object) -> None:
    if not _here.busy:
        raise KeyboardInterrupt
    _here.told = True
