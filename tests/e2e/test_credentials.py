"""Credentials missing, malformed or refused; no network; one platform in trouble and the other not."""

import socket
from datetime import date
from pathlib import Path

import pytest

from conversions.destinations.google import credentials
from tests.e2e.breaks import TO_THE_PLATFORMS
from tests.e2e.said import CREDENTIALS, KEY, TRY_AGAIN
from tests.e2e.shop import NAMES, Shop


@pytest.fixture
def no_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[object]:
    """Every address that anybody tries to reach."""
    tried: list[object] = []

    def refuse(_: socket.socket, address: object) -> None:
        tried.append(address)
        raise OSError(101, "Network is unreachable")

    def unknown(host: object, *_: object, **__: object) -> None:
        tried.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    monkeypatch.setattr(credentials, "PRODUCT_NAME", tmp_path / "not on Google Cloud")
    return tried


@pytest.mark.parametrize("token", [None, "", "two words", '"quoted'])
def test_without_credentials_at_real_endpoints_nothing_is_tried(
    shop: Shop, no_way_out: list[object], monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    """Except that they are asked the time, which takes none."""
    monkeypatch.setattr("conversions.transport.http.server_date", lambda *_: None)
    shop.secrets(**{"CONVERSIONS_KEY": KEY} | ({} if token is None else {"CONVERSIONS_META__ACCESS_TOKEN": token}))
    shop.configure(**TO_THE_PLATFORMS)
    shop.orders(shop.order())
    said = shop.run()
    assert said.code == CREDENTIALS, said
    assert "CONVERSIONS_META__ACCESS_TOKEN" in said.out + said.err
    assert "GOOGLE_APPLICATION_CREDENTIALS" in said.out + said.err
    assert no_way_out == []


def test_without_a_network_nothing_is_lost(shop: Shop, no_way_out: list[object]) -> None:
    shop.configure(destinations={name: {"endpoint": None, "requests_per_minute": 60_000} for name in NAMES})
    shop.orders(shop.order())
    said = shop.run("--destination", "meta")
    assert (said.code, said.counts("meta")) == (TRY_AGAIN, {"pending": 1})
    assert set(map(str, no_way_out)) == {"graph.facebook.com"}


@pytest.mark.parametrize("fault", ["expired-token", "require-token"])
def test_refused_credentials_stop_at_the_first_request(shop: Shop, fault: str) -> None:
    shop.secrets(CONVERSIONS_KEY=KEY)
    shop.sandbox.use_faults([fault])
    shop.orders(*(shop.order(str(number)) for number in range(1, 50)))
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (CREDENTIALS, {"pending": 49}, {"pending": 49})
    assert [shop.received(name)["requests"] for name in NAMES] == [1, 1]


def test_one_platforms_refusal_does_not_stop_the_other(shop: Shop) -> None:
    shop.sandbox.use_faults(["expired-token:google"])
    shop.orders(shop.order())
    said = shop.run()
    assert (said.code, said.counts("google"), said.counts("meta")) == (CREDENTIALS, {"pending": 1}, {"sent": 1})
    assert (said.at("google")["exit_code"], said.at("meta")["exit_code"]) == (CREDENTIALS, 0)


@pytest.mark.parametrize("quiet", [True, False], ids=["nothing to send yet", "something to send"])
def test_a_missing_credential_is_told_on_the_first_night_and_by_a_plan_beside_the_data(
    shop: Shop, no_way_out: list[object], monkeypatch: pytest.MonkeyPatch, quiet: bool
) -> None:
    monkeypatch.setattr("conversions.transport.http.server_date", lambda *_: None)
    shop.secrets(CONVERSIONS_KEY=KEY)
    start = {"not_before": date.fromisoformat(shop.day(0))} if quiet else {}
    here = {"endpoint": None, "requests_per_minute": 60_000, **start}
    shop.configure(destinations=dict.fromkeys(NAMES, here))
    shop.orders(shop.order())

    plan, said = shop.plan(), shop.run()

    assert plan.code == 0, plan
    lines = {one["destination"]: one for one in plan.json["findings"]}
    assert [lines[name]["level"] for name in NAMES] == ["note", "note"]
    assert "CONVERSIONS_META__ACCESS_TOKEN" in shop.command("plan").out
    assert said.code == CREDENTIALS, said
    assert [said.at(name)["exit_code"] for name in NAMES] == [CREDENTIALS, CREDENTIALS]
    assert no_way_out == []
