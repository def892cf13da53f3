"""What can be known about a POST, tried on real sockets."""

import errno
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from conversions.transport import connections, http
from conversions.transport.http import Answer, NoResponse, Session, post
from conversions.transport.not_sent import Cause, NotSent

BODY = b'{"secret":"body"}'
HEADERS = {"Content-Type": "application/json", "User-Agent": "test", "Authorization": "Bearer secret-token"}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Odd: yes\r\n\r\n{}"

Behaviour = Callable[[socket.socket], None]


class Server:
    """Accepts connections one after another on loopback and treats each as it was told."""

    def __init__(self, behave: Behaviour, context: ssl.SSLContext | None = None) -> None:
        self._behave, self._context = behave, context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def url(self, scheme: str = "http") -> str:
        return f"{scheme}://127.0.0.1:{self.port}/path?secret=query"

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self.connections += 1
                with suppress(OSError), peer:
                    self._treat(peer)

    def _treat(self, peer: socket.socket) -> None:
        if self._context is None:
            return self._behave(peer)
        with self._context.wrap_socket(peer, server_side=True) as tls:
            return self._behave(tls)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


@contextmanager
def serving(behave: Behaviour, context: ssl.SSLContext | None = None) -> Iterator[Server]:
    server = Server(behave, context)
    try:
        yield server
    finally:
        server.close()


def read_request(peer: socket.socket) -> bytes:
    """Read until the request's body is complete."""
    data = b""
    while not data.endswith(BODY):
        chunk = peer.recv(65536)
        if not chunk:
            break
        data += chunk
    return data


def answering(answer: bytes) -> Behaviour:
    def behave(peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(answer)

    return behave


def reset(peer: socket.socket) -> None:
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.close()


def reset_before_reading(peer: socket.socket) -> None:
    peer.recv(1, socket.MSG_PEEK)  # the connection stands on both sides
    reset(peer)


def reset_after_reading(peer: socket.socket) -> None:
    read_request(peer)
    reset(peer)


def hang_up_after_reading(peer: socket.socket) -> None:
    read_request(peer)


def silence(peer: socket.socket) -> None:
    read_request(peer)
    peer.recv(1)  # until the client gives up


def ask(url: str, *, session: Session | None = None, timeout: tuple[float, float] = (60, 60)) -> Any:
    with session or Session() as one:
        return post(one, url, BODY, HEADERS, timeout)


def without_secrets(outcome: NotSent | NoResponse) -> bool:
    return "secret" not in repr(outcome) and outcome.why.isidentifier()


def test_an_answer_carries_status_headers_in_any_case_and_the_body() -> None:
    with serving(answering(OK)) as server:
        answer = ask(server.url())

    assert answer.status == 200
    assert answer.headers["x-odd"] == "yes"
    assert answer.body == b"{}"


def test_the_wire_carries_the_bytes_given_and_no_header_that_was_not_asked_for() -> None:
    seen: list[bytes] = []

    def behave(peer: socket.socket) -> None:
        seen.append(read_request(peer))
        peer.sendall(OK)

    with serving(behave) as server:
        ask(server.url())

    head, _, body = seen[0].partition(b"\r\n\r\n")
    names = {line.split(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert body == BODY
    assert names == {b"host", b"accept-encoding", b"content-length", b"content-type", b"user-agent", b"authorization"}
    assert b"accept-encoding: identity" in head.lower()


def test_a_closed_port_means_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = ask(f"http://127.0.0.1:{port}/?secret=1")

    assert outcome == NotSent(Cause.REFUSED, "127.0.0.1", port)
    assert without_secrets(outcome)


def test_an_unresolvable_name_means_not_sent_and_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def fail(*name: Any, **_: Any) -> None:
        asked.append(name)
        raise socket.gaierror(-2, "Name or service not known: secret.example")

    monkeypatch.setattr(socket, "getaddrinfo", fail)

    outcome = ask("https://secret.example/?secret=1")

    assert outcome == NotSent(Cause.NO_DNS, "secret.example", 443)
    assert len(asked) == 1


def test_a_connection_that_is_never_accepted_means_not_sent() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        with socket.create_connection(address), socket.socket() as second:
            second.setblocking(False)  # fills what room the queue has left
            second.connect_ex(address)

            outcome = ask(f"http://127.0.0.1:{address[1]}/", timeout=(0.05, 60))

    assert outcome == NotSent(Cause.TIMEOUT, "127.0.0.1", address[1])


def test_an_address_that_is_none_means_not_sent() -> None:
    assert ask("http://127.0.0.1:99999/") == NotSent(Cause.MALFORMED)


def test_a_header_that_cannot_be_sent_means_not_sent_and_is_not_repeated() -> None:
    with Session() as session:
        outcome = post(session, "http://127.0.0.1:1/", BODY, {"Authorization": "Bearer secret\n"})

    assert outcome == NotSent(Cause.MALFORMED)


@pytest.mark.parametrize("behave", [reset_before_reading, reset_after_reading, hang_up_after_reading])
def test_a_connection_lost_after_it_stood_means_that_bytes_may_have_left(behave: Behaviour) -> None:
    with serving(behave) as server:
        outcome = ask(server.url())

        assert server.connections == 1, "sent again on its own"
    assert isinstance(outcome, NoResponse)
    assert without_secrets(outcome)


@pytest.mark.parametrize(
    "half",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 20",
        b"garbage\r\n\r\n",
    ],
    ids=["short body", "short chunk", "not gzip", "half a status line", "not HTTP"],
)
def test_half_an_answer_is_none(half: bytes) -> None:
    with serving(answering(half)) as server:
        outcome = ask(server.url())

        assert server.connections == 1
    assert isinstance(outcome, NoResponse)
    assert without_secrets(outcome)


def test_a_slow_answer_is_none() -> None:
    with serving(silence) as server:
        assert ask(server.url(), timeout=(60, 0.05)) == NoResponse("ReadTimeoutError")


def test_a_slow_body_is_no_answer() -> None:
    def behave(peer: socket.socket) -> None:
        answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")(peer)
        peer.recv(1)

    with serving(behave) as server:
        assert ask(server.url(), timeout=(60, 0.05)) == NoResponse("ReadTimeoutError")


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with serving(answering(b"HTTP/1.1 307 X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")) as server:
        answer = ask(server.url())

        assert server.connections == 1
    assert answer.status == 307


def test_a_redirect_to_nonsense_is_still_an_answer() -> None:
    with serving(answering(b"HTTP/1.1 302 X\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n")) as server:
        assert ask(server.url()).status == 302


def test_no_status_is_tried_again() -> None:
    with serving(answering(b"HTTP/1.1 503 X\r\nRetry-After: 0\r\nContent-Length: 0\r\n\r\n")) as server:
        assert ask(server.url()).status == 503
        assert server.connections == 1


def test_cookies_are_not_kept() -> None:
    seen: list[bytes] = []

    def behave(peer: socket.socket) -> None:
        seen.append(read_request(peer))
        peer.sendall(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with serving(behave) as server, Session() as session:
        for _ in range(2):
            post(session, server.url(), BODY, HEADERS)

    assert len(seen) == 2
    assert not any(b"cookie" in request.lower() for request in seen)


def test_proxies_and_netrc_of_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login l password p\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    with serving(answering(OK)) as server:
        assert isinstance(ask(server.url()), Answer)


def test_no_more_of_an_answer_is_read_than_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 10)

    with serving(answering(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000)) as server:
        assert ask(server.url()).body == b"x" * 10


def drip(beginning: bytes, drop: bytes) -> Behaviour:
    """An answer that goes on as long as somebody listens."""

    def behave(peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(beginning)
        while True:
            peer.sendall(drop)
            time.sleep(0.01)

    return behave


ENDLESS = {
    "a body": (b"HTTP/1.1 200 OK\r\n\r\n{}", b" "),
    "a body of known length": (b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{}", b" "),
    "chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", b"1\r\n \r\n"),
    "a header": (b"HTTP/1.1 200 OK\r\nX-A: ", b"a"),
    "promises": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a status line": (b"HTTP/1.1 ", b"2"),
}


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_answer_that_never_ends_is_none_after_a_while(
    answer: tuple[bytes, bytes], scheme: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "RESPONSE_TIMEOUT_SECONDS", 0.2)
    session = Session()
    session.verify = str(certificate)

    with serving(drip(*answer), tls(certificate) if scheme == "https" else None) as server:
        outcome = ask(server.url(scheme), session=session)
    assert outcome == NoResponse("ReadTimeoutError")


def test_every_answer_of_a_kept_connection_has_the_whole_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(connections, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def behave(peer: socket.socket) -> None:
        for _ in range(3):
            read_request(peer)
            now[0] += connections.RESPONSE_TIMEOUT_SECONDS * 0.6
            peer.sendall(OK)

    with serving(behave) as server, Session() as session:
        assert all(isinstance(post(session, server.url(), BODY, HEADERS), Answer) for _ in range(3))
        assert server.connections == 1


@pytest.mark.parametrize(
    "beginning",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ids=["a chunk of a negative size", "a size of a chunk"],
)
def test_no_more_is_held_of_an_answer_than_the_cap_whatever_it_claims(
    beginning: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_RESPONSE_BYTES", 1 << 20)

    def behave(peer: socket.socket) -> None:
        read_request(peer)
        peer.sendall(beginning)
        for _ in range(64):
            peer.sendall(b"0" * (1 << 20))

    with serving(behave) as server:
        tracemalloc.start()
        outcome = ask(server.url())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert isinstance(outcome, NoResponse)
    assert without_secrets(outcome)
    assert most < 8 << 20


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    text = made.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(text)
    return path


def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_means_not_sent(certificate: Path) -> None:
    with serving(answering(OK), tls(certificate)) as server:
        outcome = ask(server.url("https"))

    assert outcome == NotSent(Cause.CERTIFICATE_UNKNOWN, "127.0.0.1", server.port)


def plain_text(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"plain text, no TLS here")


def reset_in_handshake(peer: socket.socket) -> None:
    peer.recv(65536)
    reset(peer)


def hang_up_in_handshake(peer: socket.socket) -> None:
    peer.recv(65536)


@pytest.mark.parametrize(
    ("behave", "cause"),
    [(plain_text, Cause.NO_TLS), (reset_in_handshake, Cause.RESET), (hang_up_in_handshake, Cause.RESET)],
)
def test_a_handshake_that_fails_means_not_sent(behave: Behaviour, cause: Cause) -> None:
    with serving(behave) as server:
        assert ask(server.url("https")) == NotSent(cause, "127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.ENETUNREACH, Cause.UNREACHABLE),
        (errno.EHOSTUNREACH, Cause.UNREACHABLE),
        (errno.EPERM, Cause.BLOCKED),
        (errno.EAFNOSUPPORT, Cause.BLOCKED),
        (errno.EMFILE, Cause.OTHER),
    ],
)
def test_a_connection_that_the_system_refuses_means_not_sent(
    number: int, cause: Cause, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "secret")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert ask("https://127.0.0.1:8443/?secret=1") == NotSent(cause, "127.0.0.1", 8443)


def test_a_handshake_that_never_ends_means_not_sent() -> None:
    def silent(peer: socket.socket) -> None:
        while peer.recv(65536):
            pass

    with serving(silent) as server:
        assert isinstance(ask(server.url("https"), timeout=(0.05, 0.05)), NotSent)


@pytest.mark.parametrize("behave", [reset_after_reading, hang_up_after_reading])
def test_tls_that_breaks_after_the_handshake_means_that_bytes_may_have_left(
    behave: Behaviour, certificate: Path
) -> None:
    session = Session()
    session.verify = str(certificate)

    with serving(behave, tls(certificate)) as server:
        outcome = ask(server.url("https"), session=session)

    assert isinstance(outcome, NoResponse)


def test_a_vouched_for_server_is_heard(certificate: Path) -> None:
    session = Session()
    session.verify = str(certificate)

    with serving(answering(OK), tls(certificate)) as server:
        assert isinstance(ask(server.url("https"), session=session), Answer)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (requests.ConnectTimeout("https://x/?secret"), NoResponse("ConnectTimeout")),
        (requests.ReadTimeout("https://x/?secret"), NoResponse("ReadTimeout")),
        (requests.ConnectionError("https://x/?secret"), NoResponse("ConnectionError")),
        (requests.RequestException(), NoResponse("RequestException")),
    ],
)
def test_an_error_that_does_not_say_when_it_happened_means_that_bytes_may_have_left(
    error: Exception, outcome: NotSent | NoResponse
) -> None:
    with responses.RequestsMock() as mock:
        mock.post("http://127.0.0.1/", body=error)

        assert ask("http://127.0.0.1/") == outcome


def test_every_thread_has_a_session_of_its_own() -> None:
    mine = http.ThreadLocalSession()
    theirs: list[Session] = []
    thread = threading.Thread(target=lambda: theirs.append(mine.session))
    thread.start()
    thread.join()

    assert mine.session is mine.session
    assert theirs[0] is not mine.session


DATE = "Sun, 22 Nov 2026 05:15:00 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": " 0 "}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 05:16:30 GMT", "Date": DATE}, 90.0),
        ({"Retry-After": "Sun, 22 Nov 2026 05:00:00 GMT", "Date": DATE}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 05:16:30 -0000", "Date": DATE}, 90.0),
        ({"Retry-After": "Sun, 22 Nov 20260000000000000 05:16:30 GMT"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "²"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert Answer(429, headers, b"").retry_after == seconds


def test_without_a_date_header_retry_after_is_measured_from_now() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)

    wait = Answer(429, {"Retry-After": later}, b"").retry_after

    assert wait is not None
    assert 1800 < wait <= 3600
