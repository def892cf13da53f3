"""One HTTP request, sent once: its answer, or whether any byte can have left.

This module does not retry, follow a redirect, keep a cookie, or read a proxy from the environment. It raises no
exception of ``requests``, because those contain URLs (also the proxy's), headers and bodies.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests

from conversions import __version__
from conversions.transport.connections import Adapter, NotConnected
from conversions.transport.not_sent import Cause, NotSent
from conversions.transport.route import DIRECT, Route

USER_AGENT = f"conversions/{__version__}"
TIMEOUT_SECONDS = (5.0, 60.0)
"""For the connection, and between two reads; a whole answer has ``connections.RESPONSE_TIMEOUT_SECONDS``."""
SHORT_TIMEOUT_SECONDS = (3.0, 5.0)
"""The same, for a request that needs no answer."""
MAX_BODY_BYTES = 16 << 20
"""The limit for the body of an answer. A third of it is enough for a warning about each of 20,000 products."""

PAGE_STATUSES = frozenset(
    {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
        HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS,
        HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED,
    }
)
"""Statuses from 400 up of a page that a network shows in the place of the platform."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A full answer of the server; ``body`` has at most ``MAX_BODY_BYTES``."""

    status: int
    headers: Mapping[str, str]
    """Header names are not case-sensitive."""
    body: bytes

    @property
    def cut(self) -> bool:
        """Whether the body was longer than what was read."""
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
class NoResponse:
    """Bytes may have left, and no full answer came: a timeout, a reset, half a body."""

    why: str
    """The name of an exception class, never its text."""


class Session(requests.Session):
    """A session that sends exactly the given request, to the given URL, once."""

    def __init__(self, route: Route = DIRECT) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self.mount(scheme, Adapter(route))

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: a redirect is an answer like any other."""


class ThreadLocalSession(threading.local):
    """One session per thread, because threads must not share sessions or connections."""

    def __init__(self, route: Route = DIRECT) -> None:
        self.session = Session(route)


def post(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT_SECONDS
) -> Answer | NotSent | NoResponse:
    """POST *body* once. Errors of the network and the server are return values."""
    return _send_once(session, requests.Request("POST", url, data=body, headers=dict(headers)), timeout)


def get(
    session: Session, url: str, headers: Mapping[str, str], timeout: tuple[float, float] = TIMEOUT_SECONDS
) -> Answer | NotSent | NoResponse:
    """GET once. Errors of the network and the server are return values."""
    return _send_once(session, requests.Request("GET", url, headers=dict(headers)), timeout)


def server_date(url: str, route: Route = DIRECT) -> str | None:
    """Return the ``Date`` header of the server of *url*, from a HEAD request to its root; None without an answer."""
    root = urlsplit(url)._replace(path="/", query="", fragment="").geturl()
    with Session(route) as session:
        answer = _send_once(
            session, requests.Request("HEAD", root, headers={"User-Agent": USER_AGENT}), SHORT_TIMEOUT_SECONDS
        )
    return answer.headers.get("Date") if isinstance(answer, Answer) else None


def _send_once(
    session: Session, unprepared: requests.Request, timeout: tuple[float, float]
) -> Answer | NotSent | NoResponse:
    try:
        request = session.prepare_request(unprepared)
    except requests.RequestException:
        return NotSent(Cause.MALFORMED)
    try:
        with session.send(request, timeout=timeout, stream=True) as response:
            return Answer(response.status_code, response.headers, _read(response))
    except requests.RequestException as error:
        return _classify(error)


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(1 << 16):
        body += chunk
        if len(body) >= MAX_BODY_BYTES:
            break
    return bytes(body[:MAX_BODY_BYTES])


def _classify(error: requests.RequestException) -> NotSent | NoResponse:
    """Return NotSent only for a connection that was never established; in every other case bytes may have left."""
    return not_connected(error) or NoResponse(type(_root_cause(error)).__name__)


def not_connected(error: BaseException) -> NotSent | None:
    """Return why no connection was established, where *error* says that, itself or as what it was raised from."""
    root = _root_cause(error)
    if isinstance(root, NotConnected):
        return NotSent(root.cause, root.host, root.port)
    return not_connected(root.__cause__) if root.__cause__ else None


def _root_cause(error: BaseException) -> BaseException:
    """Return the exception that ``requests`` and urllib3 have wrapped."""
    inner = getattr(error, "reason", None) or (error.args[-1] if error.args else None)
    return _root_cause(inner) if isinstance(inner, BaseException) else error


def is_web_page(status: int, headers: Mapping[str, str]) -> bool:
    """Return whether an answer is a page for people: of a network that asks to sign in, of a proxy or a firewall.

    Only the statuses that such pages have count: the platforms' own servers show pages for other errors, too.
    """
    page = headers.get("Content-Type", "").lower().startswith(("text/html", "application/xhtml"))
    return page and (status < 400 or status in PAGE_STATUSES)


def instant(date: str) -> datetime | None:
    """Return the instant of an HTTP date as aware UTC; None where *date* is not one."""
    try:
        return parsedate_to_datetime(date).replace(tzinfo=UTC)  # an HTTP date is always GMT (RFC 9110 §5.6.7)
    except (ValueError, OverflowError):
        return None
