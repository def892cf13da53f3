"""The shapes of orders in real shops, read over HTTP as the shops wrote them: what is to be reported of each.

Seen in order objects that WooCommerce publishes with its documentation and its mobile apps, retold with made-up numbers
and addresses.
"""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from conversions.errors import SourceError
from conversions.intake.order import Order, RowRejected
from conversions.model.conversion import Reason
from tests.intake.sources.answering import Said
from tests.intake.sources.woocommerce.test_hostile import read

USUAL = {
    "id": "786",
    "number": '"786"',
    "status": '"processing"',
    "currency": '"USD"',
    "total": '"31.20"',
    "created_via": '"checkout"',
    "date_created_gmt": '"2026-11-16T23:05:12"',
    "date_modified_gmt": '"2026-11-18T10:00:00"',
    "date_paid_gmt": '"2026-11-18T09:00:00"',
    "date_completed_gmt": "null",
    "billing": '{"email":"buyer@example.com"}',
    "line_items": '[{"id":1,"product_id":52,"variation_id":0,"quantity":2,"total":"30.00","sku":"","price":15}]',
    "refunds": "[]",
    "meta_data": "[]",
}
BUNDLE = """[{"id":752,"product_id":190,"quantity":1,"total":"59.00","sku":"","price":59,"bundled_by":"","bundled_items":[753]},
 {"id":753,"product_id":36,"quantity":1,"total":"16.20","sku":"beanie","price":16.2,"bundled_by":752}]"""
NULL_DATES = dict.fromkeys(["date_created_gmt", "date_modified_gmt", "date_paid_gmt", "date_completed_gmt"], "null")


def only(changes: dict[str, str], **set_: Any) -> Any:
    """The row of an order with other texts of JSON; None leaves a field out."""
    order = ",".join(f'"{name}":{text}' for name, text in {**USUAL, **changes}.items() if text)
    found, _ = read(
        lambda number: Said(f"[{{{order}}}]".encode() if number == 1 else b"[]", headers={"X-WP-Total": "1"}),
        completed=["completed", "processing"],
        product_id="sku",
        **set_,
    )
    (row,) = found
    return row


SALES: dict[str, tuple[dict[str, str], str, tuple[str, ...]]] = {
    "1 created and paid on different days": ({}, "31.20", ("wc_post_id_52",)),
    "3 money follows the shop's display decimals": ({"total": '"31.2"'}, "31.20", ("wc_post_id_52",)),
    "3 a number that PHP wrote as a float": ({"total": "31.199999999999999"}, "31.20", ("wc_post_id_52",)),
    "7 partly refunded, the status stays": (
        {"status": '"completed"', "refunds": '[{"id":73,"total":"-16.00"},{"id":0,"total":"-0.00"}]'},
        "15.20",
        ("wc_post_id_52",),
    ),
    "9 no SKU, a SKU that is a number, a deleted product": (
        {
            "line_items": '[{"product_id":52,"sku":null},{"product_id":53,"sku":4711},{"product_id":0,"sku":null},'
            '{"product_id":54,"sku":"A-1"}]'
        },
        "31.20",
        ("wc_post_id_52", "4711", "A-1"),
    ),
    "9 the parts of a bundle": ({"line_items": BUNDLE}, "31.20", ("wc_post_id_190", "beanie")),
    "11 quantity 1.5": ({"line_items": '[{"product_id":52,"quantity":1.5,"total":"3.00"}]'}, "31.20", ("wc_post_id_52",)),
    "11 lines as an object": ({"line_items": '{"1":{"product_id":52},"3":{"product_id":53}}'}, "31.20", ("wc_post_id_52", "wc_post_id_53")),
    "11 no refunds, no metas, no origin": ({"refunds": "", "meta_data": "", "created_via": ""}, "31.20", ("wc_post_id_52",)),
    "the same line twice": (
        {"line_items": '[{"id":7,"product_id":52,"total":"25.00"},{"id":7,"product_id":52,"total":"25.00"}]'},
        "31.20",
        ("wc_post_id_52",),
    ),
    "meta data of every type": (
        {"meta_data": '[{"id":1,"key":"a","value":{"b":[1]}},{"id":2,"key":"c","value":false},{"id":3,"key":"d","value":1.5}]'},
        "31.20",
        ("wc_post_id_52",),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "value", "products"), SALES.values(), ids=SALES)
def test_a_sale_is_reported_as_what_it_is(changes: dict[str, str], value: str, products: tuple[str, ...]) -> None:
    row = only(changes)

    assert isinstance(row, Order)
    assert (row.completed, row.withheld) == (True, None)
    assert (row.amount - row.refunded, row.currency) == (Decimal(value), "USD")
    assert row.product_ids == products
    assert (row.purchase_day, row.window_day) == (date(2026, 11, 17), date(2026, 11, 18))
    assert row.email == "buyer@example.com"


NO_SALES: dict[str, tuple[dict[str, str], Reason | None]] = {
    "4 cash on delivery": ({"date_paid_gmt": "null"}, Reason.NOT_PAID),
    "8 a renewal by its origin": ({"created_via": '"subscription"'}, Reason.RENEWAL),
    "8 a renewal by its meta": ({"meta_data": '[{"key":"_subscription_renewal","value":"282"}]'}, Reason.RENEWAL),
    "10 a fee alone": ({"line_items": "[]"}, Reason.NO_LINES),
}


@pytest.mark.parametrize(("changes", "reason"), NO_SALES.values(), ids=NO_SALES)
def test_a_finished_order_that_no_click_caused_is_withheld(changes: dict[str, str], reason: Reason) -> None:
    assert only(changes).withheld is reason


@pytest.mark.parametrize("status", ["pending", "refunded", "cancelled", "failed", "on-hold", "checkout-draft"])
def test_7_the_status_comes_first_whatever_was_paid_back(status: str) -> None:
    row = only({"status": f'"{status}"', "refunds": '[{"id":1,"total":"-10.00"}]', "created_via": '"subscription"'})

    assert (row.completed, row.withheld) == (False, None)


@pytest.mark.parametrize("billing", ["[]", '{"email":""}', "null", ""])
def test_10_an_order_at_a_till_has_no_address(billing: str) -> None:
    assert only({"billing": billing}).email == ""


def test_11_the_id_is_the_key_and_the_number_is_shown() -> None:
    row = only({"number": '"56AQ"'})

    assert (row.number, row.shown_number) == ("786", "56AQ")


def test_11_a_draft_without_any_date_is_rejected_with_its_cell() -> None:
    row = only({**NULL_DATES, "status": '"draft"', "billing": '{"email":""}', "line_items": "[]"})

    assert isinstance(row, RowRejected)
    assert (row.order_no, row.reason, row.field) == ("786", Reason.BAD_DATE, "purchased_at")


def test_a_page_with_a_comma_too_many_is_refused() -> None:
    with pytest.raises(SourceError, match="no list of orders"):
        only({"meta_data": "[],"})
