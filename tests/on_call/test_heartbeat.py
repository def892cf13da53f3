import socket

import pytest
import responses
from responses.matchers import header_matcher

from conversions.on_call import heartbeat
from conversions.transport.http import USER_AGENT
from conversions.transport.route import DIRECT

URL = "https://hc.example/ping/5f3c-secret"


@responses.activate
def test_a_run_tells_its_start_and_its_exit_code() -> None:
    responses.post(f"{URL}/start", match=[header_matcher({"User-Agent": USER_AGENT})])
    responses.post(f"{URL}/75")

    assert heartbeat.start(URL, DIRECT) is None
    assert heartbeat.finish(f"{URL}/", DIRECT, 75) is None
    assert [call.request.body for call in responses.calls] == [None, None]


@responses.activate
def test_what_cannot_be_told_is_a_sentence_without_the_address() -> None:
    responses.post(f"{URL}/0", status=404)

    said = heartbeat.finish(URL, DIRECT, 0)

    assert said is not None
    assert "404" in said
    assert "secret" not in said


@responses.activate
def test_nobody_there_is_a_sentence_too() -> None:
    said = heartbeat.finish(URL, DIRECT, 0)

    assert said is not None
    assert "hc.example" not in said


def test_without_a_network_the_sentence_names_the_host_and_not_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    said = heartbeat.finish(URL, DIRECT, 0)

    assert said is not None
    assert "no DNS answer for hc.example" in said
    assert "secret" not in said
