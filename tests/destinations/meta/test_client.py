"""Meta: the bytes that are made, the one attempt, and what every documented answer means."""

import json
from decimal import Decimal
from typing import Any

import orjson
import pytest
import requests
import responses
from pydantic import SecretStr

from conversions.destinations.base import Envelope
from conversions.destinations.meta.client import Meta
from conversions.destinations.meta.responses import classify_response
from conversions.errors import Unauthorised
from conversions.model.conversion import Consent
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport.http import USER_AGENT, Answer
from tests.destinations.specimens import ENDPOINT, POLICY, conversion, meta_settings, policy_without

URL = "https://graph.facebook.com/v26.0/555000111222/events"
BODY = b'{"data":[{},{},{}]}'
OK = {"events_received": 3, "messages": [], "fbtrace_id": "AbCdEf123"}


def meta(**settings: Any) -> Meta:
    return Meta("meta", meta_settings(**settings), POLICY)


def with_token(**settings: Any) -> Meta:
    return meta(access_token=SecretStr("EAAsecret"), **settings)


# what is made


def test_an_event_holds_the_four_promised_things_and_what_counts_them_once() -> None:
    assert meta().event(conversion()) == (
        b'{"event_name":"Purchase","event_time":1795301999,"event_id":"c-0123456789abcdef0123456789abcdef",'
        b'"action_source":"physical_store","user_data":{"em":['
        b'"509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"]},"custom_data":{"currency":"DKK",'
        b'"value":49.9,"order_id":"c-0123456789abcdef0123456789abcdef","content_ids":["SKU-1","SKU/2"],'
        b'"content_type":"product"}}'
    )


def test_a_website_event_names_the_shop_s_address() -> None:
    url = "https://shop.example/tak"

    event = json.loads(meta(action_source="website", event_source_url=url).event(conversion()))

    assert (event["action_source"], event["event_source_url"]) == ("website", url)


@pytest.mark.parametrize("action_source", ["other", "physical_store", "email"])
def test_no_other_event_does(action_source: str) -> None:
    event = meta(action_source=action_source, event_source_url="https://shop.example").event(conversion())

    assert b"event_source_url" not in event


def test_consent_has_no_place_at_meta() -> None:
    granted = conversion(ad_user_data=Consent.GRANTED, ad_personalization=Consent.DENIED)

    assert meta().event(granted) == meta().event(conversion())


@pytest.mark.parametrize("value", ["0.01", "49.90", "999999999999.99"])
def test_money_on_the_wire_is_the_same_decimal(value: str) -> None:
    event = json.loads(meta().event(conversion(value=Decimal(value))), parse_float=Decimal)

    assert event["custom_data"]["value"] == Decimal(value)


def test_an_offline_upload_carries_its_tag() -> None:
    assert meta().envelope("2026-11-22") == Envelope(b'{"data":[', b'],"upload_tag":"2026-11-22"}')


@pytest.mark.parametrize("settings", [{"upload_tag": False}, {"action_source": "other"}])
def test_no_other_upload_does(settings: dict[str, Any]) -> None:
    assert meta(**settings).envelope("2026-11-22") == Envelope(b'{"data":[', b"]}")


def test_a_tag_that_the_policy_does_not_list_is_left_out() -> None:
    destination = Meta("meta", meta_settings(), policy_without("upload_tag"))

    assert destination.envelope("2026-11-22").suffix == b"]}"


@pytest.mark.parametrize(
    ("settings", "days", "hours"),
    [
        ({"action_source": "physical_store"}, 7, 7 * 24 - 1),
        ({"action_source": "physical_store", "max_age_days": 62}, 62, 7 * 24 - 1),
        ({"action_source": "other"}, 7, 47),
        ({"action_source": "website", "event_source_url": "https://shop.example"}, 7, 47),
    ],
)
def test_limits_are_the_documented_ones_with_a_margin(settings: dict[str, Any], days: int, hours: int) -> None:
    limits = meta(**settings).limits

    assert (limits.events, limits.bytes) == (1000, 500_000)
    assert limits.max_age.total_seconds() == days * 86400 - 6 * 3600
    assert limits.min_age.total_seconds() == 0
    assert limits.resend.total_seconds() == hours * 3600


def test_what_is_pinned_and_logged_names_the_dataset_without_credentials() -> None:
    destination = with_token()

    assert (destination.target, destination.url) == ("555000111222", URL)
    assert destination.headers == {"Content-Type": "application/json", "User-Agent": USER_AGENT}


# one attempt


def test_exactly_the_committed_bytes_and_the_logged_headers_leave() -> None:
    destination = with_token()

    with responses.RequestsMock() as mock:
        sent = mock.post(URL, json=OK)
        destination.send(BODY, 3)

    request = sent.calls[0].request
    assert request.body == BODY
    assert request.url == URL
    assert dict(request.headers) == {
        **destination.headers,
        "Authorization": "Bearer EAAsecret",
        "Content-Length": str(len(BODY)),
    }


def test_the_proof_of_the_app_secret_is_a_query_beside_the_logged_address_and_body() -> None:
    """The vector is from Meta's own library."""
    destination = meta(access_token=SecretStr("TOKEN-SECRET"), app_secret=SecretStr("APPSEC"))
    proof = "e24b8761886ec8928159886289ae63cb25ee943f4e201f02a6ebea91c5965807"

    with responses.RequestsMock() as mock:
        sent = mock.post(URL, json=OK)
        asked = mock.get("https://graph.facebook.com/v26.0/dataset_quality", json={})
        destination.send(BODY, 3)
        destination.scores()

    assert sent.calls[0].request.url == f"{URL}?appsecret_proof={proof}"
    assert sent.calls[0].request.body == BODY
    assert f"appsecret_proof={proof}" in (asked.calls[0].request.url or "")
    assert (destination.url, proof in repr(destination.headers)) == (URL, False)


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 307])
def test_no_answer_makes_it_send_again(status: int) -> None:
    with responses.RequestsMock() as mock:
        sent = mock.post(URL, status=status, headers={"Location": URL, "Retry-After": "0"})
        with_token().send(BODY, 3)

    assert sent.call_count == 1


@pytest.mark.parametrize("token", [None, "", "EAA secret", "EAAsecret\n", "EAAsecr€t"])
def test_a_token_that_is_missing_or_malformed_stops_before_anything_leaves(token: str | None) -> None:
    secret = None if token is None else SecretStr(token)

    with responses.RequestsMock(), pytest.raises(Unauthorised) as caught:
        Meta("shop_dk", meta_settings(access_token=secret), POLICY).send(BODY, 3)

    assert "CONVERSIONS_SHOP_DK__ACCESS_TOKEN" in str(caught.value)
    assert "EAA" not in str(caught.value)


@pytest.mark.parametrize(("token", "header"), [(None, None), (SecretStr("EAAsecret"), "Bearer EAAsecret")])
def test_a_rehearsal_needs_no_token_and_shows_one_that_is_there(token: SecretStr | None, header: str | None) -> None:
    with responses.RequestsMock() as mock:
        sent = mock.post(f"{ENDPOINT}/v26.0/555000111222/events", json=OK)

        assert meta(endpoint=ENDPOINT, access_token=token).send(BODY, 3).outcome is Outcome.RECEIVED
    assert sent.calls[0].request.headers.get("Authorization") == header


@pytest.mark.parametrize(
    ("trouble", "receipt"),
    [
        (requests.ConnectTimeout("secret"), Receipt(Outcome.UNKNOWN, Next.RETRY, "ConnectTimeout")),
        (requests.ReadTimeout("secret"), Receipt(Outcome.UNKNOWN, Next.RETRY, "ReadTimeout")),
        (requests.ConnectionError("secret"), Receipt(Outcome.UNKNOWN, Next.RETRY, "ConnectionError")),
    ],
)
def test_trouble_on_the_way_is_a_receipt(trouble: Exception, receipt: Receipt) -> None:
    with responses.RequestsMock() as mock:
        mock.post(URL, body=trouble)

        assert with_token().send(BODY, 3) == receipt


def test_the_token_is_in_no_repr() -> None:
    assert "EAAsecret" not in repr(vars(with_token()))


# verdicts

AGAIN = (Outcome.UNKNOWN, Next.RETRY)
THROTTLED = (Outcome.REFUSED, Next.RETRY)
DATA = (Outcome.REFUSED, Next.ISOLATE)
DOUBT = (Outcome.REFUSED, Next.PROBE)
A_MINUTE = 60.0
"""Limits are counted in minutes."""
LAST_WARNING = (Outcome.REFUSED, Next.RETRY_ONCE)
CREDENTIALS = (Outcome.REFUSED, Next.STOP_CREDENTIALS)
OURS = (Outcome.REFUSED, Next.STOP_REFUSED)


def verdict(receipt: Receipt) -> tuple[Outcome, Next]:
    return receipt.outcome, receipt.next


def answered(status: int, body: object, **headers: str) -> Receipt:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return classify_response(
        Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, content), 3
    )


def refused(status: int, code: int, subcode: int | None = None, **more: Any) -> Receipt:
    """An error as Meta documents it, with its texts in the account's language."""
    headers = more.pop("headers", {})
    error = {"message": "Paramètre incorrect: jane@example.com", "type": "OAuthException", "code": code}
    if subcode is not None:
        error["error_subcode"] = subcode
    error |= {"is_transient": False, "error_user_title": "Jane Doe", "fbtrace_id": "AbCdEf123"} | more
    return answered(status, {"error": error}, **headers)


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [
        (1, None, AGAIN),
        (2, None, AGAIN),
        (3, None, OURS),
        (4, None, THROTTLED),
        (4, 1504022, THROTTLED),
        (4, 1504039, THROTTLED),
        (10, None, CREDENTIALS),
        (17, None, THROTTLED),
        (17, 2446079, THROTTLED),
        (32, None, THROTTLED),
        (100, None, DOUBT),
        (100, 1, DOUBT),
        (100, 2803999, DOUBT),
        (100, 2805000, DOUBT),
        (100, 33, CREDENTIALS),
        (100, 34, OURS),
        (100, 2804001, DATA),
        (100, 2804003, DATA),
        (100, 2804007, DATA),
        (100, 2804009, DATA),
        (100, 2804010, DATA),
        (100, 2804016, DATA),
        (100, 2804017, DATA),
        (100, 2804019, DATA),
        (100, 2804030, DATA),
        (100, 2804048, DATA),
        (100, 2804050, DATA),
        (100, 2804999, DATA),
        (102, None, CREDENTIALS),
        (104, None, CREDENTIALS),
        (105, None, DATA),
        (190, None, CREDENTIALS),
        *[(190, subcode, CREDENTIALS) for subcode in (458, 459, 460, 463, 464, 467, 492)],
        (200, None, CREDENTIALS),
        (294, None, CREDENTIALS),
        (299, None, CREDENTIALS),
        (341, None, THROTTLED),
        (368, None, OURS),
        (506, None, DATA),
        (613, None, LAST_WARNING),
        (613, 1487742, THROTTLED),
        (613, 5044001, THROTTLED),
        (613, 1996, THROTTLED),
        (803, None, OURS),
        (2500, None, OURS),
        (2635, None, OURS),
        (5000, None, AGAIN),
        (21009, None, AGAIN),
        *[(code, None, THROTTLED) for code in (80000, 80001, 80003, 80004, 80014)],
        (1870092, None, OURS),
        (999999, None, DOUBT),
        (999999, 2804003, DOUBT),
    ],
)
def test_every_code_has_the_verdict_of_the_reference(
    code: int, subcode: int | None, expected: tuple[Outcome, Next]
) -> None:
    receipt = refused(400, code, subcode)

    assert verdict(receipt) == expected
    assert receipt.code == (f"400/{code}" if subcode is None else f"400/{code}/{subcode}")
    assert receipt.reference == "AbCdEf123"
    assert receipt.failed_items == ()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, DOUBT),
        (401, CREDENTIALS),
        (403, CREDENTIALS),
        (404, OURS),
        (408, AGAIN),
        (413, DATA),
        (425, AGAIN),
        (429, THROTTLED),
        (500, AGAIN),
        (503, AGAIN),
    ],
)
def test_an_unknown_code_leaves_the_decision_to_the_status(status: int, expected: tuple[Outcome, Next]) -> None:
    assert verdict(refused(status, 999999)) == expected


@pytest.mark.parametrize("code", [1, 2, 17, 100, 190])
def test_after_a_server_error_nobody_knows_whatever_the_code(code: int) -> None:
    assert verdict(refused(500, code)) == AGAIN


@pytest.mark.parametrize(
    ("code", "subcode", "expected"),
    [(613, None, LAST_WARNING), (613, 5044001, THROTTLED), (190, None, CREDENTIALS), (4, None, THROTTLED)],
)
def test_too_many_requests_are_judged_by_the_code_where_it_is_known(
    code: int, subcode: int | None, expected: tuple[Outcome, Next]
) -> None:
    assert verdict(refused(429, code, subcode)) == expected
    assert verdict(refused(429, 999999, is_transient=True)) == THROTTLED


@pytest.mark.parametrize("field", ["message", "error_subcode", "is_transient", "fbtrace_id", "error_user_title"])
def test_what_an_error_leaves_empty_hides_no_code(field: str) -> None:
    assert verdict(refused(400, 190, **{field: None})) == CREDENTIALS
    assert verdict(refused(400, 100, **{field: None})) == DOUBT


def test_an_unusable_token_is_recognised_under_any_status() -> None:
    assert verdict(refused(401, 190)) == verdict(refused(400, 190, 463)) == CREDENTIALS


@pytest.mark.parametrize(
    ("code", "expected"), [(100, AGAIN), (190, AGAIN), (77, AGAIN), (4, THROTTLED), (613, LAST_WARNING)]
)
def test_what_meta_calls_transient_is_tried_again(code: int, expected: tuple[Outcome, Next]) -> None:
    assert verdict(refused(400, code, is_transient=True)) == expected


def test_a_missing_proof_of_the_app_secret_is_no_event_s_fault() -> None:
    said = "API calls from the server require an appsecret_proof argument"

    assert verdict(refused(400, 100, message=said)) == CREDENTIALS
    advice = with_token().advice(refused(400, 100, message=said).code)
    assert "CONVERSIONS_META__APP_SECRET" in (advice or "")
    assert verdict(refused(400, 100, 2804003, message=said)) == CREDENTIALS
    assert verdict(refused(400, 506, message=said)) == DATA


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "30"}, 30),
        ({"X-Business-Use-Case-Usage": '{"555":[{"type":"ads_management","estimated_time_to_regain_access":4}]}'}, 240),
        ({"X-Business-Use-Case": '{"5":[{"estimated_time_to_regain_access":1},{"type":"x"}],"6":[]}'}, 60),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":1}]}', "Retry-After": "90"}, 90),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":0}]}', "Retry-After": "0"}, 0),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":0}]}'}, A_MINUTE),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":NaN}]}'}, A_MINUTE),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":"soon"}]}'}, A_MINUTE),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":-5}]}'}, A_MINUTE),
        ({"X-Business-Use-Case-Usage": '{"5":[{"estimated_time_to_regain_access":null}]}'}, A_MINUTE),
        ({"X-Business-Use-Case-Usage": "nonsense"}, A_MINUTE),
        ({"Retry-After": "Sun, 22 Nov 2026 05:16:30 GMT", "Date": "Sun, 22 Nov 2026 05:15:00 GMT"}, 90),
        ({}, A_MINUTE),
    ],
)
def test_the_longest_wait_asked_for_is_told(headers: dict[str, str], wait: float) -> None:
    assert refused(400, 80004, headers=headers).wait == wait
    assert refused(400, 190, headers=headers).wait is None


def test_success_is_every_event_received() -> None:
    assert answered(200, OK, Date="Sun, 22 Nov 2026 05:15:00 GMT") == Receipt(
        Outcome.RECEIVED,
        Next.DONE,
        "200",
        http_status=200,
        reference="AbCdEf123",
        date="Sun, 22 Nov 2026 05:15:00 GMT",
    )


@pytest.mark.parametrize("empty", [{}, {"messages": None, "fbtrace_id": None}, {"error": None}])
def test_success_needs_neither_messages_nor_a_trace(empty: dict[str, None]) -> None:
    assert verdict(answered(200, {"events_received": 3} | empty)) == (Outcome.RECEIVED, Next.DONE)


def test_messages_and_an_ageing_version_are_warnings_without_prose() -> None:
    receipt = answered(200, OK | {"messages": ["jane@example.com", "Jane Doe", 5]}, X_Ad_Api_Version_Warning="v26.0 …")

    assert receipt.outcome is Outcome.RECEIVED
    assert receipt.warnings == {"API_VERSION": 1, "MESSAGE": 2}


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, OK | {"events_received": 2}, "200/EVENTS_RECEIVED"),
        (200, OK | {"events_received": 4}, "200/EVENTS_RECEIVED"),
        (200, {"fbtrace_id": "x"}, "200/EVENTS_RECEIVED"),
        (200, OK | {"events_received": "3"}, "200/UNREADABLE"),
        (200, OK | {"events_received": 3.0}, "200/UNREADABLE"),
        (200, OK | {"error": {"code": 2}}, "200/ERROR"),
        (200, [], "200/UNREADABLE"),
        (200, b"Service Unavailable", "200/UNREADABLE"),
        (302, b"", "302/UNREADABLE"),
        (400, b"<html></html>", "400/UNREADABLE"),
        (403, b"<html>a proxy</html>", "403/UNREADABLE"),
        (400, {"error": "invalid"}, "400/UNREADABLE"),
        (400, {"error": {"message": "x"}}, "400/UNREADABLE"),
        (502, b"<html></html>", "502/UNREADABLE"),
    ],
)
def test_an_answer_that_says_nothing_conclusive_is_unknown(status: int, body: object, code: str) -> None:
    receipt = answered(status, body)

    assert verdict(receipt) == AGAIN
    assert receipt.code == code


@pytest.mark.parametrize(("status", "expected"), [(429, THROTTLED), (413, DATA)])
def test_some_statuses_decide_without_a_body(status: int, expected: tuple[Outcome, Next]) -> None:
    assert verdict(answered(status, b"<html></html>")) == expected


@pytest.mark.parametrize("body", [b"<html></html>", {"error": {"code": 999999}}])
def test_one_event_alone_is_not_too_large(body: object) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)

    assert verdict(classify_response(Answer(413, {}, content), 1)) == OURS
    assert verdict(classify_response(Answer(413, {}, content), 2)) == DATA


def test_no_prose_of_the_platform_reaches_a_receipt() -> None:
    receipt = refused(400, 100, 2804050)

    assert "@" not in repr(receipt)
    assert "Jane" not in repr(receipt)
