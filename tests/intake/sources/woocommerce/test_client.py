"""What a shop answers that is no page of orders: one sentence each, and no key in it."""

import traceback
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from conversions.errors import SettingsError, SourceError, SourceUnavailable
from conversions.intake.order import Order
from conversions.intake.sources.woocommerce import WooCommerce
from conversions.sandbox.base import Answer, Request
from conversions.sandbox.woocommerce import Shop
from conversions.sandbox.woocommerce.orders import Orders
from conversions.settings import Columns
from tests.intake.sources.shop import WINDOW
from tests.intake.sources.woocommerce_shop import served, shop_settings

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the reader waits; none passes."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited


def source_with(faults: Iterable[str], orders: int = 250, **settings: Any) -> tuple[WooCommerce, Shop]:
    shop = Shop(Orders(orders, NOW, 6), faults, lambda: NOW)
    source = served(shop, lambda: NOW, **settings)
    assert isinstance(source, WooCommerce)
    return source, shop


def numbers(source: WooCommerce) -> set[str]:
    rows = (row for chunk in source.chunks(WINDOW) for row in chunk)
    return {row.number for row in rows if isinstance(row, Order)}


SENTENCES: dict[str, tuple[Any, ...]] = {
    "wrong-key": (SourceError, "permission Read", "drops the Authorization header", 'auth = "query"'),
    "no-header": (SourceError, "woocommerce_rest_cannot_view", "drops the Authorization header"),
    "wrong-secret": (SourceError, "consumer secret"),
    "no-permalinks": (SourceError, "Permalinks"),
    "no-plugin": (SourceError, "rest_no_route", "WooCommerce is active"),
    "firewall": (SourceError, "406", "ModSecurity"),
    "firewall=501": (SourceError, "501", "ModSecurity"),
    "firewall=403": (SourceError, "403", "ModSecurity"),
    "html": (SourceError, "web page in place of orders"),
    "empty": (SourceError, "answers 200 with nothing", "page_size"),
    "php-notice": (SourceError, "PHP message", "WP_DEBUG_DISPLAY"),
    "redirect": (SourceError, "https://www.shop.example", "source.url"),
    "maintenance": (SourceUnavailable, "maintenance"),
    "503": (SourceUnavailable, "503"),
    "429=1": (SourceUnavailable, "fewer requests"),
    "dropped": (SourceUnavailable, "did not answer"),
}


@pytest.mark.parametrize("fault", SENTENCES)
def test_each_failure_is_one_sentence_that_says_what_to_do(fault: str, waits: list[float]) -> None:
    source, _ = source_with([fault])
    kind, *words = SENTENCES[fault]

    for read in (source.check, lambda: numbers(source)):
        with pytest.raises(SourceError) as stopped:
            read()
        told = str(stopped.value)
        assert type(stopped.value) is kind
        assert all(word in told for word in words), told
        everything = told + "".join(traceback.format_exception(stopped.value)) + repr(source.client)
        assert not any(secret in everything for secret in ("ck_sandbox", "cs_sandbox", "consumer_key=", "Basic "))
    assert (kind is SourceUnavailable) or not waits


def test_a_page_is_asked_for_again_as_long_as_the_shop_asks_to_wait(waits: list[float]) -> None:
    source, _ = source_with(["429x2=7", "503x1", "droppedx1"])

    assert len(numbers(source)) == len(numbers(source_with([])[0]))
    assert waits[:2] == [7.0, 7.0]
    assert len(waits) == 4


def test_a_failure_in_the_middle_costs_one_page_and_a_lasting_one_the_whole_reading(waits: list[float]) -> None:
    source, shop = source_with([])
    chunks = source.chunks(WINDOW)
    next(chunks)
    shop.use_faults(["503x3"])
    before = shop.requests
    next(chunks)
    assert shop.requests == before + 4

    shop.use_faults(["html"])
    with pytest.raises(SourceError):
        list(chunks)
    assert len(waits) == 3


def test_a_long_wait_is_left_to_a_later_run(waits: list[float]) -> None:
    with pytest.raises(SourceUnavailable):
        source_with(["503=3600"])[0].check()
    assert waits == []


@pytest.mark.parametrize("faults", [["cap=7"], ["cap=7", "no-link"], ["no-totals"], ["no-totals", "no-link"]])
def test_a_site_that_caps_pages_or_drops_headers_is_read_whole(faults: list[str]) -> None:
    assert numbers(source_with(faults)[0]) == numbers(source_with([])[0])


@pytest.mark.parametrize(
    "faults", [["moving=3", "cap=20"], ["moving=2", "cap=20", "no-link"], ["moving=2", "no-totals"]]
)
def test_orders_that_change_between_two_pages_lose_no_order(faults: list[str]) -> None:
    assert numbers(source_with(faults)[0]) == numbers(source_with([])[0])


def test_a_site_that_drops_the_header_is_read_by_its_query_where_the_settings_say_so() -> None:
    assert numbers(source_with(["no-header"], auth="query")[0])


def test_the_request_has_no_offset_and_asks_for_all_decimals_and_no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    source, shop = source_with([])
    queries: list[Mapping[str, str]] = []
    answer = shop.answer

    def noted(request: Request) -> Answer | None:
        queries.append(request.query)
        return answer(request)

    monkeypatch.setattr(shop, "answer", noted)
    numbers(source)

    first = queries[0]
    assert first["modified_after"] == "2026-11-14T22:59:59"
    assert first["modified_before"] == "2026-11-22T05:15:00"
    assert (first["dates_are_gmt"], first["dp"], first["per_page"]) == ("true", "6", "100")
    assert (first["orderby"], first["order"]) == ("id", "asc")
    assert "billing.email" in first["_fields"].split(",")
    assert "billing" not in first["_fields"].split(",")
    assert "ck_sandbox" not in str(queries)


def test_without_a_key_nothing_is_asked() -> None:
    source, shop = source_with([], consumer_key=None)

    with pytest.raises(SettingsError, match="CONVERSIONS_SOURCE__CONSUMER_KEY is missing"):
        source.check()
    assert shop.requests == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example",
        "https://a:b@shop.example",
        "https://shop.example/wp-json",
        "https://shop.example?x=1",
        "shop",
    ],
)
def test_an_address_that_would_show_the_key_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match=r"https://shop\.example"):
        shop_settings(url)


@pytest.mark.parametrize("url", ["https://shop.example", "https://shop.example/butik/", "http://127.0.0.1:8085"])
def test_a_shop_has_https_or_is_on_this_machine(url: str) -> None:
    assert shop_settings(url).url == url.rstrip("/")


def test_no_setting_shows_the_key() -> None:
    settings = shop_settings("https://shop.example")

    assert "ck_sandbox" not in settings.model_dump_json() + repr(settings)


@pytest.mark.parametrize(
    "name",
    [
        "_newsletter_optin",
        "mailchimp_woocommerce_is_subscribed",
        "klaviyo_sms_consent",
        "wc_sms_optin",
        "accepts_marketing",
        "Accepts Marketing",
        "buyer_accepts_marketing",
        "nyhedsbrev",
        "email_marketing",
        "emailOptIn",
        "Samtykke til e-mail",
        "opt_in_marketing",
        "Subscription status",
        "nyhedsmail",
        "SMSsamtykke",
        "whatsapp_optin",
        "mms",
    ],
)
def test_consent_to_newsletters_and_messages_is_no_consent_to_ads(name: str) -> None:
    with pytest.raises(ValidationError, match="no consent to ad measurement"):
        shop_settings("https://shop.example", consent_meta=name)
    with pytest.raises(ValidationError, match="no consent to ad measurement"):
        Columns.model_validate({"consent": name})


@pytest.mark.parametrize(
    "name", ["_ad_consent", "ads_consent", "marketing_consent", "cookie_ads", "Consent", "samtykke"]
)
def test_a_field_of_consent_to_ads_is_taken(name: str) -> None:
    assert shop_settings("https://shop.example", consent_meta=name).consent_meta == name


def test_the_check_reads_one_page() -> None:
    source, shop = source_with([])

    source.check()

    assert shop.requests == 1


def test_the_last_second_of_the_reading_belongs_to_it() -> None:
    late = Shop(Orders(10, NOW + timedelta(hours=2), 1), [], lambda: NOW)

    source = served(late, lambda: NOW)
    assert isinstance(source, WooCommerce)
    assert len(numbers(source)) == 10
