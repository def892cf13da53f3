"""Whatever a shop answers: every order is read, or the reading ends with one sentence; the token stays with the shop."""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import count, product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.errors import SourceError, SourceUnavailable
from conversions.intake.order import Order, RowRejected
from conversions.intake.sources import open_source
from conversions.intake.sources.shopify import bulk, export_file, paging
from conversions.model.conversion import Window
from tests.intake.sources.answering import Asked, Said, answering
from tests.intake.sources.shopify.test_orders import ORDER, money
from tests.intake.sources.shopify_shop import ZONE, shop_settings
from tests.intake.sources.woocommerce.test_hostile import WRONG, changed

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
WINDOW = Window(date(2026, 11, 15), date(2026, 11, 21))
TOKEN, FILE, ADDRESS = "shpat_secret", "bulksecret", "bob.norman@example.com"
ORDERS = [{**ORDER, "id": f"gid://shopify/Order/{nth}", "legacyResourceId": str(nth)} for nth in range(1, 6)]
Answer = Callable[[dict[str, Any]], Said]
"""Answers a query by its variables."""


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        assert 0 <= seconds < float("inf")
        waited.append(seconds)

    monkeypatch.setattr("time.sleep", wait)
    return waited


def read(answer: Answer, **set_: Any) -> list[Order | RowRejected]:
    """The rows of a shop."""
    with answering(lambda asked: answer(json.loads(asked.body)["variables"])) as (url, _):
        return rows_at(url, **{"access_token": TOKEN, **set_})


def rows_at(url: str, **set_: Any) -> list[Order | RowRejected]:
    source = open_source(shop_settings(endpoint=url, **set_), zone=ZONE, resolve=Path, clock=lambda: NOW, key=b"k" * 32)
    return [row for chunk in source.chunks(WINDOW) for row in chunk]


def page(nodes: object, cursor: object = None, has_next: object = None, **beside: Any) -> Said:
    info = {"hasNextPage": cursor is not None if has_next is None else has_next, "endCursor": cursor}
    return said({"data": {"orders": {"nodes": nodes, "pageInfo": info}}, **beside})


def said(answer: object) -> Said:
    return Said(json.dumps(answer).encode())


def paged(variables: dict[str, Any]) -> Said:
    """Five orders, two a page."""
    first = int(variables.get("after") or 0)
    return page(ORDERS[first : first + 2], str(first + 2) if first + 2 < len(ORDERS) else None)


def numbers(rows: list[Order | RowRejected]) -> set[str]:
    return {row.number for row in rows if isinstance(row, Order)}


def refusal(answer: Answer, **set_: Any) -> SourceError:
    """The exception that ends the reading; nothing in it is a secret."""
    with pytest.raises(SourceError) as stopped:
        read(answer, **set_)
    everything = "".join(traceback.format_exception(stopped.value))
    assert not any(secret in everything for secret in (TOKEN, FILE, ADDRESS))
    assert "No order was kept, and nothing was sent." in str(stopped.value)
    return stopped.value


GOOD = paged({}).body
NO_PAGES: dict[str, bytes] = {
    "html": b"<!DOCTYPE html><title>Shop</title>",
    "empty": b"",
    "text": b'"orders"',
    "null": b"null",
    "list": b"[]",
    "cut": GOOD[:-20],
    "utf-16": GOOD.decode().encode("utf-16"),
    "nested": b"[" * 100_000,
    "no data": b'{"data":null}',
    "no orders": b'{"data":{"orders":null}}',
    "no nodes": b'{"data":{"orders":{"pageInfo":{"hasNextPage":false}}}}',
    "nodes of another type": page("x").body,
    "no page info": b'{"data":{"orders":{"nodes":[]}}}',
    "nothing about a next page": b'{"data":{"orders":{"nodes":[],"pageInfo":{}}}}',
    "a next page as text": page([], "2", "true").body,
    "a next page without cursor": page([], None, has_next=True).body,
    "half the data": page(ORDERS, errors=[{"message": ADDRESS}]).body,
    "errors of another type": page(ORDERS, errors=ADDRESS).body,
    "errors within errors": page(ORDERS, errors=[[{"extensions": []}], {"extensions": {"code": {}}}]).body,
}


@pytest.mark.parametrize("body", NO_PAGES.values(), ids=NO_PAGES)
@pytest.mark.parametrize("after", [None, "2"])
def test_a_page_that_is_none_ends_the_reading_wherever_it_comes(body: bytes, after: str | None) -> None:
    refusal(lambda variables: Said(body) if variables["after"] == after else paged(variables))


@pytest.mark.parametrize(
    "status", [400, 401, 402, 403, 404, 423, 429, 430, 500, 501, 503, 301, 302, 307, 308, 304, 204, 206]
)
def test_every_other_status_ends_the_reading_and_the_token_goes_to_no_other_address(status: int) -> None:
    with answering(lambda _: Said(GOOD)) as (other, asked_there):
        for body in (b"", GOOD, NO_PAGES["html"], json.dumps([ADDRESS, TOKEN]).encode()):
            stopped = refusal(lambda _, body=body: Said(body, status, {"Location": f"{other}/?a={TOKEN}"}))  # type: ignore[misc]
            assert isinstance(stopped, SourceUnavailable) is (status in {429, 430, 500, 501, 503})
    assert asked_there == []


CURSORS = count()
ENDLESS: dict[str, Answer] = {
    "two cursors in turn": lambda variables: page(ORDERS, "b" if variables["after"] == "a" else "a"),
    "ever new cursors": lambda _: page(ORDERS, str(next(CURSORS))),
    "ever new cursors, empty pages": lambda _: page([], str(next(CURSORS))),
    "ever new cursors, orders without a time": lambda _: page([{}], str(next(CURSORS))),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS)
def test_pages_without_an_end_end_the_reading(answer: Answer) -> None:
    refusal(answer)


@pytest.mark.timeout(60)
def test_lines_without_an_end_end_the_reading() -> None:
    info = {"hasNextPage": True, "endCursor": "x"}

    def answer(variables: dict[str, Any]) -> Said:
        if "id" not in variables:
            return page([{**ORDER, "lineItems": {"nodes": [], "pageInfo": info}}])
        lines = {"nodes": [{"sku": "A"}], "pageInfo": {**info, "endCursor": str(next(CURSORS))}}
        return said({"data": {"order": {"lineItems": lines}}})

    refusal(answer)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cost=st.dictionaries(st.sampled_from(["requestedQueryCost", "throttleStatus"]), st.sampled_from(WRONG)),
    status=st.dictionaries(st.sampled_from(["currentlyAvailable", "restoreRate"]), st.sampled_from([*WRONG, 50, 1000])),
)
def test_whatever_a_shop_says_of_its_points_the_orders_are_read(cost: dict[str, Any], status: dict[str, Any]) -> None:
    good = {"requestedQueryCost": 10, "throttleStatus": {"currentlyAvailable": 5, "restoreRate": 50, **status}}

    def answer(variables: dict[str, Any]) -> Said:
        found = json.loads(paged(variables).body)
        return said({**found, "extensions": {"cost": {**good, **cost}}})

    assert numbers(read(answer)) == set("12345")


@pytest.mark.parametrize("expires", [*WRONG, "9" * 20, "9" * 5_000, "1e30"])
def test_whatever_a_shop_says_of_a_token_it_is_used_or_refused(expires: object) -> None:
    def answer(asked: Asked) -> Said:
        if asked.path.endswith("/access_token"):
            return said({"access_token": "shpat_granted", "scope": expires, "expires_in": expires})
        return paged(json.loads(asked.body)["variables"])

    with answering(answer) as (url, _):
        assert numbers(rows_at(url)) == set("12345")


FULL = {**ORDER, "transactions": [{"kind": "SALE", "status": "SUCCESS", "processedAt": "2026-11-20T23:31:00Z"}]}
FULL |= {"customAttributes": [{"key": "ad_consent", "value": "granted"}]}
LINE = ("lineItems", "nodes", 0)
PLACES: list[tuple[str | int, ...]] = [
    *((name,) for name in ORDER),
    *(("totalPriceSet", "shopMoney", name) for name in ("amount", "currencyCode")),
    ("totalRefundedSet", "shopMoney"),
    *(("totalRefundedSet", "shopMoney", name) for name in ("amount", "currencyCode")),
    ("transactions", 0),
    *(("transactions", 0, name) for name in ("kind", "status", "processedAt")),
    ("customAttributes", 0),
    *(("customAttributes", 0, name) for name in ("key", "value")),
    ("lineItems", "nodes"),
    LINE,
    *((*LINE, name) for name in ("quantity", "sku", "product", "variant", "discountedTotalSet")),
    *((*LINE, name, "legacyResourceId") for name in ("product", "variant")),
    (*LINE, "discountedTotalSet", "shopMoney", "amount"),
]


@pytest.mark.parametrize("product_id", ["product", "variant", "sku"])
def test_every_place_may_hold_every_wrong_value_and_no_other_order_is_stopped(product_id: str) -> None:
    orders = [
        changed({**FULL, "legacyResourceId": str(10 + nth)}, *change)
        for nth, change in enumerate(product(PLACES, WRONG))
    ]
    good = {**FULL, "legacyResourceId": "9"}

    rows = read(lambda _: page([*orders, good]), product_id=product_id, consent_attribute="ad_consent")

    assert len(rows) == len(orders) + 1
    assert "9" in numbers(rows)
    assert not any("@" in repr(row) for row in rows)


FILES: dict[str, str] = {
    "a child without its order": '{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/99"}',
    "a child without id": '{"allocationMethod":"ACROSS","__parentId":"gid://shopify/Order/1"}',
    "a child of nobody": '{"id":"x","__parentId":null}',
    "a parent that is no text": '{"id":"x","__parentId":"\\ud800"}',
    "a refund as a child": '{"id":"gid://shopify/Refund/9","totalRefundedSet":{},"__parentId":"gid://shopify/Order/1"}',
    "a number": "17",
    "no json": "<html>",
    "cut": '{"id":"gid://shop',
    "ever more lines": '{"id":"gid://shopify/LineItem/1","__parentId":"gid://shopify/Order/1"}\n' * 2_000,
}


@pytest.mark.parametrize("line", FILES.values(), ids=FILES)
@pytest.mark.parametrize("counted", [True, False])
def test_a_file_with_a_strange_line_loses_no_order(line: str, counted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "ORDERS_BEFORE_EXPORT", 1)
    monkeypatch.setattr(bulk, "MIN_ORDERS", 1)
    monkeypatch.setattr(export_file, "BLOCK_BYTES", 500)
    nodes = [{**order, "lineItems": None} for order in ORDERS]
    file = "\n".join([*map(json.dumps, nodes), line]).encode()
    operation = {"status": "COMPLETED", "createdAt": "2026-11-22T05:00:00Z", "rootObjectCount": "5"}
    operation |= {"objectCount": str(5 + counted * (1 + line.count("\n")))}

    def answer(asked: Asked) -> Said:
        if FILE in asked.path:
            assert TOKEN not in str(asked.headers)
            return Said(file)
        query = json.loads(asked.body)
        for name, data in {
            "ordersCount": {"count": 5},
            "bulkOperationRunQuery": {"bulkOperation": {"id": "1"}},
            "bulkOperations": {"nodes": []},
            "bulkOperation": {**operation, "url": f"{url}/{FILE}"},
        }.items():
            if f"{name}(" in query["query"]:
                return said({"data": {name: data}})
        return paged(query["variables"])

    with answering(answer) as (url, _):
        assert numbers(rows_at(url, access_token=TOKEN)) >= set("12345")


def test_money_in_the_reading_is_exact(waits: list[float]) -> None:
    order = {**ORDER, "totalPriceSet": money("0.1"), "totalRefundedSet": money("0.10")}

    (row,) = read(lambda _: page([order]))

    assert isinstance(row, Order)
    assert row.amount == row.refunded
    assert waits == []
