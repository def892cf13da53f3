import responses
from responses.matchers import header_matcher

from conversions.on_call import heartbeat
from conversions.transport.http import USER_AGENT

URL = "https://hc.example/ping/5f3c-secret"


@responses.activate
def test_a_run_tells_its_start_and_its_exit_code() -> None:
    responses.post(f"{URL}/start", match=[header_matcher({"User-Agent": USER_AGENT})])
    responses.post(f"{URL}/75")

    assert heartbeat.start(URL) is None
    assert heartbeat.finish(f"{URL}/", 75) is None
    assert [call.request.body for call in responses.calls] == [None, None]


@responses.activate
def test_what_cannot_be_told_is_a_sentence_without_the_address() -> None:
    responses.post(f"{URL}/0", status=404)

    said = heartbeat.finish(URL, 0)

    assert said is not None
    assert "404" in said
    assert "secret" not in said


@responses.activate
def test_nobody_there_is_a_sentence_too() -> None:
    said = heartbeat.finish(URL, 0)

    assert said is not None
    assert "hc.example" not in said
