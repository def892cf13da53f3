"""Carts with quantity and unit price, held against what the platforms publish; and orders without any product."""

import json
import warnings
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.destinations import open_destination
from conversions.destinations.base import Destination
from conversions.destinations.google.client import Google
from conversions.destinations.meta.client import Meta
from conversions.disclosure.gate import Gate
from conversions.disclosure.policy import Policy
from conversions.disclosure.schema import CARTS as PATHS
from conversions.errors import DisclosureError
from conversions.model.conversion import CartItem, Conversion
from tests.destinations.specimens import (
    CART_POLICY,
    POLICY,
    WITH_CART,
    conversion,
    google_settings,
    meta_settings,
    policy_without,
)
from tests.destinations.test_contracts import body, parsed, strangers

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    from facebook_business.adobjects.serverside.content import Content
    from facebook_business.adobjects.serverside.custom_data import CustomData

SEVERAL = st.lists(WITH_CART, min_size=1, max_size=4)
EACH = pytest.mark.parametrize("kind", ["google", "meta"])
PRODUCTS = [path for paths in PATHS.values() for path in (*paths.product_ids, paths.quantity, paths.unit_price)]


def opened(kind: str, policy: Policy = CART_POLICY) -> Destination:
    return Google("google", google_settings(), policy) if kind == "google" else Meta("meta", meta_settings(), policy)


@given(SEVERAL)
def test_google_s_own_classes_read_every_cart_and_lose_nothing(conversions: list[Conversion]) -> None:
    document = json.loads(body(opened("google"), conversions))

    assert parsed(document) == document
    assert strangers(document, {"$ref": "IngestEventsRequest"}) == []


@given(WITH_CART)
def test_meta_s_sdk_would_write_the_same_products(one: Conversion) -> None:
    contents = [
        Content(item.product_id, item.quantity, None if item.unit_price is None else float(item.unit_price))
        for item in one.cart
    ]
    written = CustomData(contents=contents, content_type="product").normalize()
    custom = json.loads(opened("meta").event(one))["custom_data"]

    assert {key: custom[key] for key in ("contents", "content_type")} == written
    assert "content_ids" not in custom


@EACH
@given(conversions=SEVERAL)
def test_a_cart_passes_the_gate_only_where_the_policy_lists_it(kind: str, conversions: list[Conversion]) -> None:
    whole = body(opened(kind), conversions)

    assert Gate(CART_POLICY, kind).check(whole, len(conversions))
    with pytest.raises(DisclosureError):
        Gate(POLICY, kind).check(whole, len(conversions))


@EACH
@pytest.mark.parametrize("quantity", [0, -1, 1_000_000, 20_304_050, 1.0, "2", True])
def test_the_gate_lets_no_other_quantity_pass(kind: str, quantity: object) -> None:
    event = orjson.loads(opened(kind).event(conversion(cart=(CartItem("SKU-1", 3),))))
    item: dict[str, Any] = event["cartData"]["items"][0] if kind == "google" else event["custom_data"]["contents"][0]
    item["quantity"] = str(quantity) if kind == "google" and quantity != "2" else quantity

    expected = None if kind == "google" and quantity == "2" else PATHS[kind].quantity
    assert Gate(CART_POLICY, kind).violation(orjson.dumps(event)) == expected


@EACH
@given(one=WITH_CART.map(lambda made: made._replace(cart=())))
def test_an_order_without_a_cart_is_byte_for_byte_what_the_shipped_policy_sends(kind: str, one: Conversion) -> None:
    assert opened(kind).event(one) == opened(kind, POLICY).event(one)


@EACH
def test_where_the_policy_leaves_products_out_there_is_no_cart(kind: str) -> None:
    bare = policy_without(*PRODUCTS)
    settings = google_settings(merchant_id="123") if kind == "google" else meta_settings()
    destination = open_destination(kind, settings, bare)
    event = destination.event(conversion(product_ids=()))

    assert not {"cartData", "content_ids", "contents", "content_type"} & {
        *json.loads(event),
        *json.loads(event).get("custom_data", {}),
    }
    assert Gate(bare, kind).violation(event) is None


def test_only_the_listed_name_of_a_product_id_is_sent() -> None:
    narrow = policy_without("events[].cartData.items[].itemId")
    event = json.loads(open_destination("google", google_settings(), narrow).event(conversion()))
    assert event["cartData"]["items"] == [{"merchantProductId": "SKU-1"}, {"merchantProductId": "SKU/2"}]


def test_meta_gets_contents_of_ids_where_the_policy_lists_no_content_ids() -> None:
    made = CART_POLICY.model_dump(by_alias=True)
    made["meta"] = [listing for listing in made["meta"] if "content_ids" not in listing["path"]]
    event = json.loads(opened("meta", Policy.model_validate(made)).event(conversion()))
    assert event["custom_data"]["contents"] == [{"id": "SKU-1"}, {"id": "SKU/2"}]


@EACH
def test_a_quantity_without_the_product_id_beside_it_is_no_policy(kind: str) -> None:
    made = CART_POLICY.model_dump(by_alias=True)
    made[kind] = [listing for listing in made[kind] if listing["path"] not in PATHS[kind].items]
    with pytest.raises(ValueError, match=r"quantity needs"):
        Policy.model_validate(made)
