"""Connections that report whether they were ever established, and that limit the time and size of an answer."""

import http.client
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NewConnectionError

RESPONSE_TIMEOUT_SECONDS = 90.0
"""The limit for a whole answer; the timeouts of ``requests`` start again with every byte."""
MAX_RESPONSE_BYTES = 8 << 20
"""The limit for an answer with its status line and headers, regardless of its ``Content-Length``."""


class Adapter(HTTPAdapter):
    """Opens such connections, for http and https."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See ``HTTPAdapter.init_poolmanager``."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


@contextmanager
def _connecting(connection: HTTPConnection) -> Iterator[None]:
    """Mark every error before a connection is established: urllib3 does not distinguish early and late TLS errors."""
    try:
        yield
    except (OSError, HTTPError) as error:
        raise NewConnectionError(connection, type(error).__name__) from error


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


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
