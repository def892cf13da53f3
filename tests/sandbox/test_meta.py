"""What Meta takes, what it refuses, and how it says so."""

from typing import Any

import orjson
import pytest
import requests
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData

from tests.sandbox.conftest import DIGEST, META, NOW, Client, Clock, Json, purchase, website

SECONDS = int(NOW.timestamp())
DAY = 86_400


def refusal(answer: requests.Response, status: int = 400) -> tuple[int, int | None]:
    """(code, subcode) of a documented error."""
    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["type"] == "OAuthException"
    assert isinstance(error["fbtrace_id"], str)
    assert isinstance(error["is_transient"], bool)
    return error["code"], error.get("error_subcode")


def second_of_three(client: Client, event: Json) -> tuple[int, int | None]:
    """The refusal of *event* between two good ones; none of the three is stored, and the answer does not name it."""
    answer = client.meta(purchase("order-1"), event, purchase("order-3"))
    assert client.received("meta")["distinct"] == 0
    assert "data" not in answer.json()["error"]
    assert "[1]" not in answer.text
    return refusal(answer)


def test_the_documented_body_is_taken_and_counted(client: Client) -> None:
    answer = client.meta(purchase("order-1"), website("order-2"), upload_tag="conversions-2026-11-22")
    assert answer.status_code == 200
    trace = answer.json()["fbtrace_id"]
    assert answer.json() == {"events_received": 2, "messages": [], "fbtrace_id": trace}
    assert trace


def test_what_the_official_sdk_builds_is_taken(client: Client) -> None:
    event = Event(
        event_name="Purchase",
        event_time=SECONDS - 60,
        event_id="order-1",
        action_source=ActionSource.PHYSICAL_STORE,
        user_data=UserData(emails=["John_Smith@gmail.com"]),
        custom_data=CustomData(
            value=12.5, currency="DKK", order_id="order-1", content_ids=["SKU-1"], content_type="product"
        ),
    )
    [text] = EventRequest(pixel_id="1", events=[event]).get_params()["data"]
    assert client.meta(orjson.loads(text)).status_code == 200


def test_errors_speak_the_language_of_the_account(client: Client) -> None:
    error = client.meta(purchase(event_time=SECONDS - 100 * DAY)).json()["error"]
    assert error["message"] == "Paramètre non valide"
    assert error["error_user_title"] == "Horodatage de l'évènement trop ancien"
    assert error["is_transient"] is False


def test_an_unknown_key_is_refused_at_every_level(client: Client) -> None:
    assert second_of_three(client, purchase(colour="red")) == (100, None)
    assert second_of_three(client, purchase(custom={"colour": "red"})) == (100, None)
    assert second_of_three(client, purchase(user_data={"em": [DIGEST], "email": DIGEST})) == (100, None)
    assert refusal(client.meta(purchase(), colour="red")) == (100, None)
    assert refusal(client.meta(purchase(), access_token="SECRET")) == (100, None)


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"[]", b'{"data": NaN}', b"\xff", b'{"data": [], "data": []}'])
def test_what_is_not_a_json_object_is_refused(client: Client, body: bytes) -> None:
    assert refusal(client.post(META, body)) == (100, None)


def test_a_form_is_refused(client: Client) -> None:
    body = b"data=%5B%5D"
    assert refusal(client.post(META, body, Content_Type="application/x-www-form-urlencoded")) == (100, None)


def test_one_to_1000_events(client: Client) -> None:
    events = [purchase(f"order-{i}") for i in range(1001)]
    assert refusal(client.meta(*events)) == (100, None)
    assert refusal(client.meta()) == (100, None)
    assert client.meta(*events[:1000]).json()["events_received"] == 1000


@pytest.mark.parametrize("name", ["event_name", "event_time", "action_source", "user_data"])
def test_required_fields_are_required(client: Client, name: str) -> None:
    assert second_of_three(client, {k: v for k, v in purchase().items() if k != name}) == (100, None)


@pytest.mark.parametrize("time", [SECONDS * 1000, str(SECONDS), SECONDS + 0.5, True, -5, 0])
def test_a_time_is_whole_unix_seconds(client: Client, time: object) -> None:
    assert second_of_three(client, purchase(event_time=time)) == (100, None)


def test_a_time_is_at_most_a_minute_ahead(client: Client) -> None:
    assert client.meta(purchase(event_time=SECONDS + 60)).status_code == 200
    assert refusal(client.meta(purchase(event_time=SECONDS + 61))) == (100, None)


@pytest.mark.parametrize(("event", "days"), [(website, 7), (purchase, 62)])
def test_events_age_in_7_days_and_in_62_at_a_store(client: Client, event: Any, days: int) -> None:
    assert client.meta(event(event_time=SECONDS - days * DAY)).status_code == 200
    assert refusal(client.meta(event(event_time=SECONDS - days * DAY - 1))) == (100, 2804003)


@pytest.mark.parametrize("source", ["web", "WEBSITE", "", 3])
def test_an_action_source_is_one_of_nine(client: Client, source: object) -> None:
    assert second_of_three(client, purchase(action_source=source)) == (100, None)


@pytest.mark.parametrize("url", [None, "shop.example", "ftp://shop.example", ""])
def test_website_needs_an_address(client: Client, url: str | None) -> None:
    assert second_of_three(client, purchase(action_source="website", event_source_url=url)) == (100, None)


def test_website_is_taken_without_the_buyers_user_agent(client: Client) -> None:
    assert client.meta(website()).status_code == 200


@pytest.mark.parametrize(
    "em",
    [
        DIGEST,
        [],
        [DIGEST.upper()],
        [DIGEST[:-1]],
        [DIGEST, "john@example.com"],
        ["john@example.com"],
        [None],
        [DIGEST + ".AQQCAQMC"],
    ],
)
def test_em_is_a_list_of_lower_case_sha_256(client: Client, em: object) -> None:
    assert second_of_three(client, purchase(user_data={"em": em})) == (100, 2804050)


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"ct": ["x"], "country": ["y"]},
        {"fn": ["x"], "ge": ["y"]},
        {"client_user_agent": "Mozilla/5.0"},
        {"em": None},
    ],
)
def test_weak_identifiers_are_refused(client: Client, user: Json) -> None:
    assert second_of_three(client, purchase(user_data=user)) == (100, 2804050)


def test_a_purchase_needs_a_value_and_a_currency(client: Client) -> None:
    assert second_of_three(client, purchase(custom={"value": None})) == (100, 2804009)
    assert second_of_three(client, purchase(custom={"currency": None})) == (100, 2804010)
    assert second_of_three(client, purchase(custom_data=None)) == (100, 2804009)
    assert client.meta(purchase(event_name="Lead", custom_data=None)).status_code == 200


@pytest.mark.parametrize("value", ["49.9", True, -1, [49.9]])
def test_a_value_is_a_number(client: Client, value: object) -> None:
    assert second_of_three(client, purchase(custom={"value": value})) == (100, None)


@pytest.mark.parametrize("currency", ["D1K", "KR", "DKKK", ""])
def test_a_currency_has_three_letters(client: Client, currency: str) -> None:
    assert second_of_three(client, purchase(custom={"currency": currency})) == (100, None)


@pytest.mark.parametrize(
    "custom",
    [
        {"content_ids": "SKU-1"},
        {"content_ids": [1]},
        {"content_type": "products"},
        {"contents": [{"quantity": 1}]},
        {"contents": [{"id": "SKU-1", "quantity": "1"}]},
        {"contents": [{"id": "SKU-1", "quantity": 0}]},
        {"contents": [{"id": "SKU-1", "quantity": 1.5}]},
        {"contents": [{"id": "SKU-1", "item_price": "49.9"}]},
        {"contents": [{"id": "SKU-1", "item_price": -1}]},
        {"contents": [{"id": "SKU-1", "colour": "red"}]},
        {"order_id": 100045},
    ],
)
def test_products_and_order_id_have_their_types(client: Client, custom: Json) -> None:
    assert second_of_three(client, purchase(custom=custom)) == (100, None)


@pytest.mark.parametrize("agent", ["x" * 23, "1", "a1"])
def test_a_partner_agent_is_short_and_has_two_letters(client: Client, agent: str) -> None:
    assert refusal(client.meta(purchase(), partner_agent=agent)) == (100, None)
    assert client.meta(purchase(), partner_agent="conversions").status_code == 200


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v26/555000111222/events", (2500, None)),
        ("/26.0/555000111222/events", (2500, None)),
        ("/555000111222/events", (2500, None)),
        ("/v26.0/555000111222/event", (2500, None)),
        ("/v26.0/act_5/events", (100, 33)),
    ],
)
def test_the_path_has_a_version_and_the_number_of_a_dataset(client: Client, path: str, expected: Any) -> None:
    assert refusal(client.meta(purchase(), path=path)) == expected


def test_a_token_in_the_address_is_refused_loudly(client: Client) -> None:
    answer = client.meta(purchase(), path=f"{META}?access_token=SECRET")
    assert refusal(answer) == (2500, None)
    assert answer.json()["error"]["message"].startswith("JETON DANS L'ADRESSE")
    assert "SECRET" not in client.get("/_sandbox/received?bodies=1").text


def test_a_credential_is_a_bearer_token_or_absent(client: Client) -> None:
    assert refusal(client.post(META, {"data": [purchase()]}, Authorization="Basic t"), 401) == (190, None)
    assert client.post(META, {"data": [purchase()]}, Authorization="Bearer t").status_code == 200


def test_the_report_says_why_although_meta_does_not(client: Client) -> None:
    client.meta(purchase("order-1"), purchase("order-2", custom={"value": "49.9"}))
    [entry] = client.get("/_sandbox/received?bodies=1").json()["bodies"]
    assert entry["why"] == "data[1].custom_data.value: not a JSON number from 0 up"


def counts(client: Client) -> tuple[int, int, int, int]:
    report = client.received("meta")
    return report["events"], report["distinct"], report["duplicates"], report["double_counted"]


def test_a_repeated_event_id_counts_once_for_48_hours_from_the_first(client: Client, clock: Clock) -> None:
    client.meta(website("order-1"))
    clock.forward(hours=40)
    client.meta(website("order-1"))
    clock.forward(hours=8)
    client.meta(website("order-1"), website("order-2"))
    assert counts(client) == (4, 2, 2, 0)
    clock.forward(seconds=1)
    client.meta(website("order-1"))
    assert counts(client) == (5, 2, 2, 1)


def test_a_repeat_in_the_same_request_counts_once(client: Client) -> None:
    client.meta(website("order-1"), website("order-1"))
    assert counts(client) == (2, 1, 1, 0)


def test_another_event_name_is_another_event(client: Client) -> None:
    client.meta(website("order-1"), website("order-1", event_name="Lead"))
    assert counts(client) == (2, 2, 0, 0)


def test_without_an_event_id_a_repeat_is_not_recognised(client: Client) -> None:
    client.meta(website(event_id=None), website(event_id=None))
    assert counts(client) == (2, 2, 0, 0)


def test_a_repeat_does_not_overwrite_the_value(client: Client) -> None:
    client.meta(
        website("order-1", custom={"value": 10.10}), website("order-2", custom={"value": 0.05, "currency": "eur"})
    )
    client.meta(website("order-1", custom={"value": 99}))
    assert client.received("meta")["value"] == {"DKK": "10.1", "EUR": "0.05"}


def test_in_a_store_time_name_and_order_count_once_for_7_days(client: Client, clock: Clock) -> None:
    client.meta(purchase("order-1"))
    clock.forward(days=7)
    client.meta(purchase("order-1", event_id="another"))
    assert counts(client) == (2, 1, 1, 0)
    clock.forward(seconds=1)
    client.meta(purchase("order-1"))
    assert counts(client) == (3, 1, 1, 1)


def test_in_a_store_another_time_or_order_is_another_sale(client: Client) -> None:
    client.meta(purchase("order-1"), purchase("order-1", event_time=SECONDS), purchase("order-2"))
    assert counts(client) == (3, 3, 0, 0)


def test_in_a_store_without_an_order_id_the_person_decides(client: Client) -> None:
    anonymous = {"order_id": None}
    other = {"em": ["0" * 64]}
    client.meta(
        purchase("1a", custom=anonymous),
        purchase("2a", custom=anonymous),
        purchase("3a", custom=anonymous, user_data=other),
    )
    assert counts(client) == (3, 2, 1, 0)


def test_datasets_do_not_know_each_other(client: Client) -> None:
    client.meta(website("order-1"))
    client.meta(website("order-1"), path="/v26.0/7/events")
    assert counts(client) == (2, 2, 0, 0)


QUALITY = "/v26.0/dataset_quality?dataset_id=555&fields=web"


def test_a_dataset_is_rated_for_a_token_and_refused_with_the_code_that_a_fault_names(client: Client) -> None:
    assert client.get(QUALITY, Authorization="Bearer t").json()["web"]
    assert refusal(client.get(QUALITY, Authorization="Basic t"), 401) == (190, None)
    client.sandbox.use_faults(["quality:meta=100/33"])
    assert refusal(client.get(QUALITY)) == (100, 33)
    client.sandbox.use_faults(["quality:meta=190"])
    assert refusal(client.get(QUALITY), 401) == (190, None)
    client.sandbox.use_faults(["require-token:meta"])
    assert refusal(client.get(QUALITY), 401) == (190, None)
    client.sandbox.use_faults(["expired-token:meta"])
    assert refusal(client.get(QUALITY), 401) == (190, 463)
