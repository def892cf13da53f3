"""What every destination owes to those who call it, tried on each, over real HTTP where something is sent."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st

from conversions.destinations import open_destination
from conversions.destinations.base import Destination
from conversions.disclosure.gate import Gate
from conversions.errors import SettingsError
from conversions.intake import identity
from conversions.model.conversion import Conversion, Money, Reason
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.sandbox import Sandbox
from conversions.settings import GoogleSettings, MetaSettings
from tests.destinations.specimens import (
    CONVERSIONS,
    ENDPOINT,
    POLICY,
    conversion,
    google_settings,
    meta_settings,
    policy_with_order_numbers,
    policy_without,
)

SETTINGS: dict[str, GoogleSettings | MetaSettings] = {
    "google": google_settings(endpoint=ENDPOINT),
    "meta": meta_settings(endpoint=ENDPOINT),
}
EACH = pytest.mark.parametrize("kind", SETTINGS)
STATUSES = [200, 201, 301, 400, 401, 403, 404, 408, 409, 413, 418, 425, 429, 499, 500, 502, 503, 504, 599]


def opened(kind: str, **changed: Any) -> Destination:
    settings = SETTINGS[kind].model_copy(update=changed)
    return open_destination(f"{kind}_dk", settings, POLICY)


@pytest.fixture
def platform() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@EACH
def test_it_says_who_it_is(kind: str) -> None:
    destination = opened(kind)

    assert (destination.name, destination.kind) == (f"{kind}_dk", kind)
    assert destination.recipient.endswith("Ireland Limited")
    assert destination.target
    digests = identity.digests("jane@example.com")
    assert not isinstance(digests, Reason)
    assert destination.identity_rule in digests


@EACH
def test_what_is_logged_holds_no_credential(kind: str) -> None:
    destination = opened(kind)

    assert "authorization" not in {name.lower() for name in destination.headers}
    assert "?" not in destination.url
    assert "@" not in destination.url


@EACH
@given(made=CONVERSIONS)
def test_an_event_is_one_canonical_object(kind: str, made: Conversion) -> None:
    event = opened(kind).event(made)

    assert event.startswith(b"{")
    assert orjson.dumps(orjson.loads(event)) == event


@EACH
@given(made=CONVERSIONS)
def test_the_same_conversion_makes_the_same_bytes(kind: str, made: Conversion) -> None:
    assert opened(kind).event(made) == opened(kind).event(made)


@EACH
@given(made=CONVERSIONS, minor=st.integers(0, 10**14 - 1))
def test_a_corrected_event_differs_in_its_value_alone(kind: str, made: Conversion, minor: int) -> None:
    destination, value = opened(kind), Money(minor, made.currency, 2)
    corrected = destination.event(made._replace(value=value.amount))

    assert destination.adjusted_event(destination.event(made), value) == {"google": corrected, "meta": None}[kind]


def test_a_full_refund_is_no_correction_where_the_settings_only_report_it() -> None:
    event, nothing = opened("google").event(conversion()), Money(0, "DKK", 2)

    assert opened("google", full_refund="report").adjusted_event(event, nothing) is None
    assert orjson.loads(opened("google").adjusted_event(event, nothing) or b"")["conversionValue"] == 0


@EACH
def test_an_event_holds_nothing_of_the_ledger_s_own(kind: str) -> None:
    bare = opened(kind).event(conversion())

    assert opened(kind).event(conversion(ready_at=1, expires_at=2, fingerprint=b"else")) == bare


@EACH
def test_envelope_and_events_join_to_one_document(kind: str) -> None:
    destination = opened(kind)
    envelope = destination.envelope("tag")

    body = envelope.prefix + b",".join([destination.event(conversion())] * 3) + envelope.suffix

    assert len(Gate(POLICY, kind).check(body, 3)) > 5
    assert orjson.dumps(json.loads(body)) == body


@EACH
def test_limits_leave_room_for_a_retry(kind: str) -> None:
    limits = opened(kind).limits

    assert limits.events > 0
    assert limits.bytes > 2 * len(opened(kind).event(conversion()))
    assert limits.min_age < limits.max_age
    assert limits.resend.total_seconds() > 24 * 3600


@EACH
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b"<html>", b'{"error":{}}', b'{"error":null}', b"\xff"])
def test_no_answer_without_substance_is_taken_for_success_or_raised(
    kind: str, status: int, body: bytes, platform: responses.RequestsMock
) -> None:
    destination = opened(kind)
    asked = platform.post(destination.url, status=status, body=body)

    receipt = destination.send(b'{"sent":"bytes"}', 1)

    assert asked.call_count == 1
    assert asked.calls[0].request.body == b'{"sent":"bytes"}'
    assert receipt.outcome in {Outcome.UNKNOWN, Outcome.REFUSED}
    assert receipt.next is not Next.DONE
    assert receipt.http_status == status


@EACH
@pytest.mark.parametrize("status", [408, *range(500, 512)])
def test_a_server_error_is_never_conclusive(kind: str, status: int, platform: responses.RequestsMock) -> None:
    destination = opened(kind)
    platform.post(destination.url, status=status, json={"error": {"code": 190, "status": "UNAUTHENTICATED"}})

    receipt = destination.send(b"{}", 1)

    assert (receipt.outcome, receipt.next) == (Outcome.UNKNOWN, Next.RETRY)


@EACH
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "WEB_PAGE"),
        (302, "WEB_PAGE"),
        (403, "WEB_PAGE"),
        (511, "WEB_PAGE"),
        (400, "UNREADABLE"),
        (404, "UNREADABLE"),
        (502, "UNREADABLE"),
    ],
)
def test_a_page_for_people_is_no_answer_of_the_platform(
    kind: str, status: int, code: str, platform: responses.RequestsMock
) -> None:
    destination = opened(kind)
    platform.post(destination.url, status=status, body="<html>Sign in to the network", content_type="text/html")

    receipt = destination.send(b"{}", 1)

    assert (receipt.outcome, receipt.next, receipt.code) == (Outcome.UNKNOWN, Next.RETRY, f"{status}/{code}")


@EACH
def test_a_closed_port_means_not_sent(kind: str) -> None:
    destination = opened(kind, endpoint="http://127.0.0.1:1")

    assert destination.send(b"{}", 1).outcome is Outcome.NOT_SENT


# over real HTTP, against the strict stand-in


def sent_to(sandbox: Sandbox, kind: str, *conversions: Conversion) -> Receipt:
    destination = opened(kind, endpoint=sandbox.url)
    envelope = destination.envelope("conversions-2026-11-22")
    body = envelope.prefix + b",".join(map(destination.event, conversions)) + envelope.suffix
    return destination.send(body, len(conversions))


def at_noon() -> datetime:
    return datetime(2026, 11, 22, 12, tzinfo=UTC)


SEVERAL = [conversion(wire_id=f"c-{i:032x}", product_ids=(f"SKU-{i}",)) for i in range(3)]


@EACH
def test_the_stand_in_takes_what_is_sent(kind: str) -> None:
    with Sandbox(clock=at_noon) as sandbox:
        receipt = sent_to(sandbox, kind, *SEVERAL)

    assert (receipt.outcome, receipt.next) == (Outcome.RECEIVED, Next.DONE)
    assert receipt.reference
    assert receipt.date


@EACH
@pytest.mark.parametrize(
    ("fault", "outcome", "then"),
    [
        ("429=7", Outcome.REFUSED, Next.RETRY),
        ("503", Outcome.UNKNOWN, Next.RETRY),
        ("html", Outcome.UNKNOWN, Next.RETRY),
        ("dropped", Outcome.UNKNOWN, Next.RETRY),
        ("lost", Outcome.UNKNOWN, Next.RETRY),
        ("no-request-id", Outcome.UNKNOWN, Next.RETRY),
        ("expired-token", Outcome.REFUSED, Next.STOP_CREDENTIALS),
        ("require-token", Outcome.REFUSED, Next.STOP_CREDENTIALS),
        ("poison=SKU-1", Outcome.REFUSED, Next.ISOLATE),
        ("quota-per-day:google", Outcome.REFUSED, Next.STOP_QUOTA),
        ("wrong-count:meta", Outcome.UNKNOWN, Next.RETRY),
    ],
)
def test_whatever_goes_wrong_there_has_its_verdict(kind: str, fault: str, outcome: Outcome, then: Next) -> None:
    if kind not in fault and ":" in fault:
        outcome, then = Outcome.RECEIVED, Next.DONE  # a fault of the other platform

    with Sandbox(faults=[fault], clock=at_noon) as sandbox:
        receipt = sent_to(sandbox, kind, *SEVERAL)

    assert (receipt.outcome, receipt.next) == (outcome, then)
    assert receipt.wait == (7.0 if fault == "429=7" else None)


def test_google_names_the_event_at_fault_and_meta_does_not() -> None:
    with Sandbox(faults=["poison=SKU-1"], clock=at_noon) as sandbox:
        assert [one.position for one in sent_to(sandbox, "google", *SEVERAL).failed_items] == [1]
        assert sent_to(sandbox, "meta", *SEVERAL).failed_items == ()


# opening one


@pytest.mark.parametrize(
    ("kind", "path", "named"),
    [
        ("google", "events[].transactionId", "events[].transactionId"),
        ("google", "destinations[].productDestinationId", "destinations[].productDestinationId"),
        ("meta", "data[].custom_data.value", "data[].custom_data.value"),
        ("meta", "data[].user_data.em[]", "data[].user_data"),
    ],
)
def test_settings_that_need_what_the_policy_does_not_list_are_refused_at_once(kind: str, path: str, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        open_destination("shop", SETTINGS[kind], policy_without(path))

    assert "destinations.shop" in str(caught.value)
    assert f" {named} is not listed" in str(caught.value)
    assert POLICY.version in str(caught.value)


def test_only_what_the_settings_use_has_to_be_listed() -> None:
    narrow = policy_without("destinations[].loginAccount.accountId", "events[].consent.adPersonalization")

    open_destination("google", google_settings(), narrow)
    with pytest.raises(SettingsError, match="loginAccount"):
        open_destination("google", google_settings(login_account_id="1112223334"), narrow)


@EACH
def test_order_numbers_leave_only_where_the_policy_says_so(kind: str) -> None:
    settings = SETTINGS[kind].model_copy(update={"reference": "order_id"})

    open_destination(kind, settings, policy_with_order_numbers())
    with pytest.raises(SettingsError, match=r"transactionId|order_id"):
        open_destination(kind, settings, POLICY)


def test_a_shop_address_that_the_policy_cannot_describe_is_refused_at_once() -> None:
    settings = meta_settings(action_source="website", event_source_url="https://smørrebrød.example")

    with pytest.raises(SettingsError, match="event_source_url"):
        open_destination("meta", settings, POLICY)
