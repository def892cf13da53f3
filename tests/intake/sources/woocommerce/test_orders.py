"""What an order object means, in every shape that real shops have."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.shop_api.numbers import parse
from conversions.intake.sources.woocommerce import WooCommerce
from conversions.model.conversion import Consent, Reason
from conversions.transport.route import DIRECT
from tests.intake.sources.woocommerce_shop import ZONE, shop_settings

ORDER: dict[str, Any] = {
    "id": "786",
    "number": "786",
    "status": "completed",
    "currency": "DKK",
    "total": "249.900000",
    "date_created_gmt": "2026-11-20T23:30:00",
    "date_modified_gmt": "2026-11-22T10:00:00",
    "date_paid_gmt": "2026-11-20T23:31:00",
    "date_completed_gmt": "2026-11-22T10:00:00",
    "billing": {"email": "ida@example.com"},
    "line_items": [
        {"product_id": "93", "variation_id": "94", "sku": "CD-1", "quantity": "1"},
        {"product_id": "7", "variation_id": "0", "sku": "", "quantity": "2"},
    ],
    "refunds": [],
    "meta_data": [],
    "created_via": "checkout",
}


def row(order: object, **set_: Any) -> Order | RowRejected:
    source = WooCommerce(
        shop_settings("https://shop.example", completed=["completed", "processing"], **set_),
        zone=ZONE,
        clock=lambda: datetime(2026, 11, 23, tzinfo=UTC),
        key=b"k" * 32,
        route=DIRECT,
    )
    return source._row(order)


def order(set_: dict[str, Any] | None = None, **changes: Any) -> Any:
    read = row({**ORDER, **changes}, **(set_ or {}))
    assert isinstance(read, Order)
    return read


def test_the_purchase_is_when_the_order_was_created_and_its_completion_chooses_the_window() -> None:
    read = order()

    assert read.purchased_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert read.purchase_day == date(2026, 11, 21)
    assert read.window_day == date(2026, 11, 22)
    assert order(date_completed_gmt=None, date_paid_gmt="2026-11-23T09:00:00").window_day == date(2026, 11, 23)
    assert order(date_completed_gmt=None, date_paid_gmt=None).window_day == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("refunds", "paid_back"),
    [
        ([], "0"),
        (None, "0"),
        ([{"id": "0", "total": "-0.00"}], "0.00"),
        ([{"total": "-10.00"}, {"total": "-9.00"}], "19.00"),
        ({"1": {"total": "10"}}, "10"),
    ],
)
def test_refunds_are_the_sum_of_their_totals_with_either_sign(refunds: Any, paid_back: str) -> None:
    assert order(refunds=refunds).refunded == Decimal(paid_back)


@pytest.mark.parametrize(
    ("choice", "ids"),
    [("product", ("93", "7")), ("variation", ("94", "7")), ("sku", ("CD-1", "wc_post_id_7"))],
)
def test_the_product_id_is_the_one_that_the_settings_choose(choice: str, ids: tuple[str, ...]) -> None:
    assert order({"product_id": choice}).product_ids == ids


def test_parts_of_a_bundle_are_products_of_their_own_unless_set() -> None:
    part = {"product_id": "8", "bundled_by": "315"}
    other = {"product_id": "9", "meta_data": [{"key": "_composite_parent", "value": "x"}]}
    lines = [{"product_id": "93", "bundled_by": ""}, part, other]

    assert order(line_items=lines).product_ids == ("93", "8", "9")
    assert order({"bundled": "leave_out"}, line_items=lines).product_ids == ("93",)


def test_each_line_has_its_quantity_and_the_price_of_one_piece() -> None:
    lines = [
        {"product_id": "93", "quantity": "3", "total": "10.000000", "price": "3.3333333333333335"},
        {"product_id": "0", "quantity": "1", "total": "5"},
        {"product_id": "7", "quantity": "1", "total": "0.00"},
    ]

    assert order(line_items=lines).cart == (("93", "7"), (3, 1), (Decimal("3.33"), Decimal("0.00")))
    assert order(line_items=lines, currency="JPY").cart.unit_prices == (3, 0)


def test_a_line_that_comes_twice_under_one_number_is_one_line() -> None:
    line = {"id": "7", "product_id": "224", "quantity": "1", "total": "25.00"}
    other = {**line, "id": "8"}

    assert order(line_items=[line, line, other]).cart == (("224", "224"), (1, 1), (Decimal(25), Decimal(25)))


@pytest.mark.parametrize("line", [{"quantity": "1.5", "total": "3"}, {"quantity": "0", "total": "3"}, {}])
def test_a_quantity_that_is_no_count_leaves_the_order_what_it_is(line: dict[str, str]) -> None:
    read = order(line_items=[{"product_id": "93", **line}])

    assert read.product_ids == ("93",)
    assert read.cart.quantities is Reason.BAD_QUANTITY


@pytest.mark.parametrize("mark", [{"created_via": "subscription"}, {"meta_data": [{"key": "_subscription_renewal"}]}])
def test_a_renewal_is_withheld_unless_the_settings_say_send(mark: dict[str, Any]) -> None:
    assert order(**mark).withheld is Reason.RENEWAL
    assert order({"renewals": None}, **mark).withheld is Reason.RENEWAL_UNDECIDED
    assert order({"renewals": "send"}, **mark).withheld is None


def test_an_order_that_is_neither_paid_nor_completed_waits() -> None:
    unpaid: dict[str, Any] = {"status": "processing", "date_paid_gmt": None, "date_completed_gmt": None}

    assert order(**unpaid).withheld is Reason.NOT_PAID
    assert order({"unpaid": "send"}, **unpaid).withheld is None
    assert order(**{**unpaid, "date_paid_gmt": "2026-11-21T08:00:00"}).withheld is None
    assert order(**{**unpaid, "status": "completed"}).withheld is None


def test_the_status_comes_first() -> None:
    renewal = order(status="pending", created_via="subscription")

    assert (renewal.completed, renewal.withheld) == (False, None)


def test_an_order_of_a_fee_alone_is_no_error() -> None:
    assert order(line_items=[]).withheld is Reason.NO_LINES


def test_the_id_is_the_key_and_the_shown_number_is_kept_beside_it() -> None:
    assert (order(number="56AQ").number, order(number="56AQ").shown_number) == ("786", "56AQ")
    assert (order().number, order().shown_number) == ("786", None)
    by_number = order({"order_key": "number"}, number="56AQ")
    assert (by_number.number, by_number.shown_number) == ("56AQ", None)


@pytest.mark.parametrize(
    ("value", "consent"),
    [
        ("granted", Consent.GRANTED),
        (True, Consent.GRANTED),
        ("1", Consent.GRANTED),
        ("denied", Consent.DENIED),
        (False, Consent.DENIED),
        (None, Consent.NOT_RECORDED),
        (["granted"], Consent.NOT_RECORDED),
        ({"ads": "granted"}, Consent.NOT_RECORDED),
    ],
)
def test_consent_is_the_named_meta_value(value: Any, consent: Consent) -> None:
    metas = [{"key": "_ad_consent", "value": "denied"}, {"key": "_ad_consent", "value": value}, "x", None]

    assert order({"consent_meta": "_ad_consent"}, meta_data=metas).consent is consent
    assert order(meta_data=metas).consent is Consent.NOT_RECORDED


@pytest.mark.parametrize("billing", [[], None, {}, {"email": None}, {"email": ""}])
def test_an_order_without_an_address_is_an_order(billing: Any) -> None:
    assert order(billing=billing).email == ""


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"billing": "ida@example.com"}, Reason.WRONG_TYPE, "email"),
        ({"billing": {"email": ["ida@example.com"]}}, Reason.WRONG_TYPE, "email"),
        ({"line_items": "93"}, Reason.WRONG_TYPE, "product_ids"),
        ({"line_items": [None]}, None, None),
        ({"line_items": [["93"]]}, Reason.WRONG_TYPE, "product_ids"),
        ({"refunds": [{"total": "all"}]}, Reason.BAD_AMOUNT, "refunded"),
        ({"refunds": "10"}, Reason.WRONG_TYPE, "refunded"),
        ({"total": {}}, Reason.WRONG_TYPE, "amount"),
        ({"total": None}, Reason.BAD_AMOUNT, "amount"),
        ({"total": "29,35"}, Reason.BAD_AMOUNT, "amount"),
        ({"id": None}, Reason.NO_ORDER_NUMBER, "order_id"),
        ({"id": {}}, Reason.WRONG_TYPE, "order_id"),
        ({"date_created_gmt": None}, Reason.BAD_DATE, "purchased_at"),
        ({"date_modified_gmt": "never"}, Reason.BAD_DATE, "updated_at"),
        ({"status": None}, None, None),
    ],
)
def test_an_order_of_another_shape_is_rejected_with_its_cell(
    changes: dict[str, Any], reason: Reason | None, field: str | None
) -> None:
    read = row({**ORDER, **changes})

    assert (getattr(read, "reason", None), getattr(read, "field", None)) == (reason, field)
    assert "@" not in repr(read)


@pytest.mark.parametrize("thing", [None, "x", "7", [], [ORDER], True])
def test_what_is_no_object_is_rejected(thing: object) -> None:
    read = row(thing)

    assert isinstance(read, RowRejected)
    assert read.reason is Reason.WRONG_TYPE


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=20) | st.sampled_from(["786", "-10.00", "completed"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ORDER, "email", "total"]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(list(ORDER)), JSON, max_size=5), product=st.sampled_from(["sku", "product"])
)
def test_whatever_an_order_holds_it_is_an_order_or_rejected(changes: dict[str, Any], product: str) -> None:
    assert isinstance(row({**ORDER, **changes}, product_id=product, consent_meta="email"), Order | RowRejected)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        ("29.35", "29.35"),
        ("0.10", "0.10"),
        ("29", "29"),
        ("-10.0", "-10.0"),
        ("29.350000000000001", "29.35"),
        ("16.989999999999998", "16.99"),
        ("1e2", "100"),
        ("1e999999999", "1e999999999"),
        ("123456789012345678901", "123456789012345678901"),
    ],
)
def test_a_number_is_the_decimal_that_the_shop_meant(literal: str, text: str) -> None:
    assert parse(f"[{literal}]".encode()) == [text]


def test_a_byte_order_mark_and_bytes_that_are_no_text_do_not_spoil_a_page() -> None:
    assert parse(b'\xef\xbb\xbf["bj\xf8rn"]') == ["bj\udcf8rn"]
    with pytest.raises(ValueError, match="nested"):
        parse(b"[" * 100_000)
