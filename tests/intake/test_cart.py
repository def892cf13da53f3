"""Quantity and unit price reach a conversion only where the policy lists them for the day of the purchase."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversions.intake.order import Cart, Order
from conversions.model.conversion import MAX_QUANTITY, CartItem, Reason
from conversions.model.rules import CartRules, Rules
from tests.intake.test_convert import GOOGLE_RULES, META_RULES, ORDER, bought, reason, sent

DAY = ORDER.purchase_day
CART = Cart(("CD-1", "BOOK-7"), (2, 1), (Decimal(100), Decimal("49.9")))
SOLD = ORDER._replace(cart=CART)
WHOLE = (CartItem("CD-1", 2, Decimal(100)), CartItem("BOOK-7", 1, Decimal("49.9")))


def listed(quantity: date | None = None, unit_price: date | None = None, rules: Rules = GOOGLE_RULES) -> Rules:
    return replace(rules, cart=CartRules(quantity_from=quantity, unit_price_from=unit_price))


@pytest.mark.parametrize(
    ("quantity", "price", "cart"),
    [
        (None, None, ()),
        (DAY, DAY, WHOLE),
        (DAY - timedelta(days=9), None, (CartItem("CD-1", 2), CartItem("BOOK-7", 1))),
        (None, DAY, (CartItem("CD-1", None, Decimal(100)), CartItem("BOOK-7", None, Decimal("49.9")))),
        (DAY + timedelta(days=1), DAY + timedelta(days=1), ()),
        (
            DAY + timedelta(days=1),
            DAY,
            (CartItem("CD-1", None, Decimal(100)), CartItem("BOOK-7", None, Decimal("49.9"))),
        ),
    ],
)
def test_the_purchase_day_decides(quantity: date | None, price: date | None, cart: tuple[CartItem, ...]) -> None:
    found = sent(SOLD, listed(quantity, price))
    assert (found.cart, found.product_ids) == (cart, ORDER.product_ids)


def test_it_is_the_day_in_the_shop_s_zone() -> None:
    midnight = datetime(DAY.year, DAY.month, DAY.day)
    late, early = (bought(midnight + timedelta(minutes=m), cart=CART) for m in (-1, 1))
    assert [bool(sent(one, listed(DAY)).cart) for one in (late, early)] == [False, True]


@given(day=st.dates(DAY - timedelta(days=3), DAY + timedelta(days=3)))
def test_an_order_that_is_sent_without_a_cart_has_the_fingerprint_of_an_order_without_columns(day: date) -> None:
    found = sent(SOLD, listed(day, day))
    assert (found.fingerprint == sent(ORDER).fingerprint) is (day > DAY)
    assert found == sent(ORDER)._replace(cart=found.cart, fingerprint=found.fingerprint)


def test_a_corrected_cart_is_another_order_and_another_sequence_is_not() -> None:
    rules = listed(DAY, DAY)
    turned = Cart(CART.product_ids[::-1], (1, 2), (Decimal("49.9"), Decimal(100)))
    assert sent(SOLD._replace(cart=turned), rules).fingerprint == sent(SOLD, rules).fingerprint
    for changed in (CART._replace(quantities=(1, 1)), CART._replace(unit_prices=(Decimal(99), Decimal("49.9")))):
        assert sent(SOLD._replace(cart=changed), rules).fingerprint != sent(SOLD, rules).fingerprint


@pytest.mark.parametrize("fault", [Reason.BAD_QUANTITY, Reason.CART_COUNT])
def test_a_fault_sets_an_order_aside_only_where_the_part_is_sent(fault: Reason) -> None:
    bad = ORDER._replace(cart=CART._replace(quantities=fault))
    assert reason(bad, listed(DAY)) == fault
    assert sent(bad, listed(None, DAY)).cart[0] == CartItem("CD-1", None, Decimal(100))
    assert sent(bad, listed(DAY + timedelta(days=1))).cart == ()
    assert sent(bad, META_RULES).cart == ()


def lines(*stated: tuple[str, int, int]) -> Order:
    products, quantities, prices = zip(*stated, strict=True)
    cart = Cart(products, quantities, tuple(map(Decimal, prices)))
    return ORDER._replace(product_ids=tuple(dict.fromkeys(products)), cart=cart)


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(1, 9), st.integers(0, 3)), min_size=1, max_size=9))
def test_lines_of_one_product_at_one_price_become_one_and_no_piece_is_lost(stated: list[tuple[str, int, int]]) -> None:
    both = sent(lines(*stated), listed(DAY, DAY)).cart
    assert sum(item.quantity or 0 for item in both) == sum(quantity for _, quantity, _ in stated)
    assert len(both) == len({(product, price) for product, _, price in stated})
    quantities = sent(lines(*stated), listed(DAY)).cart
    assert [item.product_id for item in quantities] == list(dict.fromkeys(product for product, *_ in stated))
    prices = sent(lines(*stated), listed(None, DAY)).cart
    assert len(set(prices)) == len(prices), "a repeated line would tell the quantity"


def test_a_sum_beyond_the_limit_needs_a_person() -> None:
    assert reason(lines(("A", MAX_QUANTITY, 1), ("A", 1, 1)), listed(DAY)) == Reason.BAD_QUANTITY


def test_where_products_are_left_out_nothing_of_them_is_asked_or_sent() -> None:
    bare = replace(GOOGLE_RULES, cart=CartRules(product_ids=False))
    for products in ((), ("Anna Jensen",), ORDER.product_ids):
        found = sent(ORDER._replace(product_ids=products), bare)
        assert (found.product_ids, found.cart) == ((), ())
    assert sent(ORDER, bare).fingerprint == sent(ORDER).fingerprint
