"""A file that never came, or came in half: the days are named, the rest is sent."""

from collections.abc import Iterable
from unittest import mock

from conversions.ledger import runs
from tests.e2e.said import ATTENTION
from tests.e2e.shop import NAMES, Row, Shop


def day_of(shop: Shop, back: int, orders: int) -> list[Row]:
    """So many orders of one day; a number says the day and the place."""
    day = shop.day(back)
    numbers = [f"{day.replace('-', '')}{n:03}" for n in range(orders)]
    return [shop.order(number, purchased_at=f"{day} 12:00:00") for number in numbers]


def days_of(shop: Shop, backs: Iterable[int], orders: int = 10) -> list[Row]:
    return [row for back in backs for row in day_of(shop, back, orders + int(shop.day(back)[-2:]) % 3)]


def few(shop: Shop) -> list[str]:
    return [one["sentence"] for one in shop.status()["few_orders"]]


def a_fortnight(shop: Shop, orders: int = 10) -> None:
    """Fourteen days are known, of 10 to 12 orders each."""
    shop.orders(*days_of(shop, range(1, 15), orders))
    assert shop.run("--since", shop.day(14)).code == 0


def test_a_file_that_never_came_is_named_with_what_is_usual_and_told_once(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)

    said = shop.run()

    assert said.code == ATTENTION, said
    (told,) = said.json["needs_a_person"]
    assert f"No orders for {shop.day(1)}; usually about 11 a day." in told
    assert f"`conversions run --since {shop.day(1)} --until {shop.day(1)}`" in told
    assert shop.run().code == 0
    assert told in few(shop)
    assert told in shop.command("status").out


def test_the_rest_of_half_a_file_is_sent(shop: Shop) -> None:
    a_fortnight(shop, orders=44)
    shop.wait(days=1)
    shop.orders(*days_of(shop, range(2, 15), orders=44), *day_of(shop, 1, 13))

    said = shop.run()

    assert said.code == ATTENTION
    assert [said.at(name)["sent"] for name in NAMES] == [13, 13]
    assert f"Only 13 orders for {shop.day(1)}; usually about 45 a day." in said.json["needs_a_person"][0]


def test_a_plan_names_it_too_and_takes_no_note(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)

    for _ in range(2):
        assert shop.plan().code == ATTENTION
    assert shop.run().code == ATTENTION


def test_files_that_stay_away_for_a_month_are_told_once_and_stay_in_status(shop: Shop) -> None:
    a_fortnight(shop)
    first = shop.day(0)
    codes = []
    for _ in range(30):
        shop.wait(days=1)
        codes.append(shop.run().code)

    assert codes == [ATTENTION] + [0] * 29
    (told,) = few(shop)
    assert f"No orders for {first} to {shop.day(1)}" in told


def test_a_gap_that_is_over_is_not_told_again_and_a_new_one_is(shop: Shop) -> None:
    a_fortnight(shop)
    files, codes = [*days_of(shop, range(1, 15))], []
    for night in range(9):
        shop.wait(days=1)
        files += [] if night in {0, 1, 2, 6} else day_of(shop, 1, 11)
        shop.orders(*files)
        codes.append(shop.run().code)

    assert codes == [1, 0, 0, 0, 0, 0, 1, 0, 0]


def test_days_that_are_mended_are_told_no_more(shop: Shop) -> None:
    a_fortnight(shop)
    files = days_of(shop, range(1, 15))
    shop.wait(days=1)
    assert shop.run().code == ATTENTION
    shop.orders(*files, *day_of(shop, 1, 11))
    assert shop.run().code == 0
    assert few(shop) == []


def test_a_shop_that_says_that_it_is_shut_is_not_asked_for_orders(shop: Shop) -> None:
    a_fortnight(shop)
    shop.configure(closed=[f"{shop.day(0)}..{shop.day(-9)}", shop.day(-12)])
    files, codes = [*days_of(shop, range(1, 15))], []
    for night in range(14):
        shop.wait(days=1)
        files += [] if night in {*range(10), 12} else day_of(shop, 1, 11)
        shop.orders(*files)
        codes.append(shop.run().code)

    assert codes == [0] * 14
    assert few(shop) == []


def test_a_nightly_file_of_new_orders_and_a_few_that_changed_leaves_no_gap_behind_it(shop: Shop) -> None:
    a_fortnight(shop)
    for _ in range(5):
        shop.wait(days=1)
        shop.orders(*day_of(shop, 1, 11), *day_of(shop, 5, 1))
        assert shop.run().code == 0
    assert few(shop) == []
    shop.wait(days=1)
    shop.orders(*day_of(shop, 6, 1))
    said = shop.run()
    assert f"No orders for {shop.day(1)};" in said.json["needs_a_person"][0]


def test_two_empty_days_are_found_in_a_shop_of_eight_a_day(shop: Shop) -> None:
    shop.orders(*(row for back in range(1, 57) for row in day_of(shop, back, 8)))
    assert shop.run("--since", shop.day(56)).code == 0
    shop.wait(days=1)
    assert shop.run().code == 0
    shop.wait(days=1)
    assert shop.run().code == ATTENTION


def test_a_silent_month_is_found_in_a_shop_of_three_a_week(shop: Shop) -> None:
    shop.orders(*(row for back in range(1, 92) if back % 7 in {1, 3, 5} for row in day_of(shop, back, 1)))
    assert shop.run("--since", shop.day(91)).code == 0
    codes = []
    for _ in range(30):
        shop.wait(days=1)
        codes.append(shop.run().code)

    assert codes.count(ATTENTION) == 1
    assert codes[:14] == [0] * 14


def test_an_export_of_fewer_days_than_the_run_goes_back_to_says_nothing_of_the_others(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)
    shop.orders(*days_of(shop, range(1, 4)))

    assert shop.run().code == 0
    assert few(shop) == []
    assert shop.sql("SELECT count(*) FROM day_read WHERE orders = 0") == [(0,)]


def test_days_before_the_first_order_of_all_are_no_empty_days(shop: Shop) -> None:
    shop.orders(*days_of(shop, range(1, 15)))
    assert shop.run("--since", shop.day(17)).code == 0
    assert few(shop) == []


def test_what_it_says_to_run_reaches_back_to_days_that_never_came(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=11)
    shop.orders(*days_of(shop, range(1, 8)))
    (told,) = shop.run().json["needs_a_person"]
    since, until = shop.day(11), shop.day(8)
    shop.wait(days=1)
    shop.orders(*days_of(shop, range(1, 26)))

    assert f"`conversions run --since {since} --until {until}`" in told
    assert f"`conversions run --since {since} --until {until}`" in shop.command("status").out
    assert shop.run().code == 0
    assert shop.run("--since", since, "--until", until).counts("google")["sent"] > 40


def test_a_day_that_chance_explains_is_a_quiet_one(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)
    shop.orders(*days_of(shop, range(2, 15)), *day_of(shop, 1, 4))
    assert shop.run().code == 0


def test_few_orders_are_not_judged_before_fourteen_days_are_known(shop: Shop) -> None:
    shop.orders(*days_of(shop, range(2, 13)), *day_of(shop, 1, 1))
    assert shop.run("--since", shop.day(12)).code == 0


def test_a_shop_that_sells_seldom_has_empty_days(shop: Shop) -> None:
    shop.orders(*day_of(shop, 3, 1), *day_of(shop, 9, 2), *day_of(shop, 17, 1))
    assert shop.run("--since", shop.day(20)).code == 0


def test_a_day_that_has_not_ended_is_not_judged(shop: Shop) -> None:
    a_fortnight(shop)
    assert shop.run("--since", shop.day(1), "--until", shop.day(0)).code == 0


def test_a_run_that_was_stopped_after_reading_has_told_nobody(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)
    with mock.patch.object(runs, "mark_staged", side_effect=KeyboardInterrupt):
        shop.command("run")
    assert shop.sql("SELECT orders FROM day_read WHERE day = ?", shop.day(1)) == [(0,)]
    assert shop.run().code == ATTENTION


def test_a_platform_that_is_down_does_not_stop_reading_and_staging(shop: Shop) -> None:
    shop.configure(destinations={"meta": {"endpoint": "http://127.0.0.1:9"}})
    shop.orders(*days_of(shop, range(1, 8)))

    said = shop.run()

    assert said.code == 75, said
    read = said.json["source"]["orders"]
    assert said.at("google")["sent"] == said.at("meta")["pending"] == read > 70
    assert shop.sql("SELECT count(*) FROM day_read") == [(7,)]


def test_days_that_no_run_has_read_stand_in_status(shop: Shop) -> None:
    shop.orders(*days_of(shop, range(1, 8)))
    assert shop.run().code == 0
    shop.wait(days=6)
    shop.orders(*days_of(shop, range(1, 14)))
    assert shop.run("--since", shop.day(2), "--until", shop.day(1)).code == 0

    said = shop.command("status", "--json")

    assert said.code == ATTENTION
    assert f"Never read: {shop.day(6)}, {shop.day(5)}" in shop.command("status").out
    assert said.json["never_read"] == [shop.day(n) for n in (6, 5, 4, 3)]
    assert shop.run().json["window"]["since"] == shop.day(7)
    assert shop.command("status", "--json").json["never_read"] == []


def test_a_day_whose_file_is_still_being_written_has_not_been_read(shop: Shop) -> None:
    a_fortnight(shop)
    shop.wait(days=1)
    shop.orders(*day_of(shop, 1, 11), name="late.csv", hours_ago=0)

    assert shop.run().json["source"]["left_for_later"][0].startswith("late.csv")

    assert shop.sql("SELECT DISTINCT read_until FROM destination") == [(shop.day(2),)]
    shop.orders(*day_of(shop, 1, 11), name="late.csv")
    assert shop.run().counts("google")["sent"] == 11
    assert shop.sql("SELECT DISTINCT read_until FROM destination") == [(shop.day(1),)]
