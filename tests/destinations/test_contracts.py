"""Every body that can be made, held against what the platforms themselves publish."""

import json
import warnings
from importlib import resources
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from hypothesis import given
from hypothesis import strategies as st

from conversions.destinations.base import Destination
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.gate import Gate
from conversions.errors import DisclosureError
from conversions.model.conversion import Conversion
from conversions.settings import GoogleSettings, MetaSettings
from tests.destinations.specimens import (
    CONVERSIONS,
    DIGEST,
    GOOGLE_SETTINGS,
    META_SETTINGS,
    POLICY,
    conversion,
    google_settings,
    meta_settings,
)

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from facebook_business.adobjects.serverside.action_source import ActionSource
    from facebook_business.adobjects.serverside.custom_data import CustomData
    from facebook_business.adobjects.serverside.event import Event
    from facebook_business.adobjects.serverside.event_request import EventRequest
    from facebook_business.adobjects.serverside.user_data import UserData
    from google.ads.datamanager_v1.types import IngestEventsRequest

SEVERAL = st.lists(CONVERSIONS, min_size=1, max_size=5)
TAG = "conversions-2026-11-22"

Json = dict[str, Any]


def body(destination: Destination, conversions: list[Conversion]) -> bytes:
    envelope = destination.envelope(TAG)
    return envelope.prefix + b",".join(map(destination.event, conversions)) + envelope.suffix


# Google: the official protobuf and the discovery document


def parsed(document: Json) -> Json:
    """*document* through Google's own message class, unknown fields refused."""
    message = ParseDict(document, IngestEventsRequest.pb()(), ignore_unknown_fields=False)
    result: Json = MessageToDict(message)
    return result


@given(GOOGLE_SETTINGS, SEVERAL)
def test_google_s_protobuf_reads_every_body_and_loses_nothing(
    settings: GoogleSettings, conversions: list[Conversion]
) -> None:
    document = json.loads(body(Google("google", settings, POLICY), conversions))

    assert parsed(document) == document


@given(GOOGLE_SETTINGS, SEVERAL)
def test_google_s_discovery_document_knows_every_field_of_every_body(
    settings: GoogleSettings, conversions: list[Conversion]
) -> None:
    document = json.loads(body(Google("google", settings, POLICY), conversions))

    assert strangers(document, {"$ref": "IngestEventsRequest"}) == []


@pytest.mark.parametrize(
    "stranger",
    [{"currencyCode": "DKK"}, {"conversionValue": "49,90"}, {"eventSource": "SHOP"}, {"eventTimestamp": "2026-11-21"}],
)
def test_the_protobuf_oracle_can_say_no(stranger: Json) -> None:
    document = json.loads(body(Google("google", google_settings(), POLICY), [conversion()]))
    document["events"][0] |= stranger

    with pytest.raises(ParseError):
        parsed(document)


@pytest.mark.parametrize("stranger", [{"currencyCode": "DKK"}, {"conversionValue": "49.90"}, {"eventSource": "SHOP"}])
def test_the_discovery_oracle_can_say_no(stranger: Json) -> None:
    document = json.loads(body(Google("google", google_settings(), POLICY), [conversion()]))
    document["events"][0] |= stranger

    assert strangers(document, {"$ref": "IngestEventsRequest"}) == [f"events[0].{key}" for key in stranger]


SCHEMAS: Json = json.loads(
    resources.files("googleapiclient").joinpath("discovery_cache/documents/datamanager.v1.json").read_text()
)["schemas"]
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def strangers(value: object, schema: Json, path: str = "") -> list[str]:
    """The paths in *value* that *schema* does not know, or knows otherwise."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"]]
    if type(value) not in TYPES[schema["type"]] or value not in schema.get("enum", [value]):
        return [path]
    if isinstance(value, list):
        return [found for i, one in enumerate(value) for found in strangers(one, schema["items"], f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    known = schema["properties"]
    at = {key: f"{path}.{key}".lstrip(".") for key in value}
    return [
        found for key in value for found in (strangers(value[key], known[key], at[key]) if key in known else [at[key]])
    ]


# Meta: the official SDK


def as_the_sdk_sends(settings: MetaSettings, conversions: list[Conversion]) -> Json:
    """The same orders, built and serialised by facebook-business; needs neither network nor token."""
    website = settings.action_source == "website"
    events = [
        Event(
            event_name="Purchase",
            event_time=one.event_at,
            event_id=one.wire_id,
            action_source=ActionSource(settings.action_source),
            event_source_url=settings.event_source_url if website else None,
            user_data=UserData(emails=[one.email_sha256]),
            custom_data=CustomData(
                currency=one.currency,
                value=float(one.value),
                order_id=one.wire_id,
                content_ids=list(one.product_ids),
                content_type="product",
            ),
        )
        for one in conversions
    ]
    tagged = settings.upload_tag and settings.action_source == "physical_store"
    params = EventRequest(settings.dataset_id, events=events, upload_tag=TAG if tagged else None).get_params()
    return {key: [json.loads(one) for one in text] if key == "data" else text for key, text in params.items()}


def canonical(document: Json) -> Json:
    """The SDK writes currencies in lower case; Meta takes both."""
    for event in document["data"]:
        event["custom_data"]["currency"] = event["custom_data"]["currency"].upper()
    return document


@given(META_SETTINGS, SEVERAL)
def test_meta_s_sdk_would_send_the_same(settings: MetaSettings, conversions: list[Conversion]) -> None:
    ours = json.loads(body(Meta("meta", settings, POLICY), conversions))

    assert canonical(ours) == canonical(as_the_sdk_sends(settings, conversions))


def test_the_sdk_oracle_can_say_no() -> None:
    """It hashes what is no digest: had we sent an address or a digest in capitals, the two would differ."""
    capitals = conversion(email_sha256=DIGEST.upper())

    ours = json.loads(body(Meta("meta", meta_settings(), POLICY), [capitals]))

    assert canonical(ours) != canonical(as_the_sdk_sends(meta_settings(), [capitals]))


# the gate


@given(st.one_of(GOOGLE_SETTINGS, META_SETTINGS), SEVERAL)
def test_every_body_passes_the_gate_of_the_shipped_policy(
    settings: GoogleSettings | MetaSettings, conversions: list[Conversion]
) -> None:
    destination = opened(settings)
    gate = Gate(POLICY, destination.kind)

    paths = gate.check(body(destination, conversions), len(conversions))

    assert all(POLICY.lists(destination.kind, path) for path in paths)
    assert [gate.violation(destination.event(one)) for one in conversions] == [None] * len(conversions)


def opened(settings: GoogleSettings | MetaSettings) -> Destination:
    if isinstance(settings, GoogleSettings):
        return Google("google", settings, POLICY)
    return Meta("meta", settings, POLICY)


MUTATIONS: dict[str, tuple[bytes, bytes]] = {
    "an extra key": (b'"currency":', b'"phone":"+4512345678","currency":'),
    "a key twice": (b'"currency":"DKK"', b'"currency":"DKK","currency":"DKK"'),
    "a clear address": (DIGEST.encode(), b"alexz@example.com"),
    "an address with its at sign hidden": (DIGEST.encode(), b"alexz\\u0040example.com"),
    "a digest that lost a digit": (DIGEST.encode(), DIGEST[:-1].encode()),
    "a digest in capitals": (DIGEST.encode(), DIGEST.upper().encode()),
    "an amount as text": (b":49.9,", b':"49.90",'),
    "an amount with a trailing zero": (b":49.9,", b":49.90,"),
    "an amount that is no number": (b":49.9,", b":NaN,"),
    "an amount that has no end": (b":49.9,", b":Infinity,"),
    "an amount below zero": (b":49.9,", b":-49.9,"),
    "an address as a product": (b'"SKU-1"', b'"alexz@example.com"'),
    "a name as a product": (b'"SKU-1"', b'"Jane Doe"'),
    "an order number": (b'"c-0123456789abcdef0123456789abcdef"', b'"100045"'),
    "white space": (b",", b", "),
    "something after the end": (b"]", b"] "),
}


@pytest.mark.parametrize("settings", [google_settings(), meta_settings()], ids=["google", "meta"])
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_gate_stops_a_body_with(mutation: str, settings: GoogleSettings | MetaSettings) -> None:
    destination = opened(settings)
    gate = Gate(POLICY, destination.kind)
    whole, (old, new) = body(destination, [conversion()]), MUTATIONS[mutation]

    assert gate.check(whole, 1)
    assert old in whole
    with pytest.raises(DisclosureError) as caught:
        gate.check(whole.replace(old, new, 1), 1)
    assert "alexz" not in str(caught.value)
