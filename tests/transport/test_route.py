"""The way through a company's network: a real proxy that opens TLS, with a private authority."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from conversions.transport import unreachable
from conversions.transport.http import Answer, NoResponse, Session, get, post
from conversions.transport.not_sent import Cause, NotSent
from conversions.transport.route import DIRECT, Route
from tests.transport.proxy import DAY, Authority, Proxy, Seen, serving
from tests.transport.test_http import BODY, answering, reset, reset_in_handshake
from tests.transport.test_http import serving as serving_sockets

HOST = "datamanager.googleapis.com"
URL = f"https://{HOST}/v1/events:ingest"
LOGIN = "night-job:secret æøå"


def ok(_: Seen) -> tuple[int, bytes]:
    return 200, b"{}"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def proxy(authority: Authority) -> Iterator[Proxy]:
    with serving(Proxy(authority, {HOST: ok, "": ok}, LOGIN)) as proxy:
        yield proxy


def route(through: Proxy, **changed: Any) -> Route:
    of_proxy = {"proxy": through.url, "login": LOGIN, "authorities": through.authority.file.read_bytes()}
    return Route(**of_proxy | changed)


def ask(way: Route, url: str = URL, body: bytes = BODY) -> Any:
    with Session(way) as session:
        outcome = post(session, url, body, {"Authorization": "Bearer secret-token"}, (5, 5))
    assert "secret" not in repr(outcome)
    return outcome


def test_through_a_proxy_that_opens_tls_the_server_hears_everything_and_the_login_stays_at_the_proxy(
    proxy: Proxy,
) -> None:
    assert isinstance(ask(route(proxy)), Answer)

    assert proxy.asked == [f"{HOST}:443"], "one tunnel; the name is resolved by the proxy"
    [seen] = proxy.seen
    assert (seen.path, seen.body) == ("/v1/events:ingest", BODY)
    assert seen.headers["Authorization"] == "Bearer secret-token"
    assert "Proxy-Authorization" not in seen.headers


def test_an_authority_that_nobody_set_means_not_sent_and_the_sentence_names_the_setting(proxy: Proxy) -> None:
    outcome = ask(route(proxy, authorities=b""))

    assert outcome == NotSent(Cause.CERTIFICATE_UNKNOWN, HOST, 443)
    assert proxy.seen == []
    said = unreachable.sentence("Google", outcome)
    assert said.startswith(f"This machine cannot reach Google (the certificate of {HOST}")
    assert "`ca_file`" in said


@pytest.mark.parametrize(
    ("changed", "cause"),
    [({"login": None}, Cause.PROXY_WANTS_LOGIN), ({"login": "night-job:wrong"}, Cause.PROXY_WANTS_LOGIN)],
)
def test_a_login_that_the_proxy_misses_means_not_sent(proxy: Proxy, changed: dict[str, Any], cause: Cause) -> None:
    assert ask(route(proxy, **changed)) == NotSent(cause, HOST, 443)
    assert proxy.asked == [f"{HOST}:443"], "asked once"


@pytest.mark.parametrize(("status", "cause"), [(403, Cause.PROXY_REFUSED), (502, Cause.PROXY_FAILED)])
def test_a_refused_tunnel_means_not_sent(proxy: Proxy, status: int, cause: Cause) -> None:
    proxy.refusal = status
    assert ask(route(proxy), "https://graph.facebook.com/") == NotSent(cause, "graph.facebook.com", 443)


@pytest.mark.parametrize("answer", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 1000])
def test_a_proxy_that_is_none_means_not_sent(authority: Authority, answer: bytes) -> None:
    def babble(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.sendall(answer)

    with serving_sockets(babble) as server:
        outcome = ask(Route(proxy=f"http://127.0.0.1:{server.port}"))
    assert isinstance(outcome, NotSent)


def test_a_proxy_that_nobody_serves_is_named(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert ask(Route(proxy=f"http://127.0.0.1:{port}")) == NotSent(Cause.PROXY_UNREACHABLE, "127.0.0.1", port)


def test_a_reset_in_the_handshake_means_not_sent_and_a_reset_after_it_that_bytes_may_have_left(proxy: Proxy) -> None:
    proxy.behave = reset_in_handshake
    assert ask(route(proxy)) == NotSent(Cause.RESET, HOST, 443)

    def reset_after_the_handshake(peer: socket.socket) -> None:
        tls = proxy.authority.context(HOST).wrap_socket(peer, server_side=True)
        tls.recv(1)
        reset(tls)

    proxy.behave = reset_after_the_handshake
    assert isinstance(ask(route(proxy)), NoResponse)


@pytest.mark.parametrize(
    ("host", "valid", "cause"),
    [
        ("127.0.0.1", (-2 * DAY, -DAY), Cause.CERTIFICATE_EXPIRED),
        ("127.0.0.1", (DAY, 2 * DAY), Cause.CERTIFICATE_NOT_YET_VALID),
        ("shop.example", (-DAY, DAY), Cause.CERTIFICATE_OF_ANOTHER),
        ("127.0.0.2", (-DAY, DAY), Cause.CERTIFICATE_OF_ANOTHER),
    ],
)
def test_a_certificate_says_what_is_wrong_with_it(
    authority: Authority, host: str, valid: tuple[timedelta, timedelta], cause: Cause
) -> None:
    with serving_sockets(answering(b""), authority.context(host, valid)) as server:
        trusting = Route(authorities=authority.file.read_bytes())
        assert ask(trusting, server.url("https")) == NotSent(cause, "127.0.0.1", server.port)


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_a_proxy_may_itself_speak_tls(proxy: Proxy) -> None:
    def relay(peer: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", proxy.server_port)) as inner:
            back = threading.Thread(target=pump, args=(inner, peer))
            back.start()
            pump(peer, inner)
            back.join()

    with serving_sockets(relay, proxy.authority.context("127.0.0.1")) as server:
        secure = f"https://127.0.0.1:{server.port}"
        unknown = ask(route(proxy, proxy=secure, authorities=b""))
        assert unknown == NotSent(Cause.CERTIFICATE_UNKNOWN, "127.0.0.1", server.port)
        assert isinstance(ask(route(proxy, proxy=secure)), Answer)
        assert proxy.asked == [f"{HOST}:443"]


def test_an_http_address_goes_through_the_proxy_too(proxy: Proxy) -> None:
    with Session(route(proxy)) as session:
        assert isinstance(get(session, "http://hc-ping.example/1", {}, (5, 5)), Answer)
    assert [seen.path for seen in proxy.seen] == ["http://hc-ping.example/1"]


def test_the_usual_authorities_stay_beside_ca_file(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    home = authority.file.parent / "other"
    home.mkdir()
    other = Authority(home)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(authority.file))
    monkeypatch.setattr("conversions.transport.connections.DEFAULT_CA_BUNDLE_PATH", str(authority.file))
    for signer in (authority, other):
        with serving_sockets(answering(b"HTTP/1.1 200 OK\r\n\r\n"), signer.context("127.0.0.1")) as server:
            assert isinstance(ask(Route(authorities=other.file.read_bytes()), server.url("https")), Answer)


@pytest.mark.parametrize(
    ("url", "direct"),
    [
        ("http://localhost:8085/", True),
        ("http://127.9.8.7/", True),
        ("http://[::1]:1/", True),
        ("http://169.254.169.254/computeMetadata", True),
        ("http://metadata.google.internal/", True),
        ("https://hc-ping.example/x", True),
        ("https://eu.HC-PING.example/x", True),
        ("https://not-hc-ping.example/x", False),
        ("https://localhost.example/", False),
        (URL, False),
    ],
)
def test_this_machine_and_the_exceptions_are_reached_directly(url: str, direct: bool) -> None:
    assert (Route(proxy="http://proxy.example:3128", no_proxy=("hc-ping.example",)).proxies(url) == {}) is direct


def test_the_environment_decides_nothing(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, str(proxy.authority.file))
    monkeypatch.setenv("NO_PROXY", "*")

    assert isinstance(ask(route(proxy)), Answer)
    assert ask(route(proxy, authorities=b"")).cause is Cause.CERTIFICATE_UNKNOWN
    with serving_sockets(answering(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        assert isinstance(ask(DIRECT, server.url()), Answer)


def test_the_route_is_stored_without_a_login_and_a_changed_authority_changes_it(proxy: Proxy) -> None:
    whole = route(proxy)
    stored = whole.text(URL) or ""
    assert stored == f'{{"proxy": "{proxy.url}", "ca_file": "{whole.public["ca_file"]}"}}'
    assert "secret" not in stored + repr(whole) + str(whole.public)
    assert whole.public != route(proxy, authorities=whole.authorities + b"\n").public
    assert (DIRECT.text(URL), whole.text("http://127.0.0.1:8085/v1")) == (None, None)
    assert route(proxy, proxy=None).text(URL) == f'{{"ca_file": "{whole.public["ca_file"]}"}}'


def test_every_cause_has_words_and_advice() -> None:
    for cause in Cause:
        said = unreachable.sentence("Google", NotSent(cause, HOST, 443))
        assert "{" not in said
        assert said.endswith(".")
        assert not said.startswith(f"This machine cannot reach Google ({cause})"), cause
        assert cause is Cause.NO_TOKEN or said.count(". ") >= 1, cause
