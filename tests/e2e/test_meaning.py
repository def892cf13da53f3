"""Values of sent orders that mean something else now: nothing is sent until somebody accepts it."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from tests.e2e.said import DATA, stopped
from tests.e2e.shop import NAMES, Row, Shop

DAYS = range(2, 6)
VALUES = "--accept values"
MEANT = ("--accept", "values", "--reason", "the policy says without VAT")


def rows(shop: Shop, orders: int = 60, change: Callable[[Row], Row] = dict) -> list[Row]:
    """Orders of four days."""
    backs = [DAYS[n % len(DAYS)] for n in range(orders)]
    return [
        change(shop.order(f"{1000 + n}", total=f"{100 + n}.00", purchased_at=f"2026-11-{22 - back} 12:00:00"))
        for n, back in enumerate(backs)
    ]


def prefixed(row: Row) -> Row:
    return row | {"order_id": f"DK-{row['order_id']}"}


def without_vat(row: Row) -> Row:
    return row | {"total": f"{Decimal(row['total']) * Decimal('0.8'):.2f}"}


@pytest.fixture
def sent(shop: Shop) -> Shop:
    """Sixty orders of four days are sent."""
    shop.orders(*rows(shop))
    assert shop.run().code == 0
    shop.sandbox.reset()
    return shop


def kinds(shop: Shop) -> list[str]:
    return [kind for (kind,) in shop.sql("SELECT json_extract(body, '$.kind') FROM leaf ORDER BY seq")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_vat, ("60 of 60 orders", "factor of 0.80", "mapping", VALUES)),
        (lambda row: row | {"status": "shipped"}, ("factor of 0.00", "mapping", VALUES)),
        (lambda row: row | {"currency": "SEK"}, ("factor of 1.00", VALUES)),
    ],
    ids=["without VAT", "another status", "another currency"],
)
def test_nothing_is_sent_and_nothing_is_kept(sent: Shop, change: Callable[[Row], Row], words: tuple[str, ...]) -> None:
    sent.orders(*rows(sent, change=change))
    before = sent.sql("SELECT id, state, stated_minor, run FROM delivery")

    plan = sent.plan()
    assert plan.code == DATA
    for word in words:
        assert word in " ".join(plan.json["needs_a_person"])
    for _ in range(2):
        stopped(sent.run(), DATA, *words)

    assert sent.requests() == 0
    assert sent.sql("SELECT id, state, stated_minor, run FROM delivery") == before
    sent.orders(*rows(sent))
    assert sent.run().counts("meta") == {"already_sent": 60}


def test_new_values_are_accepted_once(sent: Shop) -> None:
    sent.orders(*rows(sent, change=without_vat))

    said = sent.run(*MEANT)

    assert [said.at(name)["changed"] for name in NAMES] == [60, 60]
    assert kinds(sent).count("values accepted") == 2
    assert sent.requests() == 0
    assert sent.run().code == 0


def test_a_rehearsal_is_no_exception_and_acceptance_is_not_asked_for_without_need(shop: Shop) -> None:
    shop.orders(*rows(shop))
    assert shop.run("--accept", "numbers", *MEANT).code == 0
    assert not {"numbers accepted", "values accepted"} & set(kinds(shop))


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[:20],
        lambda whole: [without_vat(row) for row in whole[:30]] + whole[30:],
        lambda whole: [*whole, *(prefixed(row) for row in whole)],
    ],
    ids=["part of it again", "half", "more beside it"],
)
def test_what_may_happen_on_any_night_is_no_mistake(sent: Shop, change: Callable[[list[Row]], list[Row]]) -> None:
    sent.orders(*change(rows(sent)))
    assert sent.run().code == 0


def refunded(row: Row) -> Row:
    return row | {"refunded": "10.00"}


def cancelled(row: Row) -> Row:
    return row | {"status": "cancelled"}


@pytest.mark.parametrize(
    ("orders", "change", "code"),
    [
        (2, without_vat, 0),
        (3, without_vat, DATA),
        (7, without_vat, DATA),
        (7, refunded, 0),
        (7, cancelled, 0),
        (7, lambda row: refunded(without_vat(row)), DATA),
        (8, refunded, DATA),
        (8, cancelled, DATA),
    ],
)
def test_few_sent_orders_may_change_unless_one_factor_explains_them(
    shop: Shop, orders: int, change: Callable[[Row], Row], code: int
) -> None:
    shop.orders(*rows(shop, orders))
    assert shop.run().code == 0
    shop.orders(*rows(shop, orders, change))
    assert shop.run().code == code


def test_values_that_trickle_in_night_by_night_are_refunds(sent: Shop) -> None:
    """Over half of the orders have another value in the end, but never over half at once."""
    for refunded in (20, 40, 55):
        whole = rows(sent)
        sent.orders(*(row | {"refunded": "10.00"} for row in whole[:refunded]), *whole[refunded:])
        assert sent.run().code == 0
