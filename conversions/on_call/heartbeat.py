"""Sends a heartbeat for every run, by the protocol of healthchecks.io: the start, then the exit code, nothing else.

The address is a secret, since anyone who knows it could report a successful run; no message contains it.
"""

from conversions.transport import unreachable
from conversions.transport.http import SHORT_TIMEOUT_SECONDS, USER_AGENT, Answer, Session, post
from conversions.transport.not_sent import NotSent
from conversions.transport.route import Route


def start(url: str, route: Route) -> str | None:
    """Report the start of a run; return a message if that failed."""
    return _send(f"{url.rstrip('/')}/start", route)


def finish(url: str, route: Route, exit_code: int) -> str | None:
    """Report the exit code of a run; return a message if that failed."""
    return _send(f"{url.rstrip('/')}/{exit_code}", route)


def _send(url: str, route: Route) -> str | None:
    with Session(route) as session:
        result = post(session, url, b"", {"User-Agent": USER_AGENT}, SHORT_TIMEOUT_SECONDS)
    if isinstance(result, Answer) and result.status < 300:
        return None
    if isinstance(result, NotSent):
        return f"The heartbeat of this run was not sent. {unreachable.sentence('the monitor', result)}"
    cause = str(result.status) if isinstance(result, Answer) else result.why
    return f"The heartbeat of this run could not be sent ({cause}); check on_call.heartbeat_url."
