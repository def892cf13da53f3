"""One request, once: what was said, or whether anything can have left.

Nothing here sends again on its own, follows a redirect, keeps a cookie or reads a proxy from the environment, and
nothing of ``requests`` escapes: its exceptions carry URLs, headers and bodies.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import ConnectTimeoutError

from conversions import __version__
from conversions.transport.connections import Adapter

USER_AGENT = f"conversions/{__version__}"
TIMEOUT = (5.0, 60.0)
"""Seconds to connect, and between two reads; a whole answer has ``connections.LONGEST``."""
SHORT = (3.0, 5.0)
"""The same, for a question that may stay without an answer."""
MAX_BODY_BYTES = 16 << 20
"""Of an answer; the rest is not read. A warning for each of the 20,000 products that a request may hold is a third."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The server answered in full; ``body`` holds at most ``MOST_BYTES``."""

    status: int
    headers: Mapping[str, str]
    """Names in any case."""
    body: bytes

    @property
    def cut(self) -> bool:
        """Whether the server said more than was read."""
        return len(self.body) >= MAX_BODY_BYTES

    @property
    def retry_after(self) -> float | None:
        """Seconds that ``Retry-After`` asks to wait, given as seconds or as a date (RFC 9110 §10.2.3)."""
        text = self.headers.get("Retry-After", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        until, now = instant(text), instant(self.headers.get("Date", "")) or datetime.now(UTC)
        return max((until - now).total_seconds(), 0.0) if until else None


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte of the request left: no address, no connection, or no TLS."""

    why: str
    """The name of an exception class, never its text."""


@dataclass(frozen=True, slots=True)
class NoResponse:
    """Bytes may have left and no full answer came: a timeout, a reset, half a body."""

    why: str
    """The name of an exception class, never its text."""


class Session(requests.Session):
    """A session that sends exactly what it is told, where it is told, once."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, Adapter(max_retries=0))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """A redirect is an answer like any other."""


class ThreadLocalSession(threading.local):
    """One session per thread, since neither sessions nor their connections are to be shared."""

    def __init__(self) -> None:
        self.session = Session()


def post(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT
) -> Answer | NotSent | NoResponse:
    """POST *body* once. Raises nothing that the network or the server can cause."""
    return _once(session, requests.Request("POST", url, data=body, headers=dict(headers)), timeout)


def get(
    session: Session, url: str, headers: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT
) -> Answer | NotSent | NoResponse:
    """GET once. Raises nothing that the network or the server can cause."""
    return _once(session, requests.Request("GET", url, headers=dict(headers)), timeout)


def server_date(url: str) -> str | None:
    """The ``Date`` header of whoever serves *url*, asked without any data and at its root; None without an answer."""
    root = urlsplit(url)._replace(path="/", query="", fragment="").geturl()
    with Session() as session:
        answer = _once(session, requests.Request("HEAD", root, headers={"User-Agent": USER_AGENT}), SHORT)
    return answer.headers.get("Date") if isinstance(answer, Answer) else None


def _once(session: Session, wanted: requests.Request, timeout: tuple[float, float]) -> Answer | NotSent | NoResponse:
    try:
        request = session.prepare_request(wanted)
    except requests.RequestException as error:
        return NotSent(type(error).__name__)
    try:
        with session.send(request, timeout=timeout, stream=True) as response:
            return Answer(response.status_code, response.headers, _read(response))
    except requests.RequestException as error:
        return _without_answer(error)


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) >= MAX_BODY_BYTES:
            break
    return bytes(body[:MAX_BODY_BYTES])


def _without_answer(error: requests.RequestException) -> NotSent | NoResponse:
    """Only a connection that was never made proves that nothing left; all else may have."""
    root = _root(error)
    if isinstance(root, (ConnectTimeoutError, requests.ConnectTimeout)):
        return NotSent(type(root.__cause__ or root).__name__)
    return NoResponse(type(root).__name__)


def _root(error: BaseException) -> BaseException:
    """What ``requests`` and urllib3 have wrapped."""
    inner = getattr(error, "reason", None) or (error.args[-1] if error.args else None)
    return _root(inner) if isinstance(inner, BaseException) else error


def instant(date: str) -> datetime | None:
    """The instant of an HTTP date, aware; None where *date* is none."""
    try:
        return parsedate_to_datetime(date).replace(tzinfo=UTC)  # an HTTP date is always GMT (RFC 9110 §5.6.7)
    except (ValueError, OverflowError):
        return None
