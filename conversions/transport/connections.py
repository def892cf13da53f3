"""Connections that tell whether they ever stood, and on which no answer lasts or grows for ever."""

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

RESPONSE_TIMEOUT = 90.0
"""Seconds for a whole answer: the timeouts of ``requests`` begin anew with every byte."""
MAX_RESPONSE_BYTES = 8 << 20
"""Bytes of an answer with all that frames it, whatever length it claims."""


class Adapter(HTTPAdapter):
    """Makes such connections, for http and https."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See ``HTTPAdapter.init_poolmanager``."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


@contextmanager
def _connecting(connection: HTTPConnection) -> Iterator[None]:
    """Mark whatever goes wrong before a connection stands; urllib3 tells TLS errors of then and later not apart."""
    try:
        yield
    except (OSError, HTTPError) as error:
        raise NewConnectionError(connection, type(error).__name__) from error


class EndlessAnswer(OSError):
    """More has come than any answer holds."""


class _Bounded(io.RawIOBase):
    """What *sock* receives through *raw*, until time is up or too much has come."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase) -> None:
        self._sock, self._raw = sock, raw
        self._until, self._room = time.monotonic() + RESPONSE_TIMEOUT, MAX_RESPONSE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._sock.settimeout(min(self._sock.gettimeout() or left, left))  # urllib3 sets it anew for every request
        count = self._raw.readinto(buffer)
        self._room -= count or 0
        if self._room < 0:
            raise EndlessAnswer
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Also of its status line and headers there is an end, whatever comes before them."""

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
