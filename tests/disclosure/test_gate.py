"""The gate: it passes only bytes that the policy lists, and its messages repeat no value."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.disclosure import gate
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy, load_policy
from conversions.disclosure.schema import SHAPES
from conversions.errors import DisclosureError
from tests.disclosure.shapes import fits

POLICY = load_policy(Path(__file__).parents[2] / "config" / "privacy-policy.toml")
DIGEST = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a"
WIRE_ID = "c-0123456789abcdef0123456789abcdef"

GOOGLE: dict[str, Any] = {
    "transactionId": WIRE_ID,
    "eventTimestamp": "2026-11-21T22:59:59Z",
    "eventSource": "WEB",
    "conversionValue": 49.9,
    "currency": "DKK",
    "userData": {"userIdentifiers": [{"emailAddress": DIGEST}]},
    "consent": {"adUserData": "CONSENT_GRANTED"},
    "cartData": {"items": [{"merchantProductId": "SKU-1", "itemId": "SKU-1"}]},
}
META: dict[str, Any] = {
    "event_name": "Purchase",
    "event_time": 1795301999,
    "event_id": WIRE_ID,
    "action_source": "physical_store",
    "user_data": {"em": [DIGEST]},
    "custom_data": {
        "currency": "DKK",
        "value": 49.9,
        "order_id": WIRE_ID,
        "content_ids": ["SKU-1", "SKU-2"],
        "content_type": "product",
    },
}
ENVELOPES: dict[str, tuple[bytes, bytes]] = {
    "google": (
        b'{"destinations":[{"operatingAccount":{"accountType":"GOOGLE_ADS","accountId":"1"}}],"encoding":"HEX","events":[',
        b"]}",
    ),
    "meta": (b'{"data":[', b'],"upload_tag":"2026-11-22T06:15"}'),
}
EVENTS = {"google": GOOGLE, "meta": META}
KINDS = pytest.mark.parametrize("kind", ["google", "meta"])


def body(kind: str, *events: bytes) -> bytes:
    prefix, suffix = ENVELOPES[kind]
    return prefix + b",".join(events) + suffix


def changed(document: Any, path: str, value: object) -> Any:
    """A copy of *document* with the value at *path* (``a.b.0.c``) replaced or added."""
    copy = json.loads(json.dumps(document))
    *branch, leaf = [int(step) if step.isdigit() else step for step in path.split(".")]
    node = copy
    for step in branch:
        node = node[step]
    node[leaf] = value
    return copy


@KINDS
def test_what_is_listed_passes_and_the_paths_present_are_told(kind: str) -> None:
    event = orjson.dumps(EVENTS[kind])
    gate = Gate(POLICY, kind)

    paths = gate.check(body(kind, event, event), 2)

    assert gate.violation(event) is None
    assert list(paths) == sorted(paths)
    assert set(paths) == set(leaves(json.loads(body(kind, event))))


def leaves(node: Any, path: str = "") -> Iterator[str]:
    """An independent walk: the path of every leaf."""
    if isinstance(node, dict):
        for key, child in node.items():
            yield from leaves(child, f"{path}.{key}" if path else key)
    elif isinstance(node, list):
        for child in node:
            yield from leaves(child, f"{path}[]")
    else:
        yield path


EMAIL = "events[].userData.userIdentifiers[].emailAddress"


@pytest.mark.parametrize(
    ("kind", "place", "value", "path"),
    [
        ("google", "gclid", "x", "events[].gclid"),
        ("google", "userData.userIdentifiers.0.phoneNumber", DIGEST, "events[].userData.userIdentifiers[].phoneNumber"),
        ("google", "userData.userIdentifiers.0.emailAddress", "secret@example.com", EMAIL),
        ("google", "userData.userIdentifiers.0.emailAddress", DIGEST[:-1], EMAIL),
        ("google", "userData.userIdentifiers.0.emailAddress", [DIGEST], EMAIL),
        ("google", "userData", DIGEST, "events[].userData"),
        ("google", "userData.userIdentifiers", {}, "events[].userData.userIdentifiers"),
        ("google", "cartData.items", [], "events[].cartData.items"),
        ("google", "consent", {}, "events[].consent"),
        ("google", "consent.adUserData", "GRANTED", "events[].consent.adUserData"),
        ("google", "conversionValue", "49.90", "events[].conversionValue"),
        ("google", "conversionValue", None, "events[].conversionValue"),
        ("google", "conversionValue", True, "events[].conversionValue"),
        ("google", "conversionValue", -1, "events[].conversionValue"),
        ("google", "cartData.items.0.itemId", "secret name", "events[].cartData.items[].itemId"),
        ("google", "cartData.items.0.quantity", "1", "events[].cartData.items[].quantity"),
        ("meta", "user_data.em.0", "secret@example.com", "data[].user_data.em[]"),
        ("meta", "user_data.em", DIGEST, "data[].user_data.em"),
        ("meta", "user_data.client_user_agent", "x", "data[].user_data.client_user_agent"),
        ("meta", "event_time", 1795301999000, "data[].event_time"),
        ("meta", "custom_data.value", "49.90", "data[].custom_data.value"),
        ("meta", "custom_data.content_ids.1", "secret@b.dk", "data[].custom_data.content_ids[]"),
        ("meta", "custom_data.contents", [], "data[].custom_data.contents"),
        ("meta", "event_id", "100045", "data[].event_id"),
    ],
)
def test_what_is_not_listed_or_of_another_shape_stays(kind: str, place: str, value: object, path: str) -> None:
    event = orjson.dumps(changed(EVENTS[kind], place, value))
    gate = Gate(POLICY, kind)

    with pytest.raises(DisclosureError) as caught:
        gate.check(body(kind, orjson.dumps(EVENTS[kind]), event), 2)

    assert gate.violation(event) == path
    assert f" {path} is not listed" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "event",
    [
        b'{"currency":"DKK","currency":"DKK"}',
        b'{"currency": "DKK"}',
        b'{"currency":"\\u0044KK"}',
        b'{"conversionValue":1.00}',
        b'{"conversionValue":1e2}',
        b'{"conversionValue":NaN}',
        b'{"conversionValue":Infinity}',
        b'{"conversionValue":1e999}',
        b'{"conversionValue":123456789012345678901}',
        b'{"currency":"DKK"}}',
        b'{"currency":"DKK"',
        b'{"currency":"\xff"}',
    ],
)
def test_bytes_that_could_be_written_otherwise_stay(event: bytes) -> None:
    gate = Gate(POLICY, "google")

    assert gate.violation(event) == "events[]"
    with pytest.raises(DisclosureError, match="canonical"):
        gate.check(body("google", event), 1)


@pytest.mark.parametrize("event", [b"[]", b'"DKK"', b"1", b"null", b"{}"])
def test_an_event_that_is_no_object_stays(event: bytes) -> None:
    assert Gate(POLICY, "google").violation(event) == "events[]"


@KINDS
@pytest.mark.parametrize("said", [0, 1, 3])
def test_a_body_holds_as_many_events_as_the_log_will_say(kind: str, said: int) -> None:
    event = orjson.dumps(EVENTS[kind])

    with pytest.raises(DisclosureError, match=f"{said} events"):
        Gate(POLICY, kind).check(body(kind, event, event), said)


@pytest.mark.parametrize("envelope", [b'{"validateOnly":true,"events":[', b'{"consent":{},"events":['])
def test_the_envelope_is_checked_too(envelope: bytes) -> None:
    with pytest.raises(DisclosureError, match=r"validateOnly|consent"):
        Gate(POLICY, "google").check(envelope + orjson.dumps(GOOGLE) + b"]}", 1)


@pytest.mark.parametrize("document", [b"[]", b"{}", b'{"encoding":"HEX"}', b"null"])
def test_a_body_without_events_stays(document: bytes) -> None:
    with pytest.raises(DisclosureError):
        Gate(POLICY, "google").check(document, 1)


@pytest.mark.parametrize(
    "address", ["jane@example.com", "jane%40example.com", "jane＠example.com", "jane﹫example.com"]
)
def test_what_looks_like_an_address_stays_whatever_a_shape_says(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SHAPES, "product-id", lambda value: True)
    gate = Gate(POLICY, "google")
    event = orjson.dumps(changed(GOOGLE, "cartData.items.0.itemId", address))

    assert gate.violation(event) == "text like an e-mail address"
    with pytest.raises(DisclosureError, match="text like an e-mail address"):
        gate.check(body("google", event), 1)


@pytest.mark.parametrize("key", ["jane@example.com", "Jane Doe", "4512345678", "Øjvind", ""])
def test_a_key_that_may_be_a_value_is_not_named(key: str) -> None:
    misfit = Gate(POLICY, "google").violation(orjson.dumps(GOOGLE | {key: 1}))

    assert misfit == "events[].(a key that is no name)"


def test_a_policy_that_lists_nothing_lets_nothing_leave() -> None:
    empty = POLICY.model_copy(update={"google": ()})

    assert Gate(Policy.model_validate(empty.model_dump(by_alias=True)), "google").violation(orjson.dumps(GOOGLE))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PLACES = [path for path in leaves(GOOGLE) if "[]" not in path]


@given(st.sampled_from(PLACES), JSON)
def test_any_value_in_any_place_passes_by_its_shape_alone(place: str, value: object) -> None:
    event = orjson.dumps(changed(GOOGLE, place, value))

    passes = Gate(POLICY, "google").violation(event) is None

    assert passes is fits(POLICY.shape("google", f"events[].{place}"), value)


@given(st.sampled_from([*PLACES, "userData.userIdentifiers.0.emailAddress", "new"]), JSON)
def test_a_message_repeats_nothing_of_what_was_about_to_leave(place: str, value: object) -> None:
    event = orjson.dumps(changed(GOOGLE, place, {"S3cret": ["S3cret", value], "S3cret 2": value}))

    with pytest.raises(DisclosureError) as caught:
        Gate(POLICY, "google").check(body("google", event), 1)

    assert "S3cret" not in str(caught.value)


def test_the_gate_does_not_use_how_events_are_made() -> None:
    """It imports neither a destination nor a conversion: what it knows, it knows from bytes and policy."""
    imported = set(re.findall(r"^from (conversions[\w.]*)", Path(gate.__file__).read_text(), re.MULTILINE))

    assert imported == {"conversions.errors", "conversions.disclosure.policy", "conversions.disclosure.schema"}
