"""Whatever a site answers: every order is read, or the reading ends with one sentence; the key stays with the shop."""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.errors import SourceError, SourceUnavailable
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources import open_source
from conversions.model.conversion import Window
from tests.intake.sources.answering import Asked, Said, answering
from tests.intake.sources.woocommerce.test_orders import ORDER
from tests.intake.sources.woocommerce_shop import ZONE, shop_settings

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))
LAST = "2026-11-22T05:15:00"
"""The end of the first span; what changes afterwards is in the second one."""
SECRETS = ("ck_sandbox", "cs_sandbox", "Basic ", "ida@example.com")
Answer = Callable[[int], Said]
"""Answers the request for a page of the first span."""
ORDERS = [{**ORDER, "id": number} for number in range(1, 6)]


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


def read(answer: Answer, **set_: Any) -> tuple[list[Order | RowRejected], list[Asked]]:
    """The rows of a site, and what it was asked."""

    def answered(asked: Asked) -> Said:
        query = parse_qs(urlsplit(asked.path).query)
        return answer(int(query["page"][0])) if query["modified_before"] == [LAST] else page([])

    with answering(answered) as (url, asked):
        source = open_source(shop_settings(url, **set_), zone=ZONE, resolve=Path, clock=lambda: NOW, key=b"k" * 32)
        return [row for chunk in source.chunks(WINDOW) for row in chunk], asked


def page(orders: object, **headers: str) -> Said:
    return Said(json.dumps(orders).encode(), headers={name.replace("_", "-"): text for name, text in headers.items()})


def paged(orders: list[Any], size: int, headers: Callable[[int], dict[str, str]]) -> Answer:
    return lambda number: page(orders[(number - 1) * size : number * size], **headers(number))


def numbers(rows: list[Order | RowRejected]) -> set[str]:
    return {row.number for row in rows if isinstance(row, Order)}


def refusal(answer: Answer, **set_: Any) -> SourceError:
    """The exception that ends the reading; nothing in it is a secret."""
    with pytest.raises(SourceError) as stopped:
        read(answer, **set_)
    everything = "".join(traceback.format_exception(stopped.value))
    assert not any(secret in everything for secret in SECRETS)
    assert "No order was kept, and nothing was sent." in str(stopped.value)
    return stopped.value


GOOD = json.dumps(ORDERS).encode()
NO_PAGES = {
    "html": b"<!DOCTYPE html><title>Shop</title>",
    "empty": b"",
    "blank": b" \r\n",
    "notice": b"<br />\n<b>Notice</b>:  x in <b>/a.php</b> on line <b>3</b><br />\n" + GOOD,
    "plain notice": b"\nWarning: Undefined variable $x in /srv/www/a.php on line 3\n" + GOOD,
    "notice behind": GOOD + b"\nDeprecated: Creation of dynamic property A::$b is deprecated in /a.php on line 9\n",
    "error": b'{"code":"rest_error","message":"ida@example.com","data":{"status":500}}',
    "no list": b"{}",
    "text": b'"orders"',
    "null": b"null",
    "number": b"17",
    "other lists": b'[1,"x",null]',
    "cut": GOOD[:-20],
    "utf-16": GOOD.decode().encode("utf-16"),
    "nested": b"[" * 100_000,
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES)
@pytest.mark.parametrize("number", [1, 2])
def test_a_page_that_is_none_ends_the_reading_wherever_it_comes(body: bytes, number: int) -> None:
    good = paged(ORDERS, 2, lambda _: {"X_WP_Total": "5"})

    refusal(lambda asked: Said(body) if asked == number else good(asked))


def test_a_php_message_is_named_as_such_in_either_form() -> None:
    for name in ("notice", "plain notice", "notice behind"):
        assert "PHP message" in str(refusal(lambda _, name=name: Said(NO_PAGES[name])))  # type: ignore[misc]


def test_a_first_page_that_is_past_the_last_one_is_no_quiet_night() -> None:
    body = b'{"code":"rest_post_invalid_page_number","message":"x","data":{"status":400}}'

    assert "rest_post_invalid_page_number" in str(refusal(lambda _: Said(body, 400)))


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 406, 418, 429, 500, 501, 503, 301, 302, 307, 308, 304, 204, 206]
)
def test_every_other_status_ends_the_reading(status: int) -> None:
    for body in (b"", GOOD, NO_PAGES["html"], NO_PAGES["error"]):
        stopped = refusal(lambda _, body=body: Said(body, status, {"Location": "https://other.example/?a=cs_sandbox"}))  # type: ignore[misc]
        assert isinstance(stopped, SourceUnavailable) is (status in {429, 500, 503})


@pytest.mark.parametrize("auth", ["header", "query"])
@pytest.mark.parametrize("kind", ["redirect", "link"])
def test_the_key_goes_to_no_other_address(kind: str, auth: str) -> None:
    with answering(lambda _: page([])) as (other, asked_there):

        def answer(number: int) -> Said:
            if kind == "redirect":
                return Said(b"", 302, {"Location": f"{other}/wp-json/wc/v3/orders"})
            return page(
                ORDERS[number - 1 : number], X_WP_Total="5", Link=f'<{other}/wp-json/wc/v3/orders?page=2>; rel="next"'
            )

        if kind == "redirect":
            refusal(answer, auth=auth)
        else:
            assert len(numbers(read(answer, auth=auth)[0])) == 5
    assert asked_there == []


HEADERS: dict[str, Callable[[int], dict[str, str]]] = {
    "none": lambda _: {},
    "no number": lambda _: {"X_WP_Total": "many", "X_WP_TotalPages": "-1"},
    "too few": lambda _: {"X_WP_Total": "1", "Link": '<x>; rel="next"'},
    "too many": lambda _: {"X_WP_Total": "9"},
    "endless": lambda _: {"X_WP_Total": "9" * 5_000},
    "changing": lambda number: {"X_WP_Total": str(5 + number % 2)},
    "negative": lambda _: {"X_WP_Total": "-5"},
    "link only": lambda _: {"Link": "<x>; rel=next"},
}


@pytest.mark.parametrize("headers", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_order_is_read_whatever_the_headers_say_or_the_reading_ends(
    headers: Callable[[int], dict[str, str]], size: int
) -> None:
    try:
        rows, _ = read(paged(ORDERS, size, headers))
    except SourceError:
        return
    assert numbers(rows) == set("12345")


ENDLESS: dict[str, Answer] = {
    "the same page": lambda _: page(ORDERS),
    "the same page, counted": lambda _: page(ORDERS, X_WP_Total="5", Link='<x>; rel="next"'),
    "the same page, of many": lambda _: page(ORDERS, X_WP_Total="500"),
    "two pages in turn": lambda number: page(ORDERS[number % 2 : number % 2 + 2], Link='<x>; rel="next"'),
    "ever new orders, counted": lambda number: page(
        [{**ORDER, "id": 10 * number + n} for n in range(9)], X_WP_Total="5", Link='<x>; rel="next"'
    ),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_pages_without_an_end_end_the_reading(answer: Answer) -> None:
    refusal(answer)


def test_orders_that_are_counted_and_not_shown_are_not_taken_for_a_quiet_night() -> None:
    assert "counts 500 orders and shows none" in str(refusal(lambda _: page([], X_WP_Total="500")))


def test_a_page_without_a_visible_order_is_passed_over() -> None:
    rows, _ = read(
        lambda number: page(ORDERS if number == 2 else [], X_WP_Total="15", X_WP_TotalPages="3"), page_size=5
    )

    assert numbers(rows) == set("12345")


def test_the_same_order_on_two_pages_is_the_same_order() -> None:
    rows, _ = read(paged([*ORDERS[:3], *ORDERS[2:]], 3, lambda _: {"X_WP_Total": "6"}))

    assert numbers(rows) == set("12345")


WRONG: list[Any] = [
    None, "", 0, -1, 1.5, [], {}, True, "x" * 5_000, {"a": [{"b": {}}]}, [[[]]], "\ud800", "\0", "29,35", 10**400, "NaN",
    "2026-13-45", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "1e9999", float("nan"), [None], "⑨",
]  # fmt: skip
PLACES: list[tuple[str | int, ...]] = [
    *((name,) for name in ORDER),
    ("billing", "email"),
    ("line_items", 0),
    *(("line_items", 0, name) for name in ("product_id", "variation_id", "sku", "quantity", "total", "meta_data")),
    ("refunds", 0),
    *(("refunds", 0, name) for name in ("id", "total")),
    ("meta_data", 0),
    *(("meta_data", 0, name) for name in ("key", "value")),
]
FULL = {**ORDER, "refunds": [{"id": 1, "total": "-1.00"}], "meta_data": [{"key": "_ad_consent", "value": "granted"}]}


def changed(order: Any, place: tuple[str | int, ...], value: object) -> Any:
    """A copy of an order with another value at one place."""
    if not place:
        return value
    first, *rest = place
    if isinstance(order, list):
        return [changed(order[0], tuple(rest), value), *order[1:]]
    return {**order, first: changed(order.get(first), tuple(rest), value)}


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bad=st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(WRONG)), min_size=1, max_size=20),
    product_id=st.sampled_from(["product", "variation", "sku"]),
    key=st.sampled_from(["id", "number"]),
    bundled=st.sampled_from(["send", "leave_out"]),
)
def test_a_bad_order_is_rejected_and_stops_no_other(bad: list[Any], product_id: str, key: str, bundled: str) -> None:
    orders = [changed({**FULL, "id": 10 + nth, "number": 10 + nth}, *change) for nth, change in enumerate(bad)]

    rows, _ = read(
        lambda _: page([*orders, {**FULL, "id": 9, "number": 9}], X_WP_Total=str(len(orders) + 1)),
        product_id=product_id, order_key=key, bundled=bundled, consent_meta="_ad_consent", ad_personalization_meta="_ads",
    )  # fmt: skip

    assert len(rows) == len(orders) + 1
    assert "9" in numbers(rows)
    assert not any("@" in repr(row) for row in rows)


def test_every_place_may_hold_every_wrong_value() -> None:
    changes = product(PLACES, WRONG)
    orders = [changed({**FULL, "id": 10 + nth, "number": 10 + nth}, *change) for nth, change in enumerate(changes)]

    rows, _ = read(lambda _: page(orders, X_WP_Total=str(len(orders))), consent_meta="_ad_consent", product_id="sku")

    assert len(rows) == len(orders)
