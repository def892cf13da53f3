"""What Shopify answers that is no page of orders: one sentence each, and no token in it."""

import json
import traceback
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from conversions.errors import SettingsError, SourceError, SourceUnavailable
from conversions.intake.order import Order
from conversions.intake.sources.shopify import Shopify
from conversions.model.conversion import Window
from conversions.sandbox.base import Answer, Request
from conversions.sandbox.shopify import Shop
from conversions.sandbox.shopify.orders import Orders
from tests.intake.sources.shop import WINDOW
from tests.intake.sources.shopify_shop import served, shop_settings

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
SECRETS = ("shpss_sandbox", "shpat_sandbox", "shpat_granted")


class Clock:
    """A clock that goes on where the reader waits."""

    def __init__(self) -> None:
        self.now = NOW
        self.waits: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("time.sleep", clock.sleep)
    return clock


def source_with(faults: Iterable[str], clock: Clock, orders: int = 250, **settings: Any) -> tuple[Shopify, Shop]:
    shop = Shop(Orders(orders, NOW, 6), faults, clock)
    source = served(shop, clock, **settings)
    assert isinstance(source, Shopify)
    return source, shop


def numbers(source: Shopify, window: Window = WINDOW) -> list[str]:
    rows = (row for chunk in source.chunks(window) for row in chunk)
    return [row.number for row in rows if isinstance(row, Order)]


SENTENCES: dict[str, tuple[Any, ...]] = {
    "wrong-token": (SourceError, "does not know the access token"),
    "wrong-secret": (SourceError, "invalid_client", "CONVERSIONS_SOURCE__CLIENT_ID"),
    "not-installed": (SourceError, "app_not_installed", "install it"),
    "not-permitted": (SourceError, "shop_not_permitted", "organisation"),
    "no-scope": (SourceError, "read_orders"),
    "no-access": (SourceError, "protected customer data", "Grow"),
    "no-shop": (SourceError, "404", "source.shop"),
    "frozen": (SourceError, "frozen (402)"),
    "redirect": (SourceError, "https://other.myshopify.com", "source.shop"),
    "html": (SourceError, "web page in place of data"),
    "max-cost=3": (SourceError, "MAX_COST_EXCEEDED"),
    "empty": (SourceUnavailable, "without data"),
    "no-data": (SourceUnavailable, "without data"),
    "internal": (SourceUnavailable, "without data"),
    "throttled": (SourceUnavailable, "THROTTLED"),
    "429": (SourceUnavailable, "429"),
    "503": (SourceUnavailable, "503"),
    "dropped": (SourceUnavailable, "did not answer"),
}


@pytest.mark.parametrize("fault", SENTENCES)
def test_each_failure_is_one_sentence_that_says_what_to_do(fault: str, clock: Clock) -> None:
    source, _ = source_with([fault], clock)
    kind, *words = SENTENCES[fault]

    for read in (source.check, lambda: numbers(source)):
        with pytest.raises(SourceError) as stopped:
            read()
        told = str(stopped.value)
        assert type(stopped.value) is kind
        assert all(word in told for word in words), told
        everything = told + "".join(traceback.format_exception(stopped.value)) + repr(source.client)
        assert not any(secret in everything for secret in SECRETS)
    assert (kind is SourceUnavailable) or not clock.waits


def test_a_page_is_asked_for_again_as_long_as_the_shop_asks_to_wait(clock: Clock) -> None:
    source, _ = source_with(["429x2=7", "503x1", "droppedx1", "throttledx1"], clock)

    assert numbers(source) == numbers(source_with([], clock)[0])
    assert clock.waits[:2] == [7.0, 7.0]
    assert len(clock.waits) == 5


def test_a_failure_in_the_middle_costs_one_page_and_a_lasting_one_the_whole_reading(clock: Clock) -> None:
    source, shop = source_with([], clock)
    chunks = source.chunks(WINDOW)
    next(chunks)
    shop.use_faults(["503x3"])
    before = shop.requests
    next(chunks)
    assert shop.requests >= before + 4

    shop.use_faults(["no-access"])
    with pytest.raises(SourceError):
        list(chunks)


def test_a_shop_of_few_points_is_read_at_its_pace_and_never_throttled(clock: Clock) -> None:
    source, shop = source_with(["points=50"], clock)
    said: list[str] = []
    answer = shop.answer

    def noted(request: Request) -> Answer | None:
        found = answer(request)
        said.append(found.body.decode() if found else "")
        return found

    shop.answer = noted  # type: ignore[method-assign]

    assert numbers(source) == numbers(source_with([], clock)[0])
    assert not [body for body in said if "THROTTLED" in body]
    assert sum(clock.waits) > 60


def test_points_that_another_program_spends_are_waited_for(clock: Clock) -> None:
    source, shop = source_with(["points=50"], clock)
    chunks = source.chunks(WINDOW)
    next(chunks)
    shop._spent = 1_000

    assert sum(len(chunk) for chunk in chunks)
    assert max(clock.waits) <= 21


@pytest.mark.parametrize("limit", [1_000, 300, 100])
def test_fewer_orders_are_asked_for_where_a_query_costs_too_much(limit: int, clock: Clock) -> None:
    assert numbers(source_with([f"max-cost={limit}"], clock)[0]) == numbers(source_with([], clock)[0])


def test_a_token_is_asked_for_once_and_again_before_it_expires(clock: Clock) -> None:
    source, shop = source_with([], clock)
    tokens: list[str] = []
    grant = shop._token

    def noted(request: Request) -> Answer:
        tokens.append(request.body.decode())
        return grant(request)

    shop._token = noted  # type: ignore[method-assign]
    numbers(source)
    assert len(tokens) == 1
    assert tokens[0].startswith("grant_type=client_credentials&client_id=sandbox-client&")

    clock.now += timedelta(hours=24)
    source.check()
    assert len(tokens) == 2


def test_a_token_that_was_revoked_is_replaced_once(clock: Clock) -> None:
    source, shop = source_with([], clock)
    source.check()
    shop.use_faults(["wrong-tokenx1"])

    assert len(numbers(source)) > 200
    assert clock.waits == []


def test_an_access_token_is_used_as_it_is(clock: Clock) -> None:
    source, _ = source_with(["wrong-secret"], clock, access_token="shpat_sandbox")

    assert len(numbers(source)) > 200
    with pytest.raises(SourceError, match="does not know the access token"):
        source_with([], clock, access_token="shpat_other")[0].check()


def test_without_credentials_nothing_is_asked(clock: Clock) -> None:
    source, shop = source_with([], clock, client_secret=None)

    with pytest.raises(SettingsError, match="CONVERSIONS_SOURCE__CLIENT_SECRET is missing"):
        source.check()
    assert shop.requests == 0


def test_orders_without_any_address_are_not_taken_for_sales_at_a_till(clock: Clock) -> None:
    with pytest.raises(SourceError, match=r"shows no e-mail address for any of 250 orders.*protected customer data"):
        numbers(source_with(["no-addresses"], clock)[0])
    assert len(numbers(source_with(["no-addresses"], clock, orders=9)[0])) == 9


def test_a_window_beyond_the_horizon_is_refused_unless_the_app_sees_all_orders(clock: Clock) -> None:
    long = Window(date(2026, 8, 1), date(2026, 11, 21))
    edge = Window(date(2026, 9, 23), date(2026, 11, 21))

    given: tuple[dict[str, Any], ...] = ({}, {"access_token": "shpat_sandbox"})
    for credentials in given:
        source, _ = source_with(["no-old-orders"], clock, **credentials)
        with pytest.raises(SourceError, match=r"read_all_orders.*--since 2026-09-24"):
            numbers(source, long)
        assert len(numbers(source, edge)) > 200
        assert len(numbers(source_with([], clock, **credentials)[0], long)) > 200


def test_another_version_of_the_api_is_noted_and_read(clock: Clock) -> None:
    source, _ = source_with(["other-version"], clock)

    assert len(numbers(source)) > 200
    assert source.client.answered_version == "2027-01"


def test_the_query_asks_for_no_name_address_or_detail_that_no_setting_names(clock: Clock) -> None:
    cases: tuple[tuple[dict[str, Any], bool], ...] = (({}, False), ({"consent_attribute": "ad_consent"}, True))
    for settings, asked in cases:
        source, shop = source_with([], clock, **settings)
        bodies: list[dict[str, Any]] = []
        answer = shop._graphql

        def noted(
            request: Request, answer: Callable[[Request], Answer] = answer, bodies: list[dict[str, Any]] = bodies
        ) -> Answer:
            bodies.append(json.loads(request.body))
            return answer(request)

        shop._graphql = noted  # type: ignore[method-assign]
        numbers(source)

        assert ("customAttributes" in bodies[0]["query"]) is asked
        assert not any(word in bodies[0]["query"] for word in ("ddress", "phone", "customer ", "note", "presentment"))
        assert bodies[0]["variables"]["filter"] == "updated_at:>='2026-11-14T23:00:00Z'"


@pytest.mark.parametrize(
    "name", ["shop.example", "https://shop.example", "name", "http://x.myshopify.com", "a.b.myshopify.com"]
)
def test_an_address_that_is_not_the_shops_own_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"name\.myshopify\.com"):
        shop_settings(shop=name)


def test_the_shops_name_is_taken_in_every_spelling() -> None:
    assert shop_settings(shop="https://Name-1.myshopify.com/").shop == "name-1.myshopify.com"


def test_two_kinds_of_credentials_are_refused() -> None:
    with pytest.raises(ValidationError, match="not both"):
        shop_settings(access_token="shpat_sandbox", client_id="sandbox-client")


def test_no_setting_shows_a_secret() -> None:
    for settings in (shop_settings(), shop_settings(access_token="shpat_sandbox")):
        assert not any(secret in settings.model_dump_json() + repr(settings) for secret in SECRETS)


@pytest.mark.parametrize("name", ["klaviyo_sms_consent", "newsletter", "buyer_accepts_marketing"])
def test_consent_to_newsletters_and_messages_is_no_consent_to_ads(name: str) -> None:
    with pytest.raises(ValidationError, match="no consent to ad measurement"):
        shop_settings(consent_attribute=name)
