"""Google: the bytes that are made, the one attempt, and what every documented answer means."""

import json
import threading
import warnings
from base64 import urlsafe_b64decode
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import orjson
import pytest
import requests
import responses
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from conversions.destinations.base import Envelope
from conversions.destinations.google import credentials
from conversions.destinations.google.advice import by_code
from conversions.destinations.google.client import Google
from conversions.destinations.google.responses import classify_response
from conversions.errors import Unauthorised
from conversions.model.conversion import Consent
from conversions.model.late_result import Diagnosis, RequestStatus
from conversions.model.receipt import FailedItem, Next, Outcome, Receipt
from conversions.transport import http
from conversions.transport.http import USER_AGENT, Answer
from conversions.transport.not_sent import Cause, NotSent
from tests.destinations.specimens import ENDPOINT, POLICY, conversion, google_settings, policy_without

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from google.ads.datamanager_v1.types import ErrorReason

URL = "https://datamanager.googleapis.com/v1/events:ingest"
TOKEN_URL = "https://oauth2.googleapis.com/token"
BODY = b'{"destinations":[],"encoding":"HEX","events":[]}'
OK = {"requestId": "126365e1-16d0-4c81-9de9-f362711e250a"}


def google(**settings: Any) -> Google:
    return Google("google", google_settings(**settings), POLICY)


# what is made


def test_an_event_holds_the_four_promised_things_and_what_counts_them_once() -> None:
    assert google().event(conversion()) == (
        b'{"transactionId":"c-0123456789abcdef0123456789abcdef","eventTimestamp":"2026-11-21T22:59:59Z",'
        b'"eventSource":"WEB","conversionValue":49.9,"currency":"DKK","userData":{"userIdentifiers":[{"emailAddress":'
        b'"509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"}]},"cartData":{"items":['
        b'{"merchantProductId":"SKU-1","itemId":"SKU-1"},{"merchantProductId":"SKU/2","itemId":"SKU/2"}]}}'
    )


@pytest.mark.parametrize(
    ("user_data", "personalization", "sent"),
    [
        (Consent.GRANTED, Consent.GRANTED, {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}),
        (Consent.GRANTED, Consent.DENIED, {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_DENIED"}),
        (Consent.GRANTED, Consent.NOT_RECORDED, {"adUserData": "CONSENT_GRANTED"}),
        (Consent.NOT_RECORDED, Consent.NOT_RECORDED, None),
    ],
)
def test_consent_is_sent_as_recorded_and_never_invented(
    user_data: Consent, personalization: Consent, sent: dict[str, str] | None
) -> None:
    event = json.loads(google().event(conversion(ad_user_data=user_data, ad_personalization=personalization)))

    assert event.get("consent") == sent


def test_consent_that_the_policy_does_not_list_is_left_out() -> None:
    granted = conversion(ad_user_data=Consent.GRANTED, ad_personalization=Consent.GRANTED)
    narrow = policy_without("events[].consent.adPersonalization")
    none = policy_without("events[].consent.adPersonalization", "events[].consent.adUserData")

    assert b'"consent":{"adUserData":"CONSENT_GRANTED"}' in Google("google", google_settings(), narrow).event(granted)
    assert b"consent" not in Google("google", google_settings(), none).event(granted)


def test_the_product_feed_is_named_where_it_is_set() -> None:
    settings = {"merchant_id": "42", "merchant_feed_label": "DK", "merchant_feed_language_code": "da"}

    cart = json.loads(google(**settings).event(conversion()))["cartData"]

    assert {key: cart[key] for key in cart if key != "items"} == {
        "merchantId": "42",
        "merchantFeedLabel": "DK",
        "merchantFeedLanguageCode": "da",
    }


@pytest.mark.parametrize("value", ["0.01", "49.90", "1234567.89", "999999999999.99", "100", "12.345"])
def test_money_on_the_wire_is_the_same_decimal(value: str) -> None:
    event = google().event(conversion(value=Decimal(value)))

    assert json.loads(event, parse_float=Decimal)["conversionValue"] == Decimal(value)


def test_the_envelope_names_account_and_action() -> None:
    assert google().envelope("ignored") == Envelope(
        b'{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1234567890"},'
        b'"productDestinationId":"987654321"}],"encoding":"HEX","events":[',
        b"]}",
    )


def test_a_manager_account_is_named_where_access_goes_through_one() -> None:
    body = json.loads(b"".join([(e := google(login_account_id="1112223334").envelope("")).prefix, e.suffix]))

    assert body["destinations"][0]["loginAccount"] == {"accountType": "GOOGLE_ADS", "accountId": "1112223334"}


def test_limits_are_the_documented_ones_with_a_margin() -> None:
    limits = google(max_age_days=63).limits

    assert limits.events == 2000
    assert limits.bytes < 1_000_000
    assert limits.max_age.total_seconds() == 63 * 86400 - 6 * 3600
    assert limits.min_age.total_seconds() == 6 * 3600
    assert limits.resend >= limits.max_age


def test_a_full_request_of_ordinary_orders_stays_below_the_byte_cap() -> None:
    event = google().event(conversion(product_ids=("SKU-123456",), ad_user_data=Consent.GRANTED))

    assert 2000 * (len(event) + 1) < google().limits.bytes


def test_what_is_pinned_and_logged_names_account_and_action_without_credentials() -> None:
    destination = google(quota_project="shop-123")

    assert (destination.target, destination.url) == ("1234567890/987654321", URL)
    assert destination.headers == {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "x-goog-user-project": "shop-123",
    }


# one attempt


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service account's key, as Google Cloud hands it out."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("google") / "key.json"
    account = {
        "type": "service_account",
        "client_email": "conversions@shop-123.iam.gserviceaccount.com",
        "private_key": key.decode(),
        "token_uri": TOKEN_URL,
        "project_id": "shop-123",
    }
    path.write_text(json.dumps(account))
    return path


@pytest.fixture
def service_account(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key_file))


def a_token(mock: responses.RequestsMock, *, seconds: int = 3600) -> Any:
    return mock.post(TOKEN_URL, json={"access_token": "secret-token", "expires_in": seconds, "token_type": "Bearer"})


@pytest.mark.usefixtures("service_account")
def test_exactly_the_committed_bytes_and_the_logged_headers_leave() -> None:
    destination = google(quota_project="shop-123")

    with responses.RequestsMock() as mock:
        a_token(mock)
        sent = mock.post(URL, json=OK)
        destination.send(BODY, 0)

    request = sent.calls[0].request
    assert request.body == BODY
    assert dict(request.headers) == {
        **destination.headers,
        "Authorization": "Bearer secret-token",
        "Content-Length": str(len(BODY)),
    }


@pytest.mark.usefixtures("service_account")
def test_the_token_is_asked_for_the_one_scope_that_is_needed() -> None:
    with responses.RequestsMock() as mock:
        asked = a_token(mock)
        mock.post(URL, json=OK)
        google().send(BODY, 0)

    assertion = parse_qs(asked.calls[0].request.body.decode())["assertion"][0]
    claims = assertion.split(".")[1]
    assert json.loads(urlsafe_b64decode(claims + "=="))["scope"] == "https://www.googleapis.com/auth/datamanager"


@pytest.mark.usefixtures("service_account")
def test_one_token_serves_many_requests_from_many_threads() -> None:
    destination = google()

    with responses.RequestsMock() as mock:
        asked = a_token(mock)
        sent = mock.post(URL, json=OK)
        threads = [threading.Thread(target=destination.send, args=(BODY, 0)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert asked.call_count == 1
    assert sent.call_count == 8


@pytest.mark.usefixtures("service_account")
def test_a_token_is_renewed_before_it_expires() -> None:
    destination = google()

    with responses.RequestsMock() as mock:
        asked = a_token(mock, seconds=180)
        mock.post(URL, json=OK)
        destination.send(BODY, 0)
        destination.send(BODY, 0)

    assert asked.call_count == 2


@pytest.mark.usefixtures("service_account")
@pytest.mark.parametrize("status", [401, 403, 429, 500, 503, 307])
def test_no_answer_makes_it_send_again(status: int) -> None:
    with responses.RequestsMock() as mock:
        a_token(mock)
        sent = mock.post(URL, status=status, headers={"Location": URL, "Retry-After": "0"})
        google().send(BODY, 0)

    assert sent.call_count == 1


@pytest.mark.usefixtures("service_account")
def test_a_refused_credential_is_one_sentence_that_says_what_to_do() -> None:
    with responses.RequestsMock() as mock:
        mock.post(TOKEN_URL, status=400, json={"error": "invalid_grant", "error_description": "secret detail"})

        with pytest.raises(Unauthorised) as caught:
            google().send(BODY, 0)

    assert "GOOGLE_APPLICATION_CREDENTIALS" in str(caught.value)
    assert "conversions doctor" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.usefixtures("service_account")
@pytest.mark.parametrize("trouble", [requests.ConnectionError("secret"), requests.ReadTimeout("secret")])
def test_without_the_network_no_token_means_not_sent(trouble: Exception) -> None:
    with responses.RequestsMock() as mock:
        mock.post(TOKEN_URL, body=trouble)

        receipt = google().send(BODY, 0)

    assert (receipt.outcome, receipt.next) == (Outcome.NOT_SENT, Next.RETRY)
    assert receipt.not_sent == NotSent(Cause.NO_TOKEN, "oauth2.googleapis.com", 443)


@pytest.mark.usefixtures("service_account")
def test_a_token_server_that_is_down_means_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.auth._exponential_backoff.time.sleep", lambda _: None)
    with responses.RequestsMock() as mock:
        mock.post(TOKEN_URL, status=503, json={"error": "server_error"})

        assert google().send(BODY, 0).not_sent == NotSent(Cause.NO_TOKEN, "oauth2.googleapis.com", 443)


@pytest.mark.usefixtures("service_account")
@pytest.mark.parametrize("status", [200, 302, 403, 511])
def test_a_sign_in_page_in_the_place_of_the_token_server_is_no_refusal_of_the_key(status: int) -> None:
    with responses.RequestsMock() as mock:
        mock.post(TOKEN_URL, status=status, body="<html>Sign in", content_type="text/html; charset=utf-8")

        assert google().send(BODY, 0).not_sent == NotSent(Cause.WEB_PAGE, "oauth2.googleapis.com", 443)


@pytest.mark.parametrize("content", [None, "not JSON", '{"type": "service_account"}', "[]", '"a"', "null", "5"])
def test_missing_or_broken_credentials_stop_before_anything_leaves(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "PRODUCT_NAME", tmp_path / "product_name")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    if content is not None:
        path = tmp_path / "key.json"
        path.write_text(content)
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))

    with responses.RequestsMock() as mock:
        with pytest.raises(Unauthorised, match="GOOGLE_APPLICATION_CREDENTIALS"):
            google().send(BODY, 0)
        assert len(mock.calls) == 0, "not even the metadata server is asked"


def test_on_google_cloud_the_machine_has_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setattr(credentials, "PRODUCT_NAME", tmp_path / "product_name")
    (tmp_path / "product_name").write_text("Google Compute Engine\n")
    server = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default"
    with responses.RequestsMock() as mock:
        mock.get(f"{server}/", json={"email": "conversions@shop-123.iam.gserviceaccount.com", "scopes": []})
        mock.get(f"{server}/token", json={"access_token": "machine-token", "expires_in": 3600})
        sent = mock.post(URL, json=OK)
        assert google().send(BODY, 0).outcome is Outcome.RECEIVED
    assert sent.calls[0].request.headers["Authorization"] == "Bearer machine-token"


def test_a_rehearsal_needs_no_credentials() -> None:
    with responses.RequestsMock() as mock:
        sent = mock.post(f"{ENDPOINT}/v1/events:ingest", json=OK)

        assert google(endpoint=ENDPOINT).send(BODY, 0).outcome is Outcome.RECEIVED
    assert "Authorization" not in sent.calls[0].request.headers


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
        mock.post(f"{ENDPOINT}/v1/events:ingest", body=trouble)

        assert google(endpoint=ENDPOINT).send(BODY, 0) == receipt


# what became of a request


STATUS_URL = "https://datamanager.googleapis.com/v1/requestStatus:retrieve?requestId=a%2Fb"
RECORDED = {"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]}


@pytest.mark.usefixtures("service_account")
def test_a_question_is_asked_once_with_the_credential_and_no_body() -> None:
    with responses.RequestsMock() as mock:
        a_token(mock)
        mock.get(STATUS_URL, json=RECORDED)
        assert google(quota_project="shop-123").diagnose("a/b", 1).status is RequestStatus.SUCCESS
        asked = mock.calls[-1].request
    assert asked.body is None
    assert (asked.headers["Authorization"], asked.headers["x-goog-user-project"]) == ("Bearer secret-token", "shop-123")
    assert "Content-Type" not in asked.headers


@pytest.mark.parametrize("trouble", [requests.ConnectTimeout(), requests.ReadTimeout()])
def test_trouble_on_the_way_is_no_answer(trouble: Exception) -> None:
    with responses.RequestsMock() as mock:
        mock.get("http://127.0.0.1:8085/v1/requestStatus:retrieve?requestId=r", body=trouble)
        found = google(endpoint="http://127.0.0.1:8085").diagnose("r", 1)
    assert found == Diagnosis(RequestStatus.NO_ANSWER, type(trouble).__name__)


@pytest.mark.usefixtures("service_account")
def test_without_the_network_no_token_means_no_answer() -> None:
    with responses.RequestsMock() as mock:
        mock.post(TOKEN_URL, body=requests.ConnectionError())
        assert google().diagnose("r", 1).status is RequestStatus.NO_ANSWER


def test_a_refused_credential_stops_the_questions() -> None:
    with responses.RequestsMock() as mock:
        mock.get("http://127.0.0.1:8085/v1/requestStatus:retrieve?requestId=r", status=401)
        with pytest.raises(Unauthorised, match="refuses the credentials"):
            google(endpoint="http://127.0.0.1:8085").diagnose("r", 1)


@pytest.mark.parametrize(("reason", "words"), [("NO_CONSENT", "administrator"), ("SOMETHING", "Google Ads account")])
def test_a_person_is_told_what_to_do_about_the_account(reason: str, words: str) -> None:
    assert words in google().fix(reason)


# verdicts

AGAIN = (Outcome.UNKNOWN, Next.RETRY)
THROTTLED = (Outcome.REFUSED, Next.RETRY)
DATA = (Outcome.REFUSED, Next.ISOLATE)
DOUBT = (Outcome.REFUSED, Next.PROBE)
CREDENTIALS = (Outcome.REFUSED, Next.STOP_CREDENTIALS)
OURS = (Outcome.REFUSED, Next.STOP_REFUSED)
QUOTA = (Outcome.REFUSED, Next.STOP_QUOTA)

PER_EVENT = {0, 6, 7, 8, 9, 10, 11, 12, 13, 14, 18, 22, 27, 30, 31, 39, 44, 50, 51, 100, 103, 104, 105, 106, 107, 108}
PER_EVENT |= {109, 110, 113, 114, 117, 118, 119, 120, 128}
"""Numbers of ``ErrorReason`` that the reference lists as one event's fault (§3.4)."""
OTHERWISE = {1: AGAIN, 2: AGAIN, 3: THROTTLED, 127: THROTTLED, 5: CREDENTIALS}


def verdict(receipt: Receipt) -> tuple[Outcome, Next]:
    return receipt.outcome, receipt.next


def answered(status: int, body: object, **headers: str) -> Receipt:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return classify_response(
        Answer(status, {name.replace("_", "-"): text for name, text in headers.items()}, content), 3
    )


def refused(
    status: int, canonical: str, *violations: tuple[str, str], info: dict[str, Any] | None = None, **headers: str
) -> Receipt:
    """An error as Google documents it: ``ErrorInfo``, ``RequestInfo`` and ``BadRequest``."""
    details: list[dict[str, Any]] = [
        {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "domain": "datamanager.googleapis.com"} | (info or {}),
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "t-4711"},
    ]
    if violations:
        named = [{"field": field, "description": "Jane Doe", "reason": reason} for field, reason in violations]
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": named})
    error = {"code": status, "message": "Jane Doe", "status": canonical, "details": details}
    return answered(status, {"error": error}, **headers)


@pytest.mark.parametrize("reason", list(ErrorReason), ids=lambda reason: reason.name)
def test_every_reason_has_the_verdict_of_the_reference(reason: ErrorReason) -> None:
    receipt = refused(400, "INVALID_ARGUMENT", ("events.events[1].x", reason.name), info={"reason": "INVALID_ARGUMENT"})

    assert verdict(receipt) == (DATA if reason.value in PER_EVENT else OTHERWISE.get(reason.value, OURS))
    assert receipt.code == f"400/INVALID_ARGUMENT/{reason.name}"


@pytest.mark.parametrize(
    ("status", "canonical", "expected"),
    [
        (400, "INVALID_ARGUMENT", DOUBT),
        (400, "FAILED_PRECONDITION", OURS),
        (400, "OUT_OF_RANGE", DOUBT),
        (400, "", DOUBT),
        (401, "UNAUTHENTICATED", CREDENTIALS),
        (403, "PERMISSION_DENIED", CREDENTIALS),
        (403, "", CREDENTIALS),
        (404, "NOT_FOUND", OURS),
        (405, "", OURS),
        (408, "", AGAIN),
        (409, "ABORTED", THROTTLED),
        (409, "ALREADY_EXISTS", OURS),
        (409, "", AGAIN),
        (413, "", DATA),
        (425, "", AGAIN),
        (429, "RESOURCE_EXHAUSTED", THROTTLED),
        (499, "CANCELLED", AGAIN),
        (500, "INTERNAL", AGAIN),
        (500, "UNKNOWN", AGAIN),
        (501, "UNIMPLEMENTED", AGAIN),
        (503, "UNAVAILABLE", AGAIN),
        (504, "DEADLINE_EXCEEDED", AGAIN),
    ],
)
def test_every_status_has_a_verdict(status: int, canonical: str, expected: tuple[Outcome, Next]) -> None:
    receipt = refused(status, canonical)

    assert verdict(receipt) == expected
    assert receipt.http_status == status
    assert receipt.reference == "t-4711"


@pytest.mark.parametrize("reason", ["SERVICE_DISABLED", "ACCESS_TOKEN_SCOPE_INSUFFICIENT", "NEW_IN_2027"])
def test_an_unknown_reason_leaves_the_decision_to_the_status(reason: str) -> None:
    receipt = refused(403, "PERMISSION_DENIED", info={"reason": reason, "domain": "googleapis.com"})

    assert verdict(receipt) == CREDENTIALS
    assert receipt.code == f"403/PERMISSION_DENIED/{reason}"


def test_an_unknown_reason_of_an_event_is_that_event_s_fault() -> None:
    receipt = refused(400, "INVALID_ARGUMENT", ("events[2].currency", "NEW_IN_2027"))

    assert verdict(receipt) == DATA
    assert receipt.failed_items == (FailedItem(2, "NEW_IN_2027", "currency"),)


@pytest.mark.parametrize("reason", ["ERROR_REASON_UNSPECIFIED", "INVALID_ARGUMENT", "NEW_IN_2027"])
def test_a_reason_that_says_nothing_leaves_open_whose_fault_it_is_until_an_event_is_named(reason: str) -> None:
    assert verdict(refused(400, "INVALID_ARGUMENT", info={"reason": reason})) == DOUBT
    assert verdict(refused(400, "INVALID_ARGUMENT", ("events[7]", reason))) == DOUBT, "there is no such event"
    assert verdict(refused(400, "INVALID_ARGUMENT", ("", reason))) == DOUBT
    assert verdict(refused(400, "INVALID_ARGUMENT", ("events[1]", reason))) == DATA


@pytest.mark.parametrize("reason", ["INVALID_FORMAT", "EVENT_TIME_INVALID"])
def test_a_reason_of_an_event_needs_no_name_to_be_one(reason: str) -> None:
    receipt = refused(400, "INVALID_ARGUMENT", info={"reason": reason})

    assert (verdict(receipt), receipt.failed_items) == (DATA, ())


def test_a_reason_that_is_ours_outweighs_an_event_s() -> None:
    receipt = refused(
        400,
        "INVALID_ARGUMENT",
        ("events[0].currency", "INVALID_CURRENCY_CODE"),
        ("destinations[0].product_destination_id", "INVALID_CONVERSION_ACTION_ID"),
    )

    assert verdict(receipt) == OURS
    assert receipt.code == "400/INVALID_ARGUMENT/INVALID_CONVERSION_ACTION_ID"
    assert receipt.failed_items == ()


@pytest.mark.parametrize("field", ["destinations[0].login_account.account_id", "encoding", "consent"])
@pytest.mark.parametrize("reason", ["INVALID_FORMAT", "NEW_IN_2027"])
def test_a_fault_in_the_settings_part_is_no_event_s(field: str, reason: str) -> None:
    receipt = refused(400, "INVALID_ARGUMENT", (field, reason))

    assert verdict(receipt) == OURS


def test_terms_that_are_not_signed_are_no_matter_of_credentials() -> None:
    reason = "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED"

    assert verdict(refused(403, "PERMISSION_DENIED", ("destinations[0]", reason))) == OURS


def test_culprits_are_read_from_both_spellings_once_each_and_within_the_request() -> None:
    receipt = refused(
        400,
        "INVALID_ARGUMENT",
        ("events.events[2].user_data.user_identifiers[0]", "INVALID_SHA256_FORMAT"),
        ("events[0]", "INVALID_FORMAT"),
        ("events[0].currency", "INVALID_CURRENCY_CODE"),
        ("events[3].currency", "INVALID_CURRENCY_CODE"),
        ("events[].currency", "INVALID_CURRENCY_CODE"),
        ("destinations[1].events[1]", "INVALID_FORMAT"),
        ("events[1].Jane Doe", "Jane Doe"),
    )

    assert receipt.failed_items == (
        FailedItem(2, "INVALID_SHA256_FORMAT", "user_data.user_identifiers[0]"),
        FailedItem(0, "INVALID_FORMAT", ""),
        FailedItem(1, "OTHER", ""),
    )


@pytest.mark.parametrize(
    "path",
    ["Events[2].userData", "request.events[2].userData", "$.events[2].userData", "ingest_events_request.events[2]"],
)
def test_however_the_way_to_an_event_is_written_it_is_that_event_s_fault(path: str) -> None:
    receipt = refused(400, "INVALID_ARGUMENT", (path, "INVALID_FORMAT"))

    assert verdict(receipt) == DATA
    assert receipt.failed_items == (FailedItem(2, "INVALID_FORMAT", "userData" if "userData" in path else ""),)


@pytest.mark.parametrize("path", ["events", "events[7].currency", "Events"])
def test_a_path_that_leads_to_no_event_of_ours_leaves_it_to_the_reason(path: str) -> None:
    receipt = refused(400, "INVALID_ARGUMENT", (path, "INVALID_FORMAT"))

    assert (verdict(receipt), receipt.failed_items) == (DATA, ())


@pytest.mark.parametrize("path", ["destinations[0].operating_account", "destinations[1].events[1]", "encoding"])
def test_what_is_named_outside_the_events_is_the_settings_fault(path: str) -> None:
    assert verdict(refused(400, "INVALID_ARGUMENT", (path, "INVALID_FORMAT"))) == OURS


@pytest.mark.parametrize("body", [b"<html></html>", {"error": {"code": 413}}])
def test_one_event_alone_is_not_too_large(body: object) -> None:
    content = body if isinstance(body, bytes) else orjson.dumps(body)

    assert verdict(classify_response(Answer(413, {}, content), 1)) == OURS
    assert verdict(classify_response(Answer(413, {}, content), 2)) == DATA


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("IngestionMutateRequestsPerMinutePerProject", THROTTLED),
        ("IngestionMutateRequestsPerDayPerProject", QUOTA),
        ("", THROTTLED),
    ],
)
def test_the_name_of_the_quota_says_whether_tonight_is_over(limit: str, expected: tuple[Outcome, Next]) -> None:
    info = {"reason": "RATE_LIMIT_EXCEEDED", "metadata": {"quota_limit": limit, "quota_limit_value": 300}}

    assert verdict(refused(429, "RESOURCE_EXHAUSTED", info=info)) == expected


def test_the_wait_asked_for_is_told() -> None:
    assert refused(429, "RESOURCE_EXHAUSTED", Retry_After="17").wait == 17
    assert refused(503, "UNAVAILABLE", Retry_After="17").wait == 17
    assert refused(400, "INVALID_ARGUMENT", Retry_After="17").wait is None


def test_retry_info_in_the_body_is_honoured() -> None:
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}
    body = {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": [info]}}

    assert answered(429, body).wait == 2.5


def test_a_new_conversion_action_asks_for_six_hours() -> None:
    assert refused(400, "INVALID_ARGUMENT", ("destinations[0]", "CONVERSION_ACTION_TOO_RECENTLY_CREATED")).wait == 21600


def test_success_is_a_request_id() -> None:
    receipt = answered(200, OK, Date="Sun, 22 Nov 2026 05:15:00 GMT")

    assert receipt == Receipt(
        Outcome.RECEIVED,
        Next.DONE,
        "200",
        http_status=200,
        reference=OK["requestId"],
        date="Sun, 22 Nov 2026 05:15:00 GMT",
        ask_after=1800.0,
    )


def test_what_was_accepted_but_ignored_is_told_by_its_name() -> None:
    warning = "WARNING_REASON_CART_DATA_ITEM_UNIT_PRICE_MISSING"
    named = [
        {"field": f"events.events[{i}].cart_data", "reason": reason, "description": "Jane Doe"}
        for i, reason in enumerate([warning, warning, "not a name: jane@example.com"])
    ]

    receipt = answered(200, OK | {"fieldWarnings": [*named, "nonsense"]})

    assert verdict(receipt) == (Outcome.RECEIVED, Next.DONE)
    assert receipt.warnings == {"OTHER": 1, "CART_DATA_ITEM_UNIT_PRICE_MISSING": 2}


def test_an_answer_with_a_warning_for_each_of_twenty_thousand_products_is_a_receipt() -> None:
    warning = {"reason": "WARNING_REASON_CART_DATA_ITEM_UNIT_PRICE_MISSING", "description": "x" * 200}
    named = [
        warning | {"field": f"events.events[{i}].cart_data.items[{j}].unit_price"}
        for i in range(2000)
        for j in range(10)
    ]
    body = orjson.dumps(OK | {"fieldWarnings": named})
    assert len(body) < http.MAX_BODY_BYTES
    receipt = classify_response(Answer(200, {}, body), 2000)
    assert receipt.outcome is Outcome.RECEIVED
    assert receipt.warnings == {"CART_DATA_ITEM_UNIT_PRICE_MISSING": 2000}


@pytest.mark.parametrize(("first", "outcome"), [(True, Outcome.RECEIVED), (False, Outcome.UNKNOWN)])
def test_of_an_answer_that_was_cut_what_was_read_counts(
    monkeypatch: pytest.MonkeyPatch, first: bool, outcome: Outcome
) -> None:
    named = [{"field": f"events[{i}]", "reason": "WARNING_REASON_GENERIC"} for i in range(99)]
    warned: dict[str, Any] = {"fieldWarnings": named}
    body = orjson.dumps(OK | warned if first else warned | OK)[:2000]
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 2000)
    assert classify_response(Answer(200, {}, body), 99).outcome is outcome
    monkeypatch.setattr(http, "MAX_BODY_BYTES", 2001)
    assert classify_response(Answer(200, {}, body), 99).outcome is Outcome.UNKNOWN


CONSENT = {"reason": "DENIED_CONSENT", "description": ""}


@pytest.mark.parametrize(("named", "events", "stops"), [(5, 9, True), (4, 4, False), (5, 10, False), (40, 40, True)])
def test_consent_that_most_events_lack_at_once_is_not_theirs(named: int, events: int, stops: bool) -> None:
    violations = [CONSENT | {"field": f"events.events[{i}]"} for i in range(named)]
    details = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}]
    body = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "details": details}}
    receipt = classify_response(Answer(400, {}, orjson.dumps(body)), events)
    assert receipt.next is (Next.STOP_REFUSED if stops else Next.ISOLATE)
    assert len(receipt.failed_items) == (0 if stops else named)
    assert "consent" in (by_code(receipt.code) or "")


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, {}, "200/NO_REQUEST_ID"),
        (200, {"requestId": ""}, "200/NO_REQUEST_ID"),
        (200, OK | {"error": {"code": 500}}, "200/ERROR"),
        (200, OK | {"error": None}, "200/ERROR"),
        (200, [], "200/UNREADABLE"),
        (200, b"", "200/UNREADABLE"),
        (200, b"<html>Service Unavailable</html>", "200/UNREADABLE"),
        (200, b'{"requestId":"x"', "200/UNREADABLE"),
        (302, b"", "302/UNREADABLE"),
        (400, b"<html>Bad Request</html>", "400/UNREADABLE"),
        (403, b"<html>a proxy</html>", "403/UNREADABLE"),
        (502, b"<html>Bad Gateway</html>", "502/UNREADABLE"),
        (400, {"error": "invalid"}, "400/UNREADABLE"),
        (400, b'{"error":' * 10000, "400/UNREADABLE"),
    ],
)
def test_an_answer_that_says_nothing_conclusive_is_unknown(status: int, body: object, code: str) -> None:
    receipt = answered(status, body)

    assert verdict(receipt) == AGAIN
    assert receipt.code == code


@pytest.mark.parametrize(("status", "expected"), [(429, THROTTLED), (413, DATA)])
def test_some_statuses_decide_without_a_body(status: int, expected: tuple[Outcome, Next]) -> None:
    assert verdict(answered(status, b"<html></html>")) == expected


def test_no_prose_of_the_platform_reaches_a_receipt() -> None:
    receipt = refused(
        400,
        "jane@example.com is invalid",
        ("events[0].jane@example.com", "Jane Doe"),
        info={"reason": "Jane Doe", "metadata": {"value": "jane@example.com"}},
    )

    assert "Doe" not in repr(receipt)
    assert "@" not in repr(receipt)
