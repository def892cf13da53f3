"""What became of a request, as ``requestStatus:retrieve`` tells."""

from collections.abc import Callable
from datetime import timedelta

import requests

from conversions.sandbox.diagnostics import REASON_PREFIX
from tests.sandbox.conftest import Client, Clock, Json, transaction
from tests.sandbox.test_google import SCHEMAS, misfits, violations

Running = Callable[..., Client]


def status(client: Client, request_id: str) -> requests.Response:
    return client.get(f"/v1/requestStatus:retrieve?requestId={request_id}")


def sent(client: Client, events: int) -> str:
    request_id: str = client.google(*(transaction(f"order-{i}") for i in range(events))).json()["requestId"]
    return request_id


def verdict(client: Client, request_id: str) -> Json:
    body = status(client, request_id).json()
    assert list(misfits(body, SCHEMAS["RetrieveRequestStatusResponse"])) == []
    assert len(body["requestStatusPerDestination"]) == 1
    one: Json = body["requestStatusPerDestination"][0]
    assert one.pop("destination")["productDestinationId"] == "987654321"
    return one


def test_a_request_is_a_success_at_once(client: Client) -> None:
    assert verdict(client, sent(client, 3)) == {
        "requestStatus": "SUCCESS",
        "eventsIngestionStatus": {"recordCount": "3"},
    }


def test_until_processed_nothing_is_known(running: Running, clock: Clock) -> None:
    client = running(processing=timedelta(minutes=30))
    request_id = sent(client, 1)
    clock.forward(minutes=29)
    assert verdict(client, request_id) == {"requestStatus": "PROCESSING"}
    clock.forward(minutes=1)
    assert verdict(client, request_id)["requestStatus"] == "SUCCESS"


def test_a_share_of_the_orders_matched_no_click_and_is_named_by_position(running: Running) -> None:
    client = running(unmatched=0.3, seed=1)
    report = verdict(client, sent(client, 1000))
    assert report["requestStatus"] == "PARTIAL_SUCCESS"
    [count] = report["errorInfo"]["errorCounts"]
    assert count["reason"] == "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"
    assert count["recordCount"] == str(len(count["recordIndices"]))
    assert 250 < len(count["recordIndices"]) < 350
    assert count["recordIndices"] == sorted(set(count["recordIndices"]))


def test_an_order_keeps_its_fate_and_a_seed_its_orders(running: Running) -> None:
    first, again, other = (running(unmatched=0.5, seed=seed) for seed in (1, 1, 2))
    indices = [
        verdict(client, sent(client, 50))["errorInfo"]["errorCounts"][0]["recordIndices"]
        for client in (first, first, again, other)
    ]
    assert indices[0] == indices[1] == indices[2] != indices[3]


def test_a_request_without_any_match_failed(running: Running) -> None:
    client = running(unmatched=1.0)
    assert verdict(client, sent(client, 2))["requestStatus"] == "FAILED"


def test_an_unknown_id_is_refused(client: Client) -> None:
    for request_id in ("", "t-1", "nothing"):
        assert violations(status(client, request_id)) == [("request_id", "INVALID_REQUEST_ID")]


def test_a_status_is_kept_for_50_days(client: Client, clock: Clock) -> None:
    request_id = sent(client, 1)
    clock.forward(days=50)
    assert status(client, request_id).status_code == 200
    clock.forward(seconds=1)
    assert violations(status(client, request_id)) == [("request_id", "REQUEST_TOO_OLD")]


def test_a_lost_answer_leaves_no_id_but_a_refused_request_has_none(client: Client) -> None:
    answer = client.google(transaction(currency="kr"))
    [info] = [d for d in answer.json()["error"]["details"] if d["@type"].endswith("RequestInfo")]
    assert violations(status(client, info["requestId"])) == [("request_id", "INVALID_REQUEST_ID")]


def test_reading_takes_a_bearer_token_or_none(client: Client) -> None:
    url = f"/v1/requestStatus:retrieve?requestId={sent(client, 1)}"
    assert client.get(url, Authorization="Bearer t").status_code == 200
    assert client.get(url, Authorization="Basic t").status_code == 401


# on demand


def reasons(client: Client, request_id: str) -> dict[str, list[int] | None]:
    counts = verdict(client, request_id)["errorInfo"]["errorCounts"]
    return {count["reason"].removeprefix(REASON_PREFIX): count.get("recordIndices") for count in counts}


def test_a_share_of_the_orders_meets_the_reason_that_was_asked_for(running: Running) -> None:
    client = running("verdict@0.3=TOO_RECENT_CLICK", "verdict@0.3=DENIED_CONSENT", unmatched=0.2, seed=1)
    found = reasons(client, sent(client, 1000))
    assert set(found) == {"TOO_RECENT_CLICK", "DENIED_CONSENT", "CLICK_NOT_FOUND"}
    positions = [position for named in found.values() for position in named or ()]
    assert len(positions) == len(set(positions))
    assert 250 < len(found["TOO_RECENT_CLICK"] or ()) < 350
    assert 150 < len(found["CLICK_NOT_FOUND"] or ()) < 250


def test_a_verdict_is_what_the_faults_say_when_it_is_asked_for(client: Client) -> None:
    request_id = sent(client, 2)
    client.post("/_sandbox/faults", ["verdict=NO_CONSENT"])
    assert reasons(client, request_id) == {"NO_CONSENT": [0, 1]}
    client.post("/_sandbox/faults", [])
    assert verdict(client, request_id)["requestStatus"] == "SUCCESS"


def test_counts_may_come_without_positions(running: Running) -> None:
    client = running("verdict=NO_CONSENT", "counts-only")
    assert reasons(client, sent(client, 2)) == {"NO_CONSENT": None}


def test_the_verdicts_alone_may_be_out_of_reach(running: Running) -> None:
    client = running("no-verdicts")
    assert status(client, sent(client, 1)).status_code == 503


def test_a_share_of_the_orders_is_taken_with_a_late_warning(running: Running) -> None:
    client = running("late-warning@0.5=INTERNAL_ERROR", seed=1)
    report = verdict(client, sent(client, 100))
    assert report["requestStatus"] == "SUCCESS"
    [count] = report["warningInfo"]["warningCounts"]
    assert count["reason"] == "PROCESSING_WARNING_REASON_INTERNAL_ERROR"
    assert 30 < len(count["recordIndices"]) < 70


def test_a_reason_may_be_spelt_in_full(running: Running) -> None:
    client = running(f"verdict={REASON_PREFIX.lower()}denied_consent")
    body = status(client, sent(client, 1)).json()["requestStatusPerDestination"][0]
    assert body["errorInfo"]["errorCounts"][0]["reason"] == f"{REASON_PREFIX.lower()}denied_consent"


def test_a_share_of_the_orders_is_refused_at_once_and_named(running: Running) -> None:
    client = running("refused@0.5=DENIED_CONSENT", seed=1)
    answer = client.google(*(transaction(f"order-{i}") for i in range(100)))
    assert answer.status_code == 400
    assert {reason for _, reason in violations(answer)} == {"DENIED_CONSENT"}
    assert 30 < len(violations(answer)) < 70


def test_every_event_is_taken_with_the_warning_that_is_asked_for(running: Running) -> None:
    client = running("warning:google=GENERIC")
    warnings = client.google(transaction("order-1"), transaction("order-2")).json()["fieldWarnings"]
    assert [one["field"] for one in warnings if one["reason"] == "WARNING_REASON_GENERIC"] == [
        "events.events[0]",
        "events.events[1]",
    ]
