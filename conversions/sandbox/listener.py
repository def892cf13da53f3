"""HTTP/1.1 on a loopback port, with keep-alive and one thread per connection."""

import re
import socket
import socketserver
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from conversions.sandbox.base import Answer, Request

LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?", re.IGNORECASE)
"""The ``Host`` of a request to this machine."""
MAX_BODY_BYTES = 64 * 1024 * 1024
"""A larger body is refused without reading it."""


class Application(Protocol):
    """The application that the listener serves."""

    def now(self) -> datetime:
        """The time of the ``Date`` header."""

    def get(self, request: Request) -> Answer | None:
        """The answer to a GET; None: hang up."""

    def post(self, request: Request) -> Answer | None:
        """The answer to a POST; None: hang up."""

    def record_interruption(self, request: Request) -> None:
        """Record that the client disconnected while it sent *request*."""


class Listener(socketserver.ThreadingTCPServer):
    """Listens after construction, and serves in ``serve_forever``. Raises OSError where the port is taken."""

    allow_reuse_address = True
    request_queue_size = 1024

    def __init__(self, port: int, application: Application) -> None:
        self.application = application
        self._open: set[Any] = set()
        super().__init__(("127.0.0.1", port), _Connection)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection, and keep it for ``close``."""
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        """Close a connection."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnected."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Stop serving, close every connection, and wait for all threads."""
        self.shutdown()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Connection(BaseHTTPRequestHandler):
    """One client connection."""

    server: Listener
    protocol_version = "HTTP/1.1"
    server_version = "conversions-sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1

    def parse_request(self) -> bool:
        """Refuse what a web page sends: a page may reach this port by a name of its own (DNS rebinding)."""
        if not super().parse_request():
            return False
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not LOOPBACK.fullmatch(host) or origin not in {None, f"http://{host}"}:
            self.close_connection = True
            self.send_error(403, "The sandbox answers programs on this machine only, not web pages")
            return False
        return True

    def do_GET(self) -> None:
        """Answer a read."""
        self._reply(self.server.application.get(self._request(bytearray())))

    def do_HEAD(self) -> None:
        """Answer with headers only; clients read the ``Date`` header."""
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        """Answer an upload."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(413 if length.isdecimal() else 411)
            return
        body = bytearray(int(length))
        arrived = self._fill(body)
        if arrived < len(body):
            self.close_connection = True
            self.server.application.record_interruption(self._request(body[:arrived]))
        else:
            self._reply(self.server.application.post(self._request(body)))

    def _fill(self, body: bytearray) -> int:
        """Read directly into *body*; return the number of bytes before the connection dropped."""
        arrived = 0
        with memoryview(body) as view, suppress(ConnectionError):
            while arrived < len(view) and (count := self.rfile.readinto1(view[arrived:])):
                arrived += count
        return arrived

    def _request(self, body: bytearray) -> Request:
        url = urlsplit(self.path)
        return Request(
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            authorization=self.headers.get("Authorization"),
            content_type=self.headers.get("Content-Type", ""),
            body=body,
            shop_token=self.headers.get("X-Shopify-Access-Token"),
            host=self.headers.get("Host", ""),
            range=self.headers.get("Range"),
        )

    def _reply(self, answer: Answer | None) -> None:
        if answer is None:
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers: Mapping[str, str] = {"Content-Type": answer.content_type, **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The time of the sandbox's clock, which tests set."""
        return super().date_time_string(timestamp or self.server.application.now().timestamp())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing, because a URL could contain a token."""
