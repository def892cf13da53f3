"""A monitor that expects to be told of every run, by the protocol of healthchecks.io: start, then the exit code.

What is told is that a run began and how it ended, nothing else. The address is a secret, since whoever knows it can
call a night good; it is in no sentence.
"""

from conversions.transport.http import SHORT_TIMEOUT_SECONDS, USER_AGENT, Answer, Session, post


def start(url: str) -> str | None:
    """Tell that a run has begun; a sentence where that failed."""
    return _tell(f"{url.rstrip('/')}/start")


def finish(url: str, exit_code: int) -> str | None:
    """Tell how it ended; a sentence where that failed."""
    return _tell(f"{url.rstrip('/')}/{exit_code}")


def _tell(url: str) -> str | None:
    with Session() as session:
        result = post(session, url, b"", {"User-Agent": USER_AGENT}, SHORT_TIMEOUT_SECONDS)
    if isinstance(result, Answer) and result.status < 300:
        return None
    why = str(result.status) if isinstance(result, Answer) else result.why
    return f"The heartbeat of this run could not be told ({why}); look at on_call.heartbeat_url."
