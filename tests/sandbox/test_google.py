"""What Google takes, what it refuses, and how it says so."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import googleapiclient
import orjson
import pytest
import requests
from google.ads.datamanager_v1 import types
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

from tests.sandbox.conftest import DIGEST, GOOGLE, Client, Json, ingest, transaction

DISCOVERY = Path(googleapiclient.__file__).parent / "discovery_cache/documents/datamanager.v1.json"
SCHEMAS = orjson.loads(DISCOVERY.read_bytes())["schemas"]


def misfits(value: Any, schema: Json, path: str = "") -> Iterator[str]:
    """Where *value* is not what the discovery document's *schema* says."""
    schema = SCHEMAS[schema["$ref"]] if "$ref" in schema else schema
    match schema["type"], value:
        case "object", dict():
            for name, inner in value.items():
                if name in schema["properties"]:
                    yield from misfits(inner, schema["properties"][name], f"{path}.{name}")
                else:
                    yield f"{path}.{name}"
        case "array", list():
            for i, inner in enumerate(value):
                yield from misfits(inner, schema["items"], f"{path}[{i}]")
        case "string", str() if "enum" not in schema or value in schema["enum"]:
            return
        case (("integer" | "number"), int() | float()):
            return
        case _:
            yield path


def violations(answer: requests.Response) -> list[tuple[str, str]]:
    """(field, reason) of each violation of a documented 400."""
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error["details"]}
    assert details["ErrorInfo"]["domain"] == "datamanager.googleapis.com"
    assert details["RequestInfo"]["requestId"].startswith("t-")
    return [(v["field"], v["reason"]) for v in details["BadRequest"]["fieldViolations"]]


def refusal(client: Client, **changes: Any) -> tuple[str, str]:
    """The one violation of an event with *changes*, sent as the second of three."""
    answer = client.google(
        transaction("order-1"), transaction(**{"number": "order-2", **changes}), transaction("order-3")
    )
    [(field, reason)] = violations(answer)
    assert field.startswith("events.events[1]")
    assert client.received("google")["distinct"] == 0
    return field.removeprefix("events.events[1]").removeprefix("."), reason


def test_the_documented_body_is_taken_and_answered_with_a_request_id(client: Client) -> None:
    consent = {"adUserData": "CONSENT_GRANTED", "adPersonalization": "CONSENT_GRANTED"}
    answer = client.google(transaction(consent=consent))
    assert answer.status_code == 200
    assert set(answer.json()) == {"requestId"}
    assert not answer.json()["requestId"].startswith("t-")
    assert answer.headers["Date"] == "Sun, 22 Nov 2026 12:00:00 GMT"


def test_every_request_id_is_new(client: Client) -> None:
    assert len({client.google(transaction()).json()["requestId"] for _ in range(3)}) == 3


def test_what_the_official_package_builds_is_taken_in_either_spelling(client: Client) -> None:
    item = {"merchantProductId": "SKU-1", "itemId": "SKU-1", "quantity": "2", "unitPrice": 12.5}
    request = json_format.ParseDict(ingest(transaction(cartData={"items": [item]})), types.IngestEventsRequest.pb()())
    for snake_case in (False, True):
        body = json_format.MessageToDict(request, preserving_proto_field_name=snake_case)
        assert client.post(GOOGLE, body).status_code == 200


def test_answers_have_the_shape_of_the_discovery_document(client: Client) -> None:
    answer = client.google(transaction(cartData={"items": [{"itemId": "SKU-1"}]})).json()
    assert answer["fieldWarnings"]
    assert list(misfits(answer, SCHEMAS["IngestEventsResponse"])) == []


def test_error_details_are_those_of_google_rpc(client: Client) -> None:
    error = client.google(transaction(currency="kr")).json()["error"]
    status = json_format.ParseDict({k: v for k, v in error.items() if k != "status"}, status_pb2.Status())
    bad = error_details_pb2.BadRequest()
    assert status.details[2].Unpack(bad)
    assert bad.field_violations[0].reason == "INVALID_CURRENCY_CODE"


def test_an_unknown_key_is_refused_and_named(client: Client) -> None:
    answer = client.google(transaction(colour="red"))
    assert violations(answer) == [("events.events[0].colour", "INVALID_ARGUMENT")]
    assert 'Unknown name \\"colour\\"' in answer.text


def test_an_unknown_key_beside_the_events_is_refused(client: Client) -> None:
    assert violations(client.google(transaction(), upload_tag="x")) == [("upload_tag", "INVALID_ARGUMENT")]


@pytest.mark.parametrize("body", [b"", b"{", b"[]x", b'{"events": NaN}', b"\xff", b'{"a": 1, "a": 1}', b"[" * 100_000])
def test_what_is_not_json_is_refused(client: Client, body: bytes) -> None:
    answer = client.post(GOOGLE, body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Invalid JSON payload received."


def test_another_content_type_is_refused(client: Client) -> None:
    assert client.post(GOOGLE, ingest(transaction()), Content_Type="text/plain").status_code == 400


def test_values_are_never_echoed(client: Client) -> None:
    answer = client.google(
        transaction(
            currency="SECRET",
            conversionValue="SECRET",
            eventSource="SECRET",
            eventTimestamp="SECRET",
            transactionId="SECRET" * 20,
            userData={"userIdentifiers": [{"emailAddress": "SECRET"}]},
        )
    )
    assert len(violations(answer)) == 6
    assert "SECRET" not in answer.text


@pytest.mark.parametrize("authorization", ["Basic abc", "Bearer", "Bearer ", "token"])
def test_a_credential_that_is_no_bearer_token_is_refused(client: Client, authorization: str) -> None:
    answer = client.post(GOOGLE, ingest(transaction()), Authorization=authorization)
    assert (answer.status_code, answer.json()["error"]["status"]) == (401, "UNAUTHENTICATED")


def test_a_bearer_token_and_none_are_both_taken(client: Client) -> None:
    assert client.post(GOOGLE, ingest(transaction()), Authorization="Bearer t").status_code == 200
    assert client.post(GOOGLE, ingest(transaction())).status_code == 200


def test_at_most_2000_events(client: Client) -> None:
    events = [transaction(f"order-{i}") for i in range(2001)]
    assert violations(client.google(*events)) == [("events", "TOO_MANY_EVENTS")]
    assert client.google(*events[:2000]).status_code == 200


def test_at_least_one_event(client: Client) -> None:
    assert violations(client.google()) == [("events", "TOO_FEW_ELEMENTS")]
    assert violations(client.post(GOOGLE, ingest(events=None))) == [("events", "REQUIRED_FIELD_MISSING")]


@pytest.mark.parametrize(
    ("changes", "field", "reason"),
    [
        ({"destinations": None}, "destinations", "REQUIRED_FIELD_MISSING"),
        ({"destinations": []}, "destinations", "TOO_FEW_ELEMENTS"),
        ({"encoding": None}, "encoding", "REQUIRED_FIELD_MISSING"),
        ({"encoding": "hex"}, "encoding", "INVALID_ENUM_VALUE"),
        ({"validateOnly": "true"}, "validate_only", "INVALID_FORMAT"),
        ({"consent": {"adUserData": "GRANTED"}}, "consent.ad_user_data", "INVALID_ENUM_VALUE"),
    ],
)
def test_the_envelope_is_checked(client: Client, changes: Json, field: str, reason: str) -> None:
    assert violations(client.google(transaction(), **changes)) == [(field, reason)]


@pytest.mark.parametrize(
    ("account", "field", "reason"),
    [
        ({"accountType": "ADS", "accountId": "1234567890"}, ".account_type", "INVALID_ENUM_VALUE"),
        ({"accountType": "GOOGLE_ADS", "accountId": "123-456-7890"}, "", "INVALID_DESTINATION"),
        ({"accountType": "GOOGLE_ADS", "accountId": 1234567890}, ".account_id", "INVALID_FORMAT"),
        ({"accountType": "GOOGLE_ADS"}, ".account_id", "REQUIRED_FIELD_MISSING"),
    ],
)
def test_an_account_is_typed_and_has_ten_digits(client: Client, account: Json, field: str, reason: str) -> None:
    for name, path in (("operatingAccount", "operating_account"), ("loginAccount", "login_account")):
        [destination] = ingest()["destinations"]
        answer = client.google(transaction(), destinations=[{**destination, name: account}])
        assert violations(answer) == [(f"destinations[0].{path}{field}", reason)]


def test_a_conversion_action_is_a_number_in_a_string(client: Client) -> None:
    [destination] = ingest()["destinations"]
    for action, reason in (("customers/1/x", "INVALID_CONVERSION_ACTION_ID"), (987654321, "INVALID_FORMAT")):
        answer = client.google(transaction(), destinations=[{**destination, "productDestinationId": action}])
        assert violations(answer) == [("destinations[0].product_destination_id", reason)]


@pytest.mark.parametrize(
    "timestamp",
    [
        "2026-11-21",
        "2026-11-21T10:00:00",
        "2026-11-21 10:00:00Z",
        "2026-11-21T10:00:00+0100",
        "2026-02-31T10:00:00Z",
        5,
    ],
)
def test_a_timestamp_is_rfc_3339_with_an_offset(client: Client, timestamp: object) -> None:
    assert refusal(client, eventTimestamp=timestamp) == ("event_timestamp", "INVALID_FORMAT")


@pytest.mark.parametrize(
    "timestamp",
    ["2026-11-21T23:59:59+01:00", "2026-11-21T10:00:00.123456789Z", "2026-09-20T12:00:00Z", "2026-11-22T12:01:00Z"],
)
def test_a_timestamp_inside_the_window_is_taken(client: Client, timestamp: str) -> None:
    assert client.google(transaction(eventTimestamp=timestamp)).status_code == 200


@pytest.mark.parametrize("timestamp", ["2026-09-20T11:59:59Z", "2026-11-22T12:01:01Z"])
def test_older_than_63_days_or_ahead_is_refused(client: Client, timestamp: str) -> None:
    assert refusal(client, eventTimestamp=timestamp) == ("event_timestamp", "EVENT_TIME_INVALID")


@pytest.mark.parametrize("name", ["eventTimestamp", "eventSource"])
def test_time_and_source_are_required(client: Client, name: str) -> None:
    field, reason = refusal(client, **{name: None})
    assert field == {"eventTimestamp": "event_timestamp", "eventSource": "event_source"}[name]
    assert reason == "REQUIRED_FIELD_MISSING"


@pytest.mark.parametrize("source", ["EVENT_SOURCE_UNSPECIFIED", "web", "SHOP"])
def test_a_source_is_one_of_six(client: Client, source: str) -> None:
    assert refusal(client, eventSource=source) == ("event_source", "INVALID_ENUM_VALUE")


@pytest.mark.parametrize("currency", ["dkk", "KR", "DKKK", "D1K", ""])
def test_a_currency_is_three_capitals(client: Client, currency: str) -> None:
    assert refusal(client, currency=currency) == ("currency", "INVALID_CURRENCY_CODE")


@pytest.mark.parametrize("value", ["49.9", True, -0.01, [1]])
def test_a_value_is_a_number_from_zero_up(client: Client, value: object) -> None:
    assert refusal(client, conversionValue=value) == ("conversion_value", "INVALID_NUMBER_FORMAT")


def test_a_value_beyond_a_double_is_refused(client: Client) -> None:
    body = orjson.dumps(ingest(transaction())).replace(b"49.9", b"1e400")
    assert violations(client.post(GOOGLE, body)) == [("events.events[0].conversion_value", "INVALID_NUMBER_FORMAT")]


@pytest.mark.parametrize("value", [0, 49, 49.9])
def test_a_value_may_be_zero_whole_or_a_fraction(client: Client, value: float) -> None:
    assert client.google(transaction(conversionValue=value)).status_code == 200


@pytest.mark.parametrize(
    ("address", "encoding", "reason"),
    [
        ("quinny@example.com", "HEX", "INVALID_HEX_ENCODING"),
        (DIGEST[:-1], "HEX", "INVALID_SHA256_FORMAT"),
        (DIGEST + "00", "HEX", "INVALID_SHA256_FORMAT"),
        ("", "HEX", "INVALID_SHA256_FORMAT"),
        ("quinny@example.com", "BASE64", "INVALID_BASE64_ENCODING"),
        (DIGEST, "BASE64", "INVALID_SHA256_FORMAT"),
        ("AAAA", "BASE64", "INVALID_SHA256_FORMAT"),
    ],
)
def test_an_identifier_is_an_encoded_sha_256(client: Client, address: str, encoding: str, reason: str) -> None:
    event = transaction(userData={"userIdentifiers": [{"emailAddress": address}]})
    field = "events.events[0].user_data.user_identifiers[0].email_address"
    assert violations(client.google(event, encoding=encoding)) == [(field, reason)]


def test_an_encoding_is_required_as_soon_as_one_event_has_user_data(client: Client) -> None:
    clicked = transaction("order-1", userData=None, adIdentifiers={"gclid": "x"})
    assert client.google(clicked, encoding=None).status_code == 200
    answer = client.google(clicked, transaction("order-2"), encoding=None)
    assert violations(answer) == [("encoding", "REQUIRED_FIELD_MISSING")]


def test_hex_is_taken_in_either_case_and_base64_where_declared(client: Client) -> None:
    for address, encoding in ((DIGEST.upper(), "HEX"), (base64.b64encode(bytes.fromhex(DIGEST)).decode(), "BASE64")):
        event = transaction(userData={"userIdentifiers": [{"emailAddress": address}]})
        assert client.google(event, encoding=encoding).status_code == 200


@pytest.mark.parametrize(
    ("identifiers", "field", "reason"),
    [
        ([], "user_data.user_identifiers", "TOO_FEW_ELEMENTS"),
        ([{"emailAddress": DIGEST}] * 11, "user_data.user_identifiers", "TOO_MANY_USER_IDENTIFIERS"),
        ([{}], "user_data.user_identifiers[0]", "NO_IDENTIFIERS_PROVIDED"),
        ([{"emailAddress": DIGEST, "phoneNumber": DIGEST}], "user_data.user_identifiers[0]", "INVALID_FORMAT"),
        ([{"email": DIGEST}], "user_data.user_identifiers[0].email", "INVALID_ARGUMENT"),
    ],
)
def test_identifiers_are_one_to_ten_of_one_value_each(
    client: Client, identifiers: list[Json], field: str, reason: str
) -> None:
    assert refusal(client, userData={"userIdentifiers": identifiers}) == (field, reason)


def test_an_event_without_any_identifier_is_refused(client: Client) -> None:
    assert refusal(client, userData=None) == ("", "NO_IDENTIFIERS_PROVIDED")


@pytest.mark.parametrize(
    ("number", "reason"), [("x" * 65, "FIELD_VALUE_TOO_LONG"), ("", "FIELD_VALUE_TOO_SHORT"), (7, "INVALID_FORMAT")]
)
def test_a_transaction_id_has_1_to_64_characters(client: Client, number: object, reason: str) -> None:
    assert refusal(client, transactionId=number) == ("transaction_id", reason)
    assert client.google(transaction("x" * 64)).status_code == 200


def test_a_purely_numeric_transaction_id_is_refused_at_the_event(client: Client) -> None:
    assert refusal(client, transactionId="100045") == ("", "INVALID_EVENT")


def test_cart_data_hold_at_least_one_item(client: Client) -> None:
    assert refusal(client, cartData={"items": []}) == ("cart_data.items", "TOO_FEW_ELEMENTS")
    assert refusal(client, cartData={}) == ("cart_data.items", "REQUIRED_FIELD_MISSING")


def test_a_quantity_is_a_string_of_digits(client: Client) -> None:
    assert refusal(client, cartData={"items": [{"quantity": 2}]}) == ("cart_data.items[0].quantity", "INVALID_FORMAT")


def test_a_merchant_id_is_a_number_in_a_string(client: Client) -> None:
    cart = {"merchantId": "shop", "items": [{"itemId": "SKU-1"}]}
    assert refusal(client, cartData=cart) == ("cart_data.merchant_id", "INVALID_MERCHANT_ID")


@pytest.mark.parametrize("name", ["adUserData", "adPersonalization"])
def test_a_consent_is_one_of_three_words(client: Client, name: str) -> None:
    _, reason = refusal(client, consent={name: "GRANTED"})
    assert reason == "INVALID_ENUM_VALUE"


def test_what_a_cart_lacks_is_a_warning(client: Client) -> None:
    items = [{"itemId": "SKU-1", "unitPrice": 2}, {"itemId": "SKU-2", "merchantProductId": "SKU-2"}]
    warnings = client.google(transaction(), transaction("order-2", cartData={"items": items})).json()["fieldWarnings"]
    assert [(w["field"], w["reason"]) for w in warnings] == [
        (
            "events.events[1].cart_data.items[0].merchant_product_id",
            "WARNING_REASON_CART_DATA_ITEM_MERCHANT_PRODUCT_ID_MISSING",
        ),
        ("events.events[1].cart_data.items[1].unit_price", "WARNING_REASON_CART_DATA_ITEM_UNIT_PRICE_MISSING"),
    ]


def test_all_bad_events_are_named_and_nothing_is_stored(client: Client) -> None:
    answer = client.google(transaction("order-1", currency="kr"), transaction("order-2"), transaction("3"))
    assert violations(answer) == [
        ("events.events[0].currency", "INVALID_CURRENCY_CODE"),
        ("events.events[2]", "INVALID_EVENT"),
    ]
    assert client.received("google")["events"] == 0
    assert client.received("google")["refused"] == {"INVALID_CURRENCY_CODE": 1}


def test_validate_only_checks_and_stores_nothing(client: Client) -> None:
    answer = client.google(transaction(), validateOnly=True)
    assert answer.status_code == 200
    report = client.received("google")
    assert (report["accepted_requests"], report["events"], report["distinct"]) == (1, 0, 0)
    status = client.get(f"/v1/requestStatus:retrieve?requestId={answer.json()['requestId']}")
    assert violations(status) == [("request_id", "INVALID_REQUEST_ID")]
    assert violations(client.google(transaction(currency="kr"), validateOnly=True))


def test_the_same_transaction_again_is_an_adjustment_at_any_time(client: Client, clock: Any) -> None:
    client.google(transaction("order-1", conversionValue=49.9), transaction("order-2", conversionValue=10))
    clock.forward(days=40)
    client.google(transaction("order-1", conversionValue=20.05))
    report = client.received("google")
    assert (report["events"], report["distinct"], report["duplicates"], report["double_counted"]) == (3, 2, 1, 0)
    assert report["value"] == {"DKK": "30.05"}


def test_the_same_transaction_in_another_action_is_another_conversion(client: Client) -> None:
    [destination] = ingest()["destinations"]
    client.google(transaction())
    client.google(transaction(), destinations=[{**destination, "productDestinationId": "5"}])
    assert client.received("google")["distinct"] == 2


def test_without_a_transaction_id_a_repeat_is_another_conversion(client: Client) -> None:
    client.google(transaction(transactionId=None))
    client.google(transaction(transactionId=None))
    assert client.received("google")["distinct"] == 2


def test_another_path_is_not_found(client: Client) -> None:
    answer = client.post("/v1/events:ingests", ingest(transaction()))
    assert (answer.status_code, answer.json()["error"]["status"]) == (404, "NOT_FOUND")
