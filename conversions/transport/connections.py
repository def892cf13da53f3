"""Connections that report why they were not established, and that limit the time and size of an answer."""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from requests.adapters import DEFAULT_CA_BUNDLE_PATH, HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from conversions.transport.causes import ProxyAnswer, cause_of
from conversions.transport.not_sent import Cause
from conversions.transport.route import Route, trust

NO_WAY = frozenset({Cause.NO_DNS, Cause.REFUSED, Cause.UNREACHABLE, Cause.TIMEOUT, Cause.OTHER})
"""Causes that are the proxy's own, where there is no connection to it yet."""
RESPONSE_TIMEOUT_SECONDS = 90.0
"""The limit for a whole answer; the timeouts of ``requests`` start again with every byte."""
MAX_RESPONSE_BYTES = 8 << 20
"""The limit for an answer with its status line and headers, regardless of its ``Content-Length``."""


class NotConnected(NewConnectionError):
    """No connection was established, so no byte of the request left."""

    def __init__(self, connection: HTTPConnection, error: BaseException) -> None:
        self.cause = cause_of(error)
        self.host, self.port = _other_side(connection)
        if self.cause in NO_WAY and connection.proxy and not connection.has_connected_to_proxy:
            self.cause = Cause.PROXY_UNREACHABLE
        super().__init__(connection, self.cause)


class Adapter(HTTPAdapter):
    """Opens such connections, for http and https, on *route*; nothing in the environment changes it."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._tls: dict[str, Any] = {}
        if route.certificates or route.proxy:
            context = create_urllib3_context()
            context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
            trust(route, context)
            self._tls = {"ssl_context": context}
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See ``HTTPAdapter.init_poolmanager``."""
        super().init_poolmanager(*args, **kwargs | self._tls)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """See ``HTTPAdapter.proxy_manager_for``."""
        manager = super().proxy_manager_for(
            proxy, **kwargs, **self._tls, proxy_ssl_context=self._tls.get("ssl_context")
        )
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def proxy_headers(self, proxy: str) -> dict[str, str]:  # noqa: ARG002
        """See ``HTTPAdapter.proxy_headers``. The proxy's URL has no user, so that exceptions cannot repeat one."""
        return self._route.proxy_headers

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """See ``HTTPAdapter.send``."""
        return super().send(request, *args, **kwargs | {"proxies": self._route.proxies(request.url or "")})


@contextmanager
def _connecting(connection: HTTPConnection) -> Iterator[None]:
    """Mark every error before a connection is established: urllib3 does not distinguish early and late TLS errors."""
    try:
        yield
    except (OSError, HTTPError, http.client.HTTPException) as error:
        raise NotConnected(connection, error) from error


def _other_side(connection: HTTPConnection) -> tuple[str, int]:
    """Return whom *connection* could not be opened to: the proxy, or behind it the server."""
    if connection.has_connected_to_proxy and connection.proxy_is_tunneling:
        return str(connection._tunnel_host), connection._tunnel_port or 0  # noqa: SLF001
    return connection.host, connection.port or 0


class EndlessAnswer(OSError):
    """The answer is larger than ``MAX_RESPONSE_BYTES``."""


class _Bounded(io.RawIOBase):
    """Reads from *sock* through *raw*, within the limits of time and size."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._until, self._bytes_left = time.monotonic() + RESPONSE_TIMEOUT_SECONDS, MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        seconds_left = self._until - time.monotonic()
        if seconds_left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(self._sock.gettimeout() or seconds_left, seconds_left))  # urllib3 resets it
        count = self._raw.readinto(buffer)
        self._bytes_left -= count or 0
        if self._bytes_left < 0:
            raise EndlessAnswer
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Applies the limits also to the status line, the headers, and everything before them."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Bounded(sock, self.fp.detach()))


class _TunnelResponse(_Response):
    """A proxy's answer to ``CONNECT``."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        if status != http.HTTPStatus.OK:
            raise ProxyAnswer(status)
        return version, status, reason


class _Connection(HTTPConnection):
    response_class = _Response

    def connect(self) -> None:
        with _connecting(self):
            super().connect()


class _TlsConnection(HTTPSConnection):
    response_class = _Response

    def connect(self) -> None:
        with _connecting(self):
            super().connect()

    def _tunnel(self) -> None:
        self.response_class = _TunnelResponse
        try:
            super()._tunnel()
        except ProxyAnswer:
            raise
        except (OSError, http.client.HTTPException):
            raise ProxyAnswer(0) from None
        finally:
            self.response_class = _Response


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}
