"""A limit for what may never end: a mounted folder without its server, a mail server that answers byte by byte."""

from collections.abc import Callable
from threading import Thread


def within(seconds: float, work: Callable[[], str | None]) -> str | None:
    """Return what *work* returns: why it failed, or None. Where it takes longer, it is abandoned, and that is why.

    An exception becomes the name of its type: its text may hold an address with a login.
    """
    results: list[str | None] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:  # noqa: BLE001 - a place can fail in any way, and no run may
            results.append(type(error).__name__)

    thread = Thread(target=run, daemon=True, name="checkpoint")  # a daemon, so that the process can end before it
    thread.start()
    thread.join(seconds)
    return results[0] if results else f"no answer within {seconds:.0f} seconds"
