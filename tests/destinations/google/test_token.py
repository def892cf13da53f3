"""Every kind of Google's credentials, through a real proxy that opens TLS: which hosts are asked, and no other."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from conversions.destinations.google import credentials
from conversions.destinations.google.token import Token
from conversions.errors import Unauthorised
from conversions.transport.not_sent import Cause, NotSent
from conversions.transport.route import Route
from tests.transport.proxy import Authority, Proxy, Seen, serving

OAUTH, STS, IAM = "oauth2.googleapis.com", "sts.googleapis.com", "iamcredentials.googleapis.com"
IMPERSONATION = f"https://{IAM}/v1/projects/-/serviceAccounts/conversions@shop.iam.gserviceaccount.com"
POOL = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/shop/providers/idp"
SOURCES = [OAUTH, STS, IAM, "metadata.google.internal", "cloudresourcemanager.googleapis.com"]


def google(seen: Seen) -> tuple[int, bytes]:
    expiry = {"expireTime": "2099-01-01T00:00:00Z", "expires_in": 3600, "token_type": "Bearer"}
    issued = {"issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    token = {"access_token": f"secret of {seen.host}", "accessToken": f"secret of {seen.host}"}
    return 200, json.dumps(token | expiry | issued).encode()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    with serving(Proxy(Authority(tmp_path), dict.fromkeys(SOURCES, google), "user:pass")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def key() -> dict[str, str]:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {"client_email": "conversions@shop.iam.gserviceaccount.com", "project_id": "shop"}
    return {"type": "service_account", "private_key": private.decode(), "token_uri": f"https://{OAUTH}/token"} | account


USER = {
    "type": "authorized_user",
    "client_id": "id",
    "client_secret": "s",
    "refresh_token": "secret",
    "quota_project_id": "shop",
}
WORKFORCE = {
    **USER,
    "type": "external_account_authorized_user",
    "audience": POOL,
    "token_url": f"https://{STS}/v1/oauthtoken",
}


def federation(**changed: Any) -> dict[str, Any]:
    return {
        "type": "external_account",
        "audience": POOL,
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": f"https://{STS}/v1/token",
        "credential_source": {"file": "subject"},
    } | changed


AWS = federation(
    subject_token_type=credentials.AWS_TOKEN,
    credential_source={
        "environment_id": "aws1",
        "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity",
    },
)
KINDS: list[tuple[Callable[[dict[str, str]], dict[str, Any]], list[str]]] = [
    (lambda key: key, [OAUTH]),
    (lambda _: USER, [OAUTH]),
    (lambda _: WORKFORCE, [STS]),
    (lambda _: federation(), [STS]),
    (lambda _: federation(service_account_impersonation_url=f"{IMPERSONATION}:generateAccessToken"), [STS, IAM]),
    (lambda _: AWS, [STS]),
    (
        lambda key: {
            "type": "impersonated_service_account",
            "service_account_impersonation_url": f"{IMPERSONATION}:generateAccessToken",
            "source_credentials": key,
        },
        [OAUTH, IAM],
    ),
]


@pytest.mark.parametrize(("make", "hosts"), KINDS)
def test_a_token_asks_only_the_hosts_that_give_it_and_only_through_the_route(
    make: Callable[[dict[str, str]], dict[str, Any]],
    hosts: list[str],
    key: dict[str, str],
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("subject").write_text("secret-subject-token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "eu-north-1")
    use(make(key), tmp_path, monkeypatch)

    assert Token(route(proxy)).get() == f"secret of {hosts[-1]}"

    assert proxy.asked == [f"{host}:443" for host in hosts]
    assert set(credentials.hosts()) == set(hosts), "doctor names the hosts to open"


def test_a_program_that_gives_the_subject_token_runs_only_where_it_is_allowed(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = {"version": 1, "success": True, "token_type": "urn:ietf:params:oauth:token-type:jwt", "id_token": "t"}
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(subject | {'expiration_time': 9999999999})}\nEND\n")
    program.chmod(0o700)
    source = {"executable": {"command": str(program), "timeout_millis": 5000}}
    use(federation(credential_source=source), tmp_path, monkeypatch)

    with pytest.raises(Unauthorised, match="GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES"):
        Token(route(proxy)).get()
    assert proxy.asked == []

    monkeypatch.setenv("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES", "1")
    assert Token(route(proxy)).get() == f"secret of {STS}"


@pytest.mark.parametrize(("make", "hosts"), KINDS)
def test_without_a_way_to_the_token_server_the_network_is_at_fault_and_its_host_is_named(
    make: Callable[[dict[str, str]], dict[str, Any]],
    hosts: list[str],
    key: dict[str, str],
    proxy: Proxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("subject").write_text("secret-subject-token")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"):
        monkeypatch.setenv(name, "eu-north-1")
    use(make(key), tmp_path, monkeypatch)
    proxy.far = {}

    assert Token(route(proxy)).get() == NotSent(Cause.PROXY_REFUSED, hosts[0], 443)


def use(info: dict[str, Any], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "credentials.json"
    path.write_text(json.dumps(info))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))


def route(proxy: Proxy) -> Route:
    return Route(proxy=proxy.url, login="user:pass", authorities=proxy.authority.file.read_bytes())
