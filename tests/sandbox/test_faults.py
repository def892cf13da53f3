"""The grammar of faults, and what each does to a client."""

import time
from collections.abc import Callable

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from conversions.errors import Usage
from conversions.sandbox.faults import DrawnFaults, Fault, FaultPlan, Kind, parse
from tests.sandbox.conftest import GOOGLE, META, Client, eventually, ingest, purchase, transaction
from tests.sandbox.test_google import violations
from tests.sandbox.test_meta import refusal

Running = Callable[..., Client]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("503", Fault(Kind.UNAVAILABLE)),
        ("429=30", Fault(Kind.THROTTLED, value="30")),
        ("429:google@0.1x3=30", Fault(Kind.THROTTLED, ("google",), 0.1, 3, "30")),
        ("lost:metax2", Fault(Kind.LOST, ("meta",), count=2)),
        ("expired-tokenx1", Fault(Kind.EXPIRED_TOKEN, count=1)),
        ("slow@.5=0.25", Fault(Kind.SLOW, probability=0.5, value="0.25")),
        ("poison=a:b@0.5x3=c", Fault(Kind.POISON, value="a:b@0.5x3=c")),
    ],
)
def test_a_fault_is_kind_platform_probability_count_value(text: str, fault: Fault) -> None:
    assert parse(text) == fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "KIND[:google|:meta]"),
        ("504", "KIND is one of 429, 503"),
        ("503:bing", "KIND[:google|:meta]"),
        ("503x0", "a count is at least 1"),
        ("503@0", "a probability is above 0"),
        ("503@1.5", "a probability is above 0"),
        ("503=3", "503 takes no value"),
        ("429=soon", "whole seconds"),
        ("slow", "seconds, such as slow=2.5"),
        ("poison", "such as poison=SKU-7"),
        ("poisonx2=SKU-7", "neither probability nor count"),
        ("wrong-count", "write wrong-count:meta"),
        ("quality:meta=token", "such as quality:meta=190"),
    ],
)
def test_what_is_no_fault_is_explained(text: str, said: str) -> None:
    with pytest.raises(Usage, match=r"^fault ") as raised:
        parse(text)
    assert said in str(raised.value)


@given(
    kind=st.sampled_from([Kind.UNAVAILABLE, Kind.LOST, Kind.HTML]),
    platforms=st.sampled_from([("google", "meta"), ("google",), ("meta",)]),
    percent=st.integers(1, 99),
    count=st.none() | st.integers(1, 999),
)
def test_every_fault_can_be_written(kind: Kind, platforms: tuple[str, ...], percent: int, count: int | None) -> None:
    to = f":{platforms[0]}" if len(platforms) == 1 else ""
    text = f"{kind}{to}@{percent / 100}{f'x{count}' if count else ''}"
    assert parse(text) == Fault(kind, platforms, percent / 100, count)


def struck(seed: int, *faults: str, requests: int = 200, platform: str = "google") -> list[DrawnFaults]:
    plan = FaultPlan(map(parse, faults), seed)
    return [plan.draw(platform) for _ in range(requests)]


def test_a_seed_repeats_its_faults_and_another_does_not() -> None:
    assert struck(1, "503@0.5") == struck(1, "503@0.5") != struck(2, "503@0.5")


def test_a_platforms_faults_do_not_depend_on_the_others_requests() -> None:
    plan = FaultPlan([parse("503@0.5")], 1)
    mixed = [(plan.draw("meta"), plan.draw("google")) for _ in range(200)]
    assert [google for _, google in mixed] == struck(1, "503@0.5")


def test_the_platforms_are_struck_at_different_requests() -> None:
    assert struck(1, "503@0.5") != struck(1, "503@0.5", platform="meta")


def test_a_sandbox_draws_by_its_seed(running: Running) -> None:
    def statuses(seed: int) -> list[int]:
        client = running("503@0.5", seed=seed)
        return [client.google(transaction()).status_code for _ in range(40)]

    assert statuses(1) == statuses(1) != statuses(2)


def test_a_probability_strikes_about_so_often() -> None:
    assert 40 < sum(s.fault is not None for s in struck(0, "503@0.3")) < 80


def test_a_count_is_per_platform() -> None:
    plan = FaultPlan([parse("503x2")], 0)
    hits = [(name, plan.draw(name).fault is not None) for name in ("google", "meta") * 3]
    assert hits == [("google", True), ("meta", True)] * 2 + [("google", False), ("meta", False)]


def test_the_first_fault_that_is_due_strikes_alone_and_slow_comes_on_top() -> None:
    [first, second, third] = struck(0, "slow=2", "503x1", "lostx1", requests=3)
    assert [s.fault and s.fault.kind for s in (first, second, third)] == [Kind.UNAVAILABLE, Kind.LOST, None]
    assert {s.delay for s in (first, second, third)} == {2.0}


def test_a_fault_of_one_platform_leaves_the_other_alone(running: Running) -> None:
    client = running("503:meta")
    assert client.meta(purchase()).status_code == 503
    assert client.google(transaction()).status_code == 200


def test_429_names_the_minutes_quota_and_how_long_to_wait(running: Running) -> None:
    client = running("429x1=30")
    google, meta = client.google(transaction()), client.meta(purchase())
    assert google.headers["Retry-After"] == meta.headers["Retry-After"] == "30"
    assert (google.status_code, google.json()["error"]["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert google.json()["error"]["details"][0]["metadata"]["quota_limit"].endswith("PerMinutePerProject")
    assert refusal(meta, 429) == (4, None)
    assert meta.json()["error"]["is_transient"] is True
    assert client.google(transaction()).status_code == client.meta(purchase()).status_code == 200


def test_429_without_a_value_asks_for_a_second(running: Running) -> None:
    assert running("429").google(transaction()).headers["Retry-After"] == "1"


def test_quota_per_day_names_the_days_quota(running: Running) -> None:
    client = running("quota-per-day")
    google, meta = client.google(transaction()), client.meta(purchase())
    assert google.status_code == 429
    assert google.json()["error"]["details"][0]["metadata"]["quota_limit"].endswith("PerDayPerProject")
    assert refusal(meta) == (80004, 2446079)
    assert '"estimated_time_to_regain_access":720' in meta.headers["X-Business-Use-Case-Usage"]


def test_503_is_an_answer_and_takes_nothing(running: Running) -> None:
    client = running("503")
    assert client.google(transaction()).json()["error"]["status"] == "UNAVAILABLE"
    assert refusal(client.meta(purchase()), 503) == (2, None)
    report = client.received("google")
    assert (report["requests"], report["accepted_requests"], report["refused"]) == (1, 0, {"UNAVAILABLE": 1})
    assert report["faults"] == {"503": 1}


def test_html_is_a_502_that_is_not_json(running: Running) -> None:
    client = running("html")
    for answer in (client.google(transaction()), client.meta(purchase())):
        assert (answer.status_code, answer.headers["Content-Type"]) == (502, "text/html; charset=UTF-8")
        assert answer.text.startswith("<html>")


def test_an_expired_token_is_401_and_190(running: Running) -> None:
    client = running("expired-token")
    google = client.post(GOOGLE, ingest(transaction()), Authorization="Bearer t")
    assert (google.status_code, google.json()["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert google.json()["error"]["details"][0]["reason"] == "ACCESS_TOKEN_EXPIRED"
    assert refusal(client.meta(purchase()), 401) == (190, 463)


def test_require_token_refuses_who_brings_none(running: Running) -> None:
    client = running("require-token")
    assert client.google(transaction()).status_code == 401
    assert refusal(client.meta(purchase()), 401) == (190, None)
    assert client.post(GOOGLE, ingest(transaction()), Authorization="Bearer t").status_code == 200
    assert client.post(META, {"data": [purchase()]}, Authorization="Bearer t").status_code == 200


def test_a_lost_answer_leaves_the_events_with_the_platform(running: Running) -> None:
    client = running("lostx1")
    for send, event, platform in ((client.google, transaction(), "google"), (client.meta, purchase(), "meta")):
        with pytest.raises(requests.ConnectionError):
            send(event)
        assert client.received(platform)["distinct"] == 1
        assert send(event).status_code == 200
        report = client.received(platform)
        assert (report["accepted_requests"], report["distinct"], report["duplicates"]) == (2, 1, 1)
        assert report["faults"] == {"lost": 1}


def test_a_dropped_request_never_reaches_the_platform(running: Running) -> None:
    client = running("droppedx1")
    with pytest.raises(requests.ConnectionError):
        client.meta(purchase())
    report = client.received("meta")
    assert (report["requests"], report["accepted_requests"], report["events"], report["refused"]) == (1, 0, 0, {})


def test_without_request_id_the_200_lacks_what_a_client_must_find(running: Running) -> None:
    client = running("no-request-id")
    google, meta = client.google(transaction()), client.meta(purchase())
    assert (google.status_code, google.json()) == (200, {})
    assert (meta.status_code, set(meta.json())) == (200, {"messages", "fbtrace_id"})
    assert client.received("google")["distinct"] == client.received("meta")["distinct"] == 1


def test_a_wrong_count_is_one_short(running: Running) -> None:
    assert running("wrong-count:meta").meta(purchase("order-1"), purchase("order-2")).json()["events_received"] == 1


def test_a_slow_answer_comes_late_and_the_events_are_there_before_it(running: Running) -> None:
    client = running("slow:meta=600")
    with pytest.raises(requests.ReadTimeout):
        client.session.post(client.sandbox.url + META, json={"data": [purchase()]}, timeout=0.05)
    eventually(lambda: client.received("meta")["distinct"])
    assert client.received("meta")["faults"] == {"slow": 1}


def test_a_slow_answer_does_come(running: Running) -> None:
    client = running("slow=0.05")
    before = time.monotonic()
    assert client.google(transaction()).status_code == 200
    assert time.monotonic() - before >= 0.05


def test_a_poisoned_id_is_refused_by_both_and_only_google_says_which(running: Running) -> None:
    client = running("poison=order-2")
    assert violations(client.google(transaction("order-1"), transaction("order-2"))) == [
        ("events.events[1]", "INVALID_EVENT")
    ]
    assert refusal(client.meta(purchase("order-1"), purchase("order-2"))) == (100, 2804019)
    assert client.google(transaction("order-1"), transaction("order-22")).status_code == 200
    assert client.meta(purchase("order-1"), purchase("order-22")).status_code == 200


def test_a_poisoned_product_is_refused_wherever_its_id_contains_the_text(running: Running) -> None:
    client = running("poison=KU-7")
    for item in ({"merchantProductId": "SKU-77"}, {"itemId": "SKU-7"}):
        assert violations(client.google(transaction(cartData={"items": [item]})))
    for custom in ({"content_ids": ["SKU-1", "SKU-7"]}, {"contents": [{"id": "SKU-7"}]}):
        assert refusal(client.meta(purchase(custom=custom))) == (100, 2804019)
    assert client.meta(purchase(custom={"content_ids": ["SKU-8"]})).status_code == 200


def test_a_poison_may_be_for_one_platform(running: Running) -> None:
    client = running("poison:google=order-1")
    assert client.google(transaction("order-1")).status_code == 400
    assert client.meta(purchase("order-1")).status_code == 200


def test_faults_can_be_replaced_while_running(running: Running) -> None:
    client = running("503")
    assert client.post("/_sandbox/faults", ["html:google"]).json() == {"faults": ["html:google"]}
    assert client.google(transaction()).status_code == 502
    assert client.meta(purchase()).status_code == 200
    assert client.post("/_sandbox/faults", []).status_code == 200
    assert client.google(transaction()).status_code == 200


@pytest.mark.parametrize("body", [b"503", b'["504"]', b"{", b'"503x0"', b"[null]"])
def test_a_bad_replacement_changes_nothing(running: Running, body: bytes) -> None:
    client = running("503")
    answer = client.post("/_sandbox/faults", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert client.google(transaction()).status_code == 503
