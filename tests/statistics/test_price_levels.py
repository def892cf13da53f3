"""What orders usually cost, order by order."""

import random

import pytest

from conversions.statistics.magnitudes import Basis, power
from conversions.statistics.price_levels import PRODUCT_LEVEL_ORDERS, PriceLevels
from tests.faults.amounts import SITUATIONS, SIZES, Memory, year

P, Q, LEVEL = b"product1", b"product2", 230


def shop(orders: int, product: bytes = P, spread: float = 3) -> PriceLevels:
    """One that has sold so much at about 199.00."""
    draw, prices = random.Random(1), PriceLevels(Memory())
    for _ in range(orders):
        prices.add_past((product,), LEVEL + round(draw.gauss(0, spread)))
    return prices


def odd(prices: PriceLevels, amount: int, product: bytes = P) -> bool:
    mark = prices.judge((product,), amount, 1)
    return mark is not None and mark.odd


@pytest.mark.parametrize("orders", [1, 3, 8, 80, 3000])
@pytest.mark.parametrize("far", [200, -200, 300])
def test_a_hundred_times_as_much_for_one_product_is_odd_from_its_second_order_on(orders: int, far: int) -> None:
    assert odd(shop(orders), LEVEL + far)


def test_few_orders_say_nothing_of_what_is_not_close_to_a_power_of_ten() -> None:
    assert not odd(shop(3, spread=0), LEVEL + 160)
    assert odd(shop(3, spread=0), LEVEL + 170)
    assert odd(shop(80), LEVEL + 160)


@pytest.mark.parametrize(("orders", "wanted"), [(80, False), (400, True)])
def test_ten_times_as_much_is_odd_where_many_orders_never_had_it(orders: int, wanted: bool) -> None:
    assert odd(shop(orders), LEVEL + 100) is wanted


def test_a_new_product_has_no_level() -> None:
    assert not odd(shop(80), LEVEL + 200, Q)


def test_a_new_currency_has_no_level() -> None:
    prices = PriceLevels(Memory())
    assert all(prices.judge((str(n).encode(),), amount, n) is None for n, amount in enumerate([100, 400] * 4))


def test_amounts_as_far_out_as_over_one_in_a_hundred_are_usual() -> None:
    prices = shop(30)
    for n in range(60):
        prices.add_past((P,), LEVEL + (230 if n % 20 == 0 else 0))
    assert not odd(prices, LEVEL + 200)
    assert odd(prices, LEVEL - 200)


def test_what_is_held_back_teaches_no_level_and_makes_itself_usual_only_when_it_stood_alone() -> None:
    prices = shop(80)
    assert [odd(prices, LEVEL + 200) for _ in range(7)] == [True] * 7
    assert prices.shift() is None
    assert odd(prices, LEVEL + 200)
    found = prices.shift()
    assert found
    assert (found.power, found.orders) == (2, 8)
    assert prices.spread.orders(Basis.WITHHELD) == 0


def test_an_accepted_shift_makes_the_new_level() -> None:
    prices = shop(80)
    orders = [((P,), LEVEL + 200)] * 8
    for n, (basket, amount) in enumerate(orders, 1):
        prices.judge(basket, amount, n)
    found = prices.shift()
    assert found
    prices.accept(found, orders)
    assert prices.shift() is None
    assert [odd(prices, LEVEL + 200) for _ in range(80)] == [False] * 80
    assert [odd(prices, LEVEL + 200, Q) for _ in range(80)] == [False] * 80
    assert prices.shift() is None


def test_what_a_person_has_sent_is_usual_for_its_product() -> None:
    prices = shop(80)
    assert odd(prices, LEVEL + 200)
    prices.add_decided((P,), LEVEL + 200)
    assert not odd(prices, LEVEL + 190)


def test_several_products_cost_what_they_cost_together_or_each_alone() -> None:
    prices = shop(20)
    for _ in range(20):
        prices.add_past((Q,), 330)
    mark = prices.compare((b"both", P, Q), 534)
    assert mark
    assert (mark.deviation, mark.odd) == (200, True)
    prices.add_past((b"both", P, Q), 335)
    mark = prices.compare((b"both", P, Q), 336)
    assert mark
    assert mark.deviation == 1


def test_one_dear_first_order_of_a_product_makes_the_usual_ones_no_odder() -> None:
    prices = shop(80, Q)
    prices.add_past((P,), LEVEL + 230)
    assert not odd(prices, LEVEL)
    assert not odd(prices, LEVEL)


def test_the_memory_of_a_product_is_bounded() -> None:
    prices = shop(100)
    assert isinstance(prices.products, Memory)
    assert len(prices.products.levels[P]) == PRODUCT_LEVEL_ORDERS
    assert len(prices.latest) == 64


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("per_day", SIZES[:3])
def test_right_amounts_stop_no_night_and_call_nobody_often(situation: str, per_day: float) -> None:
    years = [year(situation, per_day, seed) for seed in range(20 if per_day < 1 else 2)]
    assert all(one.stopped == 0 for one in years)
    assert sorted(one.alone for one in years)[int(0.9 * len(years))] <= 2


@pytest.mark.parametrize(
    ("far", "spread"),
    [(far, spread) for far in (-200, -100, 100, 200, 300) for spread in (3, 15, 30) if abs(far) > 100 or spread < 30],
)
def test_a_mistake_of_everything_is_found_whatever_the_shop_spreads(far: int, spread: int) -> None:
    prices, draw = shop(300, spread=spread), random.Random(2)
    for n in range(1, 41):
        prices.judge((P,), LEVEL + far + round(draw.gauss(0, spread)), n)
    found = prices.shift()
    assert found
    assert found.power == power(far)
