"""SIGTERM and Ctrl-C while nothing is on the wire: the run ends where it is, in order; sending has a way of its own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from conversions.errors import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def heard() -> Iterator[None]:
    """Raise Stopped where the main thread was told to stop.

    On the way it is a KeyboardInterrupt, since libraries that try their luck catch every Exception.
    """
    try:
        before = {one: signal.signal(one, signal.default_int_handler) for one in SIGNALS}
    except ValueError:  # not the main thread: whoever runs us handles signals
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped("The run was told to stop. Nothing is lost; `conversions run` goes on.") from None
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
