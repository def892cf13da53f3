"""Sends the messages of a run, and nothing else, by mail or chat through ``apprise``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from unittest import mock

import requests

from conversions.transport.http import Session
from conversions.transport.route import Route

MAX_SENTENCES = 20
"""More would hide the important ones from the operator on call."""


def send(addresses: Sequence[str], exit_code: int, sentences: Sequence[str], route: Route) -> str | None:
    """Send to all addresses; return a message if one failed. *addresses* are secrets: they contain tokens."""
    try:
        import apprise
    except ImportError:
        return "on_call.alerts needs apprise: `pip install 'conversions[alerts]'`."
    notifier = apprise.Apprise()
    accepted = [notifier.add(address) for address in addresses]
    body = "\n".join(
        [
            *sentences[:MAX_SENTENCES],
            *([f"… and {len(sentences) - MAX_SENTENCES} more"] if len(sentences) > MAX_SENTENCES else []),
        ]
    )
    with _by(route):
        sent = notifier.notify(title=f"conversions: exit {exit_code}", body=body or "Run `conversions status`.")
    return None if sent and all(accepted) else "Not every alert could be sent; check on_call.alerts."


@contextmanager
def _by(route: Route) -> Iterator[None]:
    """Send by *route* what asks over HTTP; ``apprise`` has no setting for it, and would read the environment.

    Mail goes directly: no HTTP proxy takes it.
    """
    session = partial(Session, route)
    with mock.patch.object(requests.sessions, "Session", session), mock.patch.object(requests, "Session", session):
        yield
