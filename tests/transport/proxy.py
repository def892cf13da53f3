"""A company's proxy on loopback: ``CONNECT`` with or without a login, and TLS that it opens with a private authority."""

import base64
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any, cast

import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
Far = str | Callable[["Seen"], tuple[int, bytes]]
"""Who answers behind the proxy: the address of a server, or a function from the request to status and body."""


@dataclass(frozen=True)
class Seen:
    """A request as the proxy reads it."""

    method: str
    host: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Authority:
    """A private certificate authority, with its certificate as a file."""

    def __init__(self, home: Path) -> None:
        self._home, self._key = home, ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Købmand A/S {home.name}"[:64])])
        self._certificate = self._sign(
            self._name, self._key, (-DAY, DAY), x509.BasicConstraints(ca=True, path_length=1)
        )
        self.file = home / "company-ca.pem"
        self.file.write_bytes("# Købmand A/S\n".encode() + self._certificate.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, valid: tuple[timedelta, timedelta] = (-DAY, DAY)) -> ssl.SSLContext:
        """The side of a server with a certificate for *host*, valid from and until so long from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(x509.Name([]), key, valid, _alternative(host))
        path = self._home / f"{host}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePrivateKey,
        valid: tuple[timedelta, timedelta],
        extension: x509.ExtensionType,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder(self._name, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(now + valid[0])
            .not_valid_after(now + valid[1])
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )


def _alternative(host: str) -> x509.SubjectAlternativeName:
    with suppress(ValueError):
        return x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    return x509.SubjectAlternativeName([x509.DNSName(host)])


class Proxy(ThreadingHTTPServer):
    """Answers ``CONNECT`` for the hosts in *far* and refuses all others."""

    daemon_threads = True

    def __init__(self, authority: Authority, far: Mapping[str, Far], login: str | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.authority, self.far = authority, far
        self.expected = login and f"Basic {base64.b64encode(login.encode()).decode()}"
        self.refusal = 403
        self.asked: list[str] = []
        """HOST:PORT of each ``CONNECT``, also of refused ones."""
        self.seen: list[Seen] = []
        self.behave: Callable[[Any], None] | None = None
        """What happens in a tunnel, in place of TLS."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving(proxy: Proxy) -> Iterator[Proxy]:
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    """The proxy itself, in clear."""

    protocol_version = "HTTP/1.1"
    host = ""

    @property
    def proxy(self) -> Proxy:
        return cast("Proxy", self.server)

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        self.proxy.asked.append(self.path)
        self.close_connection = True
        host = self.path.rpartition(":")[0]
        if not self._admitted():
            return
        if host not in self.proxy.far:
            self._answer(self.proxy.refusal, b"no")
            return
        self.send_response(200)
        self.end_headers()
        if self.proxy.behave:
            self.proxy.behave(self.connection)
            return
        with (
            suppress(OSError),
            self.proxy.authority.context(host).wrap_socket(self.connection, server_side=True) as tls,
        ):
            type("Inside", (_Inside,), {"host": host})(tls, self.client_address, self.server)

    def do_POST(self) -> None:
        """A request to an http:// address, which the proxy gets whole."""
        if self._admitted():
            self._pass_on()

    do_GET = do_HEAD = do_POST

    def _admitted(self) -> bool:
        if self.proxy.expected in {None, self.headers["Proxy-Authorization"]}:
            return True
        self._answer(407, b"who are you?")
        return False

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0))
        seen = Seen(self.command, self.host, self.path, dict(self.headers), body)
        self.proxy.seen.append(seen)
        far = self.proxy.far[self.host]
        self._answer(*(_forward(far, seen) if isinstance(far, str) else far(seen)))

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response_only(status)
        for name, text in (headers or {}).items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


class _Inside(_Handler):
    """The opened TLS, in which the proxy poses as the server."""

    do_GET = do_POST = do_HEAD = _Handler._pass_on


def _forward(far: str, seen: Seen) -> tuple[int, bytes, dict[str, str]]:
    headers = {name: text for name, text in seen.headers.items() if name.lower() != "host"}
    answer = requests.request(seen.method, far + seen.path, data=seen.body, headers=headers, timeout=30)
    kept = {name: answer.headers[name] for name in ("Date", "Content-Type") if name in answer.headers}
    return answer.status_code, answer.content, kept
