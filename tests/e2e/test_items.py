"""Rows of one order that contradict each other: a row per item, or per refund, is never taken for the order."""

import pytest

from tests.e2e.said import ATTENTION, Said
from tests.e2e.shop import NAMES, Row, Shop


def codes(said: Said) -> dict[str, int]:
    """What calls a person, and for how many."""
    return {one["code"]: one["count"] for one in said.json["findings"] if one["exit_code"]}


def several(shop: Shop, *changes: Row) -> list[Row]:
    """Rows of one order."""
    return [shop.order("1001", **change) for change in changes]


@pytest.mark.parametrize(
    "changes",
    [
        ({"total": "300.00"}, {"total": "100.00"}, {"total": "50.00"}),
        ({"product_ids": "A"}, {"product_ids": "B"}, {"product_ids": "C"}),
        ({"total": "300.00", "product_ids": "A"}, {"total": "300.00", "product_ids": "B"}, {"total": "300.00"}),
    ],
    ids=["amounts", "products", "products and none"],
)
@pytest.mark.parametrize("others", [0, 2, 44])
def test_they_are_set_aside_and_told_and_the_others_go(shop: Shop, changes: tuple[Row, ...], others: int) -> None:
    shop.orders(*several(shop, *changes), *(shop.order(f"{2000 + n}") for n in range(others)))

    for said in (shop.plan(), shop.run()):
        assert said.code == ATTENTION, said
        assert codes(said) == {"row_per_item": len(changes)}
        assert "is this a row per item, or per refund?" in said.json["needs_a_person"][0]
        assert said.json["source"]["quarantined"] == {"several_rows": len(changes)}
    for name in NAMES:
        assert len(shop.sales(name)) == others
        assert said.at(name)["difference"] == 0
    assert shop.run().code == (0 if others else ATTENTION)  # nothing at all can be sent: every night


def test_lines_of_items_without_an_amount_of_their_own_are_told(shop: Shop) -> None:
    """As Shopify exports them: the order's first line has the total, the others a product each."""
    lines = several(shop, {"product_ids": "A"}, {"product_ids": "B", "total": ""}, {"product_ids": "C", "total": ""})
    shop.orders(*lines, *(shop.order(f"{2000 + n}") for n in range(5)))

    said = shop.run()

    assert (said.code, codes(said)) == (ATTENTION, {"row_per_item": 2})


@pytest.mark.parametrize("status", ["refunded", "completed"])
@pytest.mark.parametrize("amount", ["-50.00", "-300.00"])
def test_a_refund_of_another_night_leaves_its_sale_as_it_was(shop: Shop, status: str, amount: str) -> None:
    shop.orders(shop.order("1001", total="300.00"))
    assert shop.run().code == 0
    shop.orders(shop.order("1001", total=amount, status=status))

    said = shop.run("--restate")

    assert (said.code, codes(said)) == (ATTENTION, {"refund_rows": 1})
    assert [sale.value for sale in shop.sales("google")] == [300.0]


@pytest.mark.parametrize("status", ["refunded", "completed"])
@pytest.mark.parametrize("first", [True, False])
def test_a_refund_in_a_row_beside_its_sale_never_loses_it(shop: Shop, status: str, first: bool) -> None:
    rows = several(shop, {"total": "300.00"}, {"total": "-50.00", "status": status})
    shop.orders(*(rows if first else rows[::-1]))

    said = shop.run()

    assert (said.code, codes(said)) == (ATTENTION, {"refund_rows": 1})
    assert [sale.value for sale in shop.sales("meta")] == [300.0]
    assert shop.run().code == 0


def test_a_refund_leaves_a_sale_that_waits_for_its_platform(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"endpoint": "http://127.0.0.1:9"}})
    shop.orders(shop.order("1001", total="300.00"), name="a.csv")
    assert shop.run().at("meta")["pending"] == 1
    shop.configure()
    shop.orders(shop.order("1001", total="-50.00", status="refunded"), name="b.csv")

    assert codes(shop.run()) == {"refund_rows": 1}
    assert [sale.value for sale in shop.sales("meta")] == [300.0]


def test_new_contradictions_are_news_each_night_and_old_ones_are_not(shop: Shop) -> None:
    first = [*several(shop, {"total": "300.00"}, {"total": "100.00"}), shop.order("1000")]
    shop.orders(*first)
    assert codes(shop.run()) == {"row_per_item": 2}
    shop.wait(days=1)
    assert shop.run().code == 0
    second = [shop.order("1002", total=total) for total in ("10.00", "20.00")]
    shop.orders(*first, *second)
    assert codes(shop.run()) == {"row_per_item": 2}
