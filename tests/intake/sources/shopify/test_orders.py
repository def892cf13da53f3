"""What an order of the API means, in every shape that real shops have."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.shopify import Shopify
from conversions.model.conversion import Consent, Reason
from conversions.transport.route import DIRECT
from tests.intake.sources.shopify_shop import ZONE, shop_settings


def money(amount: object, currency: str = "USD", presentment: object = None) -> dict[str, Any]:
    shop = {"amount": amount, "currencyCode": currency}
    return {"shopMoney": shop, "presentmentMoney": {"amount": presentment, "currencyCode": "EUR"}}


ORDER: dict[str, Any] = {
    "id": "gid://shopify/Order/450789469",
    "legacyResourceId": "450789469",
    "name": "#1001",
    "email": "bob.norman@example.com",
    "createdAt": "2026-11-20T23:30:00Z",
    "processedAt": "2026-11-20T23:31:00Z",
    "updatedAt": "2026-11-22T10:00:00Z",
    "cancelledAt": None,
    "test": False,
    "displayFinancialStatus": "PARTIALLY_REFUNDED",
    "sourceName": "web",
    "totalPriceSet": money("598.94", presentment="550.10"),
    "currentTotalPriceSet": money("199.65"),
    "totalRefundedSet": money("209.0", presentment="190.0"),
    "transactions": [],
    "customAttributes": [],
    "lineItems": {
        "nodes": [
            {
                "quantity": "1",
                "sku": "IPOD2008GREEN",
                "product": {"legacyResourceId": "632910392"},
                "variant": {"legacyResourceId": "39072856"},
                "discountedTotalSet": money("199.00"),
            },
            {"quantity": "2", "sku": "GONE-1", "product": None, "variant": None},
        ]
    },
}


def row(order: object, **set_: Any) -> Order | RowRejected:
    source = Shopify(
        shop_settings(**set_),
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


def test_the_amount_is_the_price_minus_what_was_paid_back_and_not_the_current_price() -> None:
    read = order()

    assert (read.amount, read.refunded, read.currency) == (Decimal("598.94"), Decimal(209), "USD")
    assert read.completed


def test_amounts_are_in_the_shops_currency_unless_set() -> None:
    read = order({"money": "presentment"})

    assert (read.amount, read.refunded, read.currency) == (Decimal("550.10"), Decimal(190), "EUR")


def test_a_refund_in_another_currency_is_never_subtracted() -> None:
    read = row({**ORDER, "totalRefundedSet": money("10", "EUR")})

    assert isinstance(read, RowRejected)
    assert (read.reason, read.field) == (Reason.BAD_AMOUNT, "refunded")


def payment(kind: str, at: str, status: str = "SUCCESS") -> dict[str, str]:
    return {"kind": kind, "status": status, "processedAt": at}


def test_the_purchase_is_when_the_order_was_created_and_its_payment_chooses_the_window() -> None:
    payments = [
        payment("AUTHORIZATION", "2026-11-20T23:31:00Z"),
        payment("CAPTURE", "2026-11-23T09:00:00Z"),
        payment("SALE", "2026-11-24T09:00:00Z", "FAILURE"),
        payment("REFUND", "2026-11-25T09:00:00Z"),
    ]

    assert order().purchased_at == datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
    assert order().purchase_day == date(2026, 11, 21)
    assert order(transactions=payments).window_day == date(2026, 11, 23)
    assert order(processedAt="2026-11-22T09:00:00Z").window_day == date(2026, 11, 22)
    assert order(processedAt=None).window_day == date(2026, 11, 21)


@pytest.mark.parametrize(
    ("choice", "ids"),
    [
        ("product", ("632910392", "GONE-1")),
        ("variant", ("39072856", "GONE-1")),
        ("sku", ("IPOD2008GREEN", "GONE-1")),
    ],
)
def test_the_product_id_is_the_chosen_one_and_a_deleted_product_has_its_sku(choice: str, ids: tuple[str, ...]) -> None:
    assert order({"product_id": choice}).product_ids == ids


def test_a_product_without_an_sku_has_its_number_and_a_tip_has_none() -> None:
    lines = [{"sku": "", "product": {"legacyResourceId": "7"}}, {"sku": None, "product": None, "quantity": "1"}]

    assert order({"product_id": "sku"}, lineItems={"nodes": lines}).product_ids == ("shopify_7",)
    assert order({"product_id": "sku", "sku_fallback": "p-"}, lineItems={"nodes": lines}).product_ids == ("p-7",)
    assert order(lineItems={"nodes": [{"product": {"id": "gid://shopify/Product/8"}}]}).product_ids == ("8",)


def test_each_line_has_its_quantity_and_the_price_of_one_piece() -> None:
    lines = [
        {"product": {"legacyResourceId": "7"}, "quantity": "3", "discountedTotalSet": money("10.00")},
        {"product": {"legacyResourceId": "8"}, "quantity": "1", "discountedTotalSet": money("0.0")},
    ]

    assert order(lineItems={"nodes": lines}).cart == (("7", "8"), (3, 1), (Decimal("3.33"), Decimal("0.00")))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"test": True}, Reason.TEST_ORDER),
        ({"cancelledAt": "2026-11-21T00:00:00Z"}, Reason.CANCELLED),
        ({"sourceName": "subscription_contract"}, Reason.RENEWAL),
        ({"sourceName": "subscription_contract_checkout_one"}, Reason.RENEWAL),
        ({"lineItems": {"nodes": []}}, Reason.NO_LINES),
        ({"lineItems": None}, Reason.NO_LINES),
        ({}, None),
    ],
)
def test_what_is_no_sale_to_report_is_withheld_with_its_reason(changes: dict[str, Any], reason: Reason | None) -> None:
    assert order(**changes).withheld is reason
    unfinished = order(**changes, displayFinancialStatus="PENDING")
    assert (unfinished.completed, unfinished.withheld) == (False, None)


def test_a_renewal_is_withheld_unless_the_settings_say_send() -> None:
    mark = {"sourceName": "subscription_contract"}

    assert order({"renewals": None}, **mark).withheld is Reason.RENEWAL_UNDECIDED
    assert order({"renewals": "send"}, **mark).withheld is None


@pytest.mark.parametrize(
    ("status", "completed"),
    [("PAID", True), ("PARTIALLY_REFUNDED", True), ("REFUNDED", False), ("VOIDED", False), (None, False)],
)
def test_the_financial_status_says_whether_it_is_a_sale(status: str | None, completed: bool) -> None:
    assert order(displayFinancialStatus=status).completed is completed


def test_the_id_is_the_key_and_the_shown_name_is_kept_beside_it() -> None:
    assert (order().number, order().shown_number) == ("450789469", "#1001")
    assert order(legacyResourceId=None).number == "450789469"
    by_name = order({"order_key": "name"})
    assert (by_name.number, by_name.shown_number) == ("#1001", None)


@pytest.mark.parametrize(
    ("value", "consent"),
    [
        ("granted", Consent.GRANTED),
        ("yes", Consent.GRANTED),
        ("denied", Consent.DENIED),
        (None, Consent.NOT_RECORDED),
        ("", Consent.NOT_RECORDED),
        (["granted"], Consent.NOT_RECORDED),
    ],
)
def test_consent_is_the_named_detail(value: Any, consent: Consent) -> None:
    details = [{"key": "ad_consent", "value": "denied"}, {"key": "ad_consent", "value": value}, "x", None]

    assert order({"consent_attribute": "ad_consent"}, customAttributes=details).consent is consent
    assert order(customAttributes=details).consent is Consent.NOT_RECORDED


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"email": ["bob@example.com"]}, Reason.WRONG_TYPE, "email"),
        ({"lineItems": "93"}, Reason.WRONG_TYPE, "product_ids"),
        ({"lineItems": {"nodes": [["93"]]}}, Reason.WRONG_TYPE, "product_ids"),
        ({"lineItems": {"nodes": [None]}}, None, None),
        ({"totalPriceSet": "598.94"}, Reason.WRONG_TYPE, "amount"),
        ({"totalPriceSet": None}, Reason.BAD_AMOUNT, "refunded"),
        ({"totalPriceSet": money("29,35")}, Reason.BAD_AMOUNT, "amount"),
        ({"totalRefundedSet": None}, None, None),
        ({"totalRefundedSet": money("all")}, Reason.BAD_AMOUNT, "refunded"),
        ({"transactions": {}}, Reason.WRONG_TYPE, "completed_at"),
        ({"id": None, "legacyResourceId": None}, Reason.NO_ORDER_NUMBER, "order_id"),
        ({"createdAt": None}, Reason.BAD_DATE, "purchased_at"),
        ({"updatedAt": "never"}, Reason.BAD_DATE, "updated_at"),
        ({"email": None}, None, None),
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
    st.none() | st.booleans() | st.text(max_size=20) | st.sampled_from(["786", "10.00", "PAID"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*ORDER, "nodes", "shopMoney"]), inner),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    changes=st.dictionaries(st.sampled_from(list(ORDER)), JSON, max_size=5), product=st.sampled_from(["sku", "variant"])
)
def test_whatever_an_order_holds_it_is_an_order_or_rejected(changes: dict[str, Any], product: str) -> None:
    assert isinstance(row({**ORDER, **changes}, product_id=product, consent_attribute="email"), Order | RowRejected)
