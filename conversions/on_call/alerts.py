"""Sends the messages of a run, and nothing else, by mail or chat through ``apprise``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from socket import gethostname
from unittest import mock

import requests

from conversions.errors import Exit
from conversions.transport.http import Session
from conversions.transport.route import Route

MAX_SENTENCES = 20
"""More would hide the important ones from the operator on call."""
SUBJECTS: dict[int, tuple[str, str]] = {
    Exit.ATTENTION: ("warning", "something new needs a person"),
    Exit.USAGE: ("failure", "the command line is wrong"),
    Exit.DATA: ("failure", "the data look wrong, nothing was sent"),
    Exit.NO_INPUT: ("failure", "orders cannot be read"),
    Exit.REFUSED: ("failure", "refused because of account, settings or policy"),
    Exit.STORE: ("failure", "the store cannot be trusted: stop the timer"),
    Exit.TRY_AGAIN: ("info", "the next run tries again"),
    Exit.CREDENTIALS: ("failure", "a credential is missing, expired or lacks rights"),
    Exit.CONFIG: ("failure", "a setting is wrong, or something changed"),
    Exit.INTERRUPTED: ("info", "somebody stopped it, the next run goes on"),
}
"""Severity, as apprise names it, and what happened, by exit code."""


@dataclass(frozen=True, slots=True)
class Alert:
    """The outcome of one run."""

    shop: str
    exit_code: int
    sentences: Sequence[str]

    @property
    def severity(self) -> str:
        """The severity, as apprise names it."""
        return SUBJECTS.get(self.exit_code, ("failure", ""))[0]

    @property
    def title(self) -> str:
        """Shop, host, exit code, and what happened."""
        what = SUBJECTS.get(self.exit_code, ("", "stopped"))[1]
        return f"conversions {self.shop} on {gethostname()}: exit {self.exit_code}, {what}"

    @property
    def body(self) -> str:
        """The first sentences, and how many more there are."""
        more = len(self.sentences) - MAX_SENTENCES
        lines = [*self.sentences[:MAX_SENTENCES], *([f"… and {more} more"] if more > 0 else [])]
        return "\n".join(lines) or "Run `conversions status`."


def send(addresses: Sequence[str], alert: Alert, route: Route) -> str | None:
    """Send to all addresses; return a message if one failed. *addresses* are secrets: they contain tokens."""
    try:
        import apprise
    except ImportError:
        return "on_call.alerts needs apprise: `pip install 'conversions[alerts]'`."
    notifier = apprise.Apprise()
    accepted = [notifier.add(address) for address in addresses]
    with by_route(route):
        kind = apprise.NotifyType(alert.severity)
        sent = notifier.notify(title=alert.title, body=alert.body, notify_type=kind)
    return None if sent and all(accepted) else "Not every alert could be sent; check on_call.alerts."


@contextmanager
def by_route(route: Route) -> Iterator[None]:
    """Send by *route* what asks over HTTP; ``apprise`` has no setting for it, and would read the environment.

    Mail goes directly: no HTTP proxy takes it.
    """
    session = partial(Session, route)
    with mock.patch.object(requests.sessions, "Session", session), mock.patch.object(requests, "Session", session):
        yield
