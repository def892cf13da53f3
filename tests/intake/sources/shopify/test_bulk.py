"""Orders from a bulk operation are those of the pages, and whatever is wrong with its file, pages are read."""

import json
import traceback
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.shop_api.failures import Failure
from conversions.intake.sources.shopify import Shopify, bulk, export_file, paging, queries
from conversions.intake.sources.shopify.bulk import Export
from conversions.sandbox.base import Answer, Request
from conversions.sandbox.shopify import Shop
from conversions.sandbox.shopify.bulk import POLLS, SIGNATURE
from conversions.sandbox.shopify.orders import FIRST_ID, Orders, line
from tests.intake.sources.shop import WINDOW
from tests.intake.sources.shopify_shop import Listed, served

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)
ORDERS = 600
PAGES = 10**9
GROUPED = queries.RUN_BULK.replace("groupObjects: false", "groupObjects: true")
CONSENT = {"consent_attribute": "ad_consent"}
Rows = list[Order | RowRejected]


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the reader waited; few orders are many, and a file has several blocks."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    monkeypatch.setattr(paging, "ORDERS_BEFORE_EXPORT", 100)
    monkeypatch.setattr(bulk, "MIN_ORDERS", 300)
    monkeypatch.setattr(export_file, "BLOCK_BYTES", 50_000)
    return waits


def opened(shop: Shop, **settings: Any) -> Shopify:
    source = served(shop, lambda: NOW, **settings)
    assert isinstance(source, Shopify)
    return source


def shop_of(*faults: str, orders: int = ORDERS) -> Shop:
    return Shop(Orders(orders, NOW, 6), faults, lambda: NOW)


def read(shop: Shop, **settings: Any) -> Rows:
    return [row for chunk in opened(shop, **settings).chunks(WINDOW) for row in chunk]


def as_known(rows: Rows) -> dict[str, Order]:
    """Each order as it is, whatever its place in the reading."""
    return {row.number: row._replace(rank=(row.rank[0], 0), place="") for row in rows if isinstance(row, Order)}


def why_rejected(rows: Rows) -> set[tuple[Any, ...]]:
    """The rows that are no order, and why not."""
    return {(row.reason, row.field) for row in rows if isinstance(row, RowRejected)}


@contextmanager
def by_pages() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "MIN_ORDERS", PAGES)
        yield


def said_by(shop: Shop) -> list[tuple[Request, Answer]]:
    """What the shop is asked from now on, and what it answers."""
    said: list[tuple[Request, Answer]] = []
    answer = shop.answer

    def noted(request: Request) -> Answer | None:
        found = answer(request)
        if found:
            said.append((request, found))
        return found

    shop.answer = noted  # type: ignore[method-assign]
    return said


@pytest.mark.parametrize("run", [queries.RUN_BULK, GROUPED])
@pytest.mark.parametrize("product_id", ["product", "variant", "sku"])
def test_the_same_orders_come_from_a_file_in_either_sequence_as_from_pages(
    run: str, product_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "RUN_BULK", run)
    shop = shop_of()
    rows = read(shop, product_id=product_id, **CONSENT)
    with by_pages():
        paged = read(shop_of(), product_id=product_id, **CONSENT)

    assert len(shop._bulk.operations) == 1
    assert as_known(rows) == as_known(paged)
    assert why_rejected(rows) == why_rejected(paged)
    assert len(as_known(rows)) == ORDERS


_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, "", "0", 0, -1, [], {}, True, "x" * 300, {"nodes": 1}, '{"__parentId":"x"}']
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 19), st.sampled_from(["email", "name", "test", "sourceName"]), _VALUES)),
    lines=st.lists(st.integers(0, 60), min_size=20, max_size=20),
    grouped=st.booleans(),
)
def test_the_same_orders_come_from_any_shop(
    changes: list[tuple[int, str, Any]], lines: list[int], grouped: bool
) -> None:
    listed = [Orders(20, NOW, 6).order(nth) for nth in range(20)]
    for order, count in zip(listed, lines, strict=True):
        order["lineItems"] = [line(7_000 + nth, None, f"S-{nth}") for nth in range(count)]
    for nth, name, value in changes:
        listed[nth][name] = value
    shops = [Shop(Listed(listed, NOW - timedelta(hours=1)), [], lambda: NOW) for _ in range(2)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "ORDERS_BEFORE_EXPORT", 1)
        patch.setattr(bulk, "MIN_ORDERS", 1)
        patch.setattr(queries, "RUN_BULK", GROUPED if grouped else queries.RUN_BULK)
        rows = read(shops[0], page_size=5)
    with by_pages():
        paged = read(shops[1], page_size=5)

    assert as_known(rows) == as_known(paged)
    assert why_rejected(rows) == why_rejected(paged)
    assert shops[0]._bulk.operations


FAULTS = {
    "bulk-busy": "OPERATION_IN_PROGRESS",
    "bulk-denied": "FAILED, ACCESS_DENIED",
    "bulk-failed": "FAILED, TIMEOUT",
    "bulk-canceled": "CANCELED",
    "bulk-endless": "not finished its bulk operation after 3 hours",
    "bulk-cut": "objects, and its bulk operation has",
    "bulk-expired": "(403)",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_whole_file_every_order_is_read_by_pages_and_that_is_said_without_the_address(
    fault: str, waits: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = read(shop_of(fault))

    said = capsys.readouterr()
    assert len(rows) == len(as_known(rows)) == ORDERS
    assert FAULTS[fault] in said.out + said.err
    assert "Pages are read" in said.out + said.err
    assert SIGNATURE not in said.out + said.err
    assert sum(waits) < bulk.MAX_WAIT_SECONDS + 60


@pytest.mark.parametrize("faults", [["dropped@0.3"], ["503@0.3=1", "429@0.1=1"], ["bulk-whole"]])
def test_a_failure_in_the_middle_of_the_file_costs_one_block(faults: list[str]) -> None:
    shop = shop_of()
    shop.use_faults(faults)

    rows = read(shop)

    assert len(as_known(rows)) == ORDERS
    assert len(rows) > ORDERS  # the first pages came before the file


def test_a_file_that_stops_in_the_second_reading_is_followed_by_pages() -> None:
    shop = shop_of()
    chunks = opened(shop).chunks(WINDOW)
    rows = [row for _ in range(2) for row in next(chunks)]
    shop.use_faults(["bulk-expired"])

    rows += [row for chunk in chunks for row in chunk]

    assert len(as_known(rows)) == ORDERS


def test_an_order_that_changes_while_the_file_is_written_is_read_in_its_newest_version() -> None:
    shop = shop_of()
    run = shop._bulk.run

    def then_refund(*given: Any) -> Any:
        found = run(*given)
        shop._refunds[0], shop._edited[0] = Decimal(1), NOW
        return found

    shop._bulk.run = then_refund  # type: ignore[method-assign, assignment]
    rows = [row for row in read(shop) if isinstance(row, Order) and row.number == str(FIRST_ID)]

    assert {row.refunded for row in rows} == {0, 1}
    assert max(rows, key=lambda row: row.rank).refunded == 1


def test_an_operation_that_a_killed_run_left_is_taken_over_and_none_is_begun_beside_it() -> None:
    shop = shop_of("bulk-endless")
    source = opened(shop)
    begun = bulk.begin(source.client.ask, queries.bulk(source._settings, paging.changed_since(NOW - timedelta(days=8))))

    assert begun == bulk.begin(
        source.client.ask, queries.bulk(source._settings, paging.changed_since(NOW - timedelta(days=8)))
    )
    assert bulk.begin(source.client.ask, queries.bulk(source._settings, paging.changed_since(NOW))) != begun
    assert len(shop._bulk.operations) == 2


def test_the_token_goes_to_the_shop_only_and_the_address_of_the_file_into_no_text() -> None:
    shop = shop_of()
    said = said_by(shop)
    source = opened(shop)
    list(source.chunks(WINDOW))

    files = [request for request, _ in said if request.path.startswith("/bulk/")]
    assert len(files) > 4
    assert not any(request.shop_token or request.authorization for request in files)
    export = bulk.wait_for(source.client.ask, shop._bulk.operations[0].id, lambda _: None)
    assert isinstance(export, Export)
    assert SIGNATURE in str(export.url)
    assert SIGNATURE not in repr(export)


@pytest.mark.parametrize(
    "url",
    ["http://storage.example/x?signature=secret", "ftp://127.0.0.1/x", "file:///etc/passwd", "http://127.0.0.2/x"],
)
def test_a_file_without_https_is_not_asked_for_unless_it_is_on_this_machine(url: str) -> None:
    source = opened(shop_of())

    failure = source.client.block(url, 0)

    assert isinstance(failure, Failure)
    assert "https" in failure.sentence or "cannot be asked" in failure.sentence
    assert "secret" not in failure.sentence


def test_an_unreachable_file_is_one_sentence_without_its_address() -> None:
    source = opened(shop_of())

    failure = source.client.block("http://127.0.0.1:1/x?signature=secret", 0)

    assert isinstance(failure, Failure)
    assert "secret" not in failure.sentence + "".join(traceback.format_exception(failure.error("x")))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff\n",
        b'{"__parentId":null}\n',
        b'[1,"__parentId":2]\n',
        b"[" * 100_000,
        b'{"id":"a"}\n{"id":',
        b"x" * 200_000,
    ],
)
def test_a_file_that_is_no_json_is_no_order(body: bytes) -> None:
    objects = len([text for text in body.split(b"\n") if text])
    children = body.count(b"__parentId")
    export = Export("https://x", NOW, objects, objects - children)

    found = list_of(export, body)

    assert isinstance(found[-1], Failure)
    assert all(isinstance(chunk, list) for chunk in found[:-1])


def list_of(export: Export, body: bytes) -> list[Any]:
    """What is yielded of a file, and at last what is returned."""

    def all_of_it() -> Iterator[Any]:
        yield (yield from export_file.orders(export, lambda begin: (body[begin : begin + 70_000], len(body))))

    return list(all_of_it())


def test_an_operation_without_an_order_has_no_file() -> None:
    assert list_of(Export(None, NOW, 0, 0), b"") == [None]


def test_an_operation_that_the_shop_describes_strangely_is_no_file() -> None:
    strange: list[Any] = [
        {},
        {"bulkOperation": None},
        {"bulkOperation": []},
        {"bulkOperation": {"status": 1}},
        {"bulkOperation": {"status": "COMPLETED", "objectCount": "many", "rootObjectCount": "1"}},
        {"bulkOperation": {"status": "COMPLETED", "objectCount": "1", "rootObjectCount": "1", "createdAt": "today"}},
        {"bulkOperation": {"status": "EXPIRED"}},
    ]
    for data in strange:
        assert isinstance(bulk.wait_for(lambda *_, data=data, **__: data, "1", lambda _: None), Failure)
        assert isinstance(bulk.begin(lambda *_, data=data, **__: data, "{}"), Failure)
        assert not bulk.is_worthwhile(lambda *_, data=data, **__: data, "x")


def test_a_usual_night_asks_for_no_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "MIN_ORDERS", ORDERS + 1)
    shop = shop_of()
    said = said_by(shop)

    assert len(read(shop)) == ORDERS
    assert not any(b"bulk" in request.body for request, _ in said)
    assert sum(b"ordersCount" in request.body for request, _ in said) == 1


def test_the_shop_is_asked_less_often_the_longer_it_takes(waits: list[float]) -> None:
    read(shop_of())

    assert len(waits) == POLLS - 1
    assert waits == sorted(waits)


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for count in (5_000, 20_000):
        order = b'{"id":"gid://shopify/Order/%d","name":"#1"}\n'
        child = b'{"id":"gid://shopify/LineItem/%d","quantity":1,"__parentId":"gid://shopify/Order/%d"}\n'
        body = b"".join(child % (nth, nth) for nth in range(count)) + b"".join(order % nth for nth in range(count))
        fetch = lambda begin, body=body: (body[begin : begin + 50_000], len(body))  # noqa: E731
        tracemalloc.start()
        seen = sum(len(chunk) for chunk in export_file.orders(Export("x", NOW, 2 * count, count), fetch))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert seen == count
    assert peaks[1] < peaks[0] * 1.5


def test_the_query_asks_for_what_a_bulk_operation_allows_and_for_nothing_of_the_buyer_beside_the_address() -> None:
    text = queries.bulk(opened(shop_of())._settings, "x")

    assert text.count("edges") == 2
    assert not any(word in text for word in ("nodes", "$", "ddress", "phone", "customer", "note", "presentment"))
    json.dumps(text)
