"""A company's network: a whole run through a proxy that opens TLS with a private authority, and without a way out."""

import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.breaks import TO_THE_PLATFORMS
from tests.e2e.said import CONFIG, KEY, TOKEN, TRY_AGAIN
from tests.e2e.shop import NAMES, Shop
from tests.transport.proxy import Authority, Proxy, Seen, serving

PASSWORD = "the-proxys-password"
APP_SECRET = "0123456789abcdef0123456789abcdef"
HOSTS = {"datamanager.googleapis.com:443", "graph.facebook.com:443", "oauth2.googleapis.com:443"}


def oauth(_: Seen) -> tuple[int, bytes]:
    return 200, json.dumps({"access_token": "ya29.secret-token", "expires_in": 3600}).encode()


@pytest.fixture
def proxy(shop: Shop, tmp_path: Path) -> Iterator[Proxy]:
    """It leads the platforms' real names to the sandbox, and wants a login."""
    far = dict.fromkeys(("datamanager.googleapis.com", "graph.facebook.com"), shop.sandbox.url)
    home = tmp_path / "proxy"
    home.mkdir()
    with serving(Proxy(Authority(home), far | {"oauth2.googleapis.com": oauth}, f"night:{PASSWORD}")) as proxy:
        yield proxy
        for content in (*shop.store_bytes().values(), *(f"{said.out}{said.err}".encode() for said in shop.said)):
            for secret in (PASSWORD, APP_SECRET, "ya29.secret-token"):
                assert secret.encode() not in content


@pytest.fixture
def behind(shop: Shop, proxy: Proxy, tmp_path: Path) -> Shop:
    """A shop with real endpoints, whose settings name the proxy, but not yet its authority."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"type": "service_account", "client_email": "job@shop.iam.gserviceaccount.com"}
    path = tmp_path / "key.json"
    path.write_text(
        json.dumps(account | {"private_key": key.decode(), "token_uri": "https://oauth2.googleapis.com/token"})
    )
    path.chmod(0o600)
    login = {"CONVERSIONS_PROXY_USER": "night", "CONVERSIONS_PROXY_PASSWORD": PASSWORD}
    shop.environment = {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}
    shop.secrets(CONVERSIONS_KEY=KEY, CONVERSIONS_META__ACCESS_TOKEN=TOKEN, **login)
    shop.configure(proxy=proxy.url, **TO_THE_PLATFORMS)
    shop.orders(*(shop.order(str(number)) for number in range(1, 9)))
    return shop


def test_without_the_authority_nothing_leaves_and_with_it_everything_arrives_once(behind: Shop, proxy: Proxy) -> None:
    refused = behind.run()

    assert refused.code == TRY_AGAIN, refused
    assert [refused.counts(name) for name in NAMES] == [{"pending": 8}, {"pending": 8}]
    assert behind.requests() == 0
    assert proxy.seen == [], "not one byte inside a tunnel"
    for name, host in (("Google", "oauth2.googleapis.com"), ("Meta", "graph.facebook.com")):
        side = refused.at(name.lower())
        assert side["exit_code"] == TRY_AGAIN
        told = " ".join(refused.json["needs_a_person"]) + str(side)
        assert f"This machine cannot reach {name} (the certificate of {host} is signed by an authority" in told
        assert "`ca_file`" in told
        assert "conversions policy approve" in told

    behind.configure(proxy=proxy.url, ca_file=str(proxy.authority.file), **TO_THE_PLATFORMS)
    unapproved = behind.run()
    assert unapproved.code == CONFIG, unapproved
    assert "ca_file: not set → " in unapproved.out + unapproved.err
    assert proxy.seen == []
    approve = ("policy", "approve", "--by", "Ida", "--reason", "the company's proxy opens TLS")
    assert behind.command(*approve).code == 0
    said = behind.run()

    assert said.code == 0, said
    assert [said.counts(name) for name in NAMES] == [{"sent": 8}, {"sent": 8}]
    assert {behind.received(name)["distinct"] for name in NAMES} == {8}
    assert set(proxy.asked) == HOSTS
    digest = hashlib.sha256(proxy.authority.file.read_bytes()).hexdigest()
    whole = {"proxy": proxy.url, "ca_file": f"sha256:{digest}"}
    exported = behind.exported()
    arrived = [line["route"] for line in exported if line["outcome"] == "received"]
    assert arrived == [whole, whole]
    assert {line["route"]["proxy"] for line in exported if line["outcome"] == "not_sent"} == {proxy.url}
    assert all("ca_file" not in line["route"] for line in exported if line["outcome"] == "not_sent")
    number = next(line["request_id"] for line in exported if line["outcome"] == "received")
    assert proxy.url in behind.command("audit", "show", number).err
    assert behind.command("audit", "verify").code == 0


def test_a_route_that_was_altered_in_the_store_is_found(behind: Shop, proxy: Proxy) -> None:
    behind.configure(proxy=proxy.url, ca_file=str(proxy.authority.file), **TO_THE_PLATFORMS)
    assert behind.run().code == 0
    assert behind.command("audit", "verify").code == 0
    behind.sql("UPDATE request SET route = NULL WHERE id = 1")
    verified = behind.command("audit", "verify")
    assert verified.code != 0
    assert "route" in verified.out + verified.err


def test_another_authority_in_the_same_file_waits_for_a_person(behind: Shop, proxy: Proxy, tmp_path: Path) -> None:
    behind.configure(proxy=proxy.url, ca_file=str(proxy.authority.file), **TO_THE_PLATFORMS)
    assert behind.run().code == 0
    digests = [f"sha256:{hashlib.sha256(proxy.authority.file.read_bytes()).hexdigest()}"]
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    proxy.authority.file.write_bytes(other.file.read_bytes())
    digests.append(f"sha256:{hashlib.sha256(other.file.read_bytes()).hexdigest()}")
    said = behind.run()
    assert said.code == CONFIG, said
    assert " → ".join(f'"{digest}"' for digest in digests) in said.out + said.err


@pytest.mark.parametrize(
    ("login", "words"),
    [({}, "asks for a user and a password"), ({"CONVERSIONS_PROXY_USER": "night"}, "CONVERSIONS_PROXY_PASSWORD")],
)
def test_a_proxy_without_a_login_is_the_network_s_fault(behind: Shop, login: dict[str, str], words: str) -> None:
    for name in ("CONVERSIONS_PROXY_USER", "CONVERSIONS_PROXY_PASSWORD"):
        behind.secrets(CONVERSIONS_KEY=KEY, CONVERSIONS_META__ACCESS_TOKEN=TOKEN, **login)
        behind.environment |= {name: login.get(name, "")}
    said = behind.run("--destination", "meta")
    assert said.code == TRY_AGAIN, said
    assert words in said.out
    assert behind.requests() == 0


def test_the_proof_of_the_app_secret_arrives_and_is_not_logged(behind: Shop, proxy: Proxy) -> None:
    behind.environment |= {"CONVERSIONS_META__APP_SECRET": APP_SECRET}
    behind.configure(proxy=proxy.url, ca_file=str(proxy.authority.file), **TO_THE_PLATFORMS)
    assert behind.run("--destination", "meta").code == 0
    proof = hmac.new(APP_SECRET.encode(), TOKEN.encode(), "sha256").hexdigest()
    [sent] = [seen for seen in proxy.seen if seen.method == "POST" and seen.host == "graph.facebook.com"]
    assert dict(parse_qsl(urlsplit(sent.path).query)) == {"appsecret_proof": proof}
    assert all(proof.encode() not in content for content in behind.store_bytes().values())
    assert all(proof not in said.out + said.err for said in behind.said)


def test_a_network_without_dns_is_this_machine_s_fault_and_a_broken_platform_is_not(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.orders(shop.order())
    shop.sandbox.use_faults(["503:meta"])
    down = shop.run("--destination", "meta")
    assert down.code == TRY_AGAIN
    assert "cannot reach" not in down.out

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    said = shop.run("--destination", "meta")
    assert said.code == TRY_AGAIN
    assert "This machine cannot reach Meta (no DNS answer for 127.0.0.1)" in said.out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"proxy": "http://user:hunter2@proxy.example:3128"}, "CONVERSIONS_PROXY_USER"),
        ({"proxy": "http://proxy.example"}, "http://proxy.example:3128"),
        ({"proxy": "socks5://proxy.example:1080"}, "http://proxy.example:3128"),
        ({"no_proxy": ["*"]}, "hc-ping.example"),
        ({"no_proxy": ["https://hc-ping.example"]}, "hc-ping.example"),
        ({"proxy_password": "hunter2"}, ".env"),
        ({"ca_file": "missing.pem"}, "missing.pem cannot be read"),
    ],
)
def test_settings_of_the_network_that_make_no_sense_are_exit_78(
    shop: Shop, changes: dict[str, object], words: str
) -> None:
    shop.orders(shop.order())
    shop.configure(**changes)
    said = shop.run()
    assert said.code == CONFIG, said
    assert words in said.err
    assert "hunter2" not in said.err
    shop.assert_untouched()
