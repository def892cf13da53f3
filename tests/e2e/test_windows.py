"""Days that a person names: still to come, or without a single order."""

import pytest

from tests.e2e.said import ATTENTION, USAGE, stopped
from tests.e2e.shop import Shop


def test_days_that_are_all_to_come_are_refused_before_anything_is_read(shop: Shop) -> None:
    for command in (shop.run, shop.plan):
        stopped(command("--since", shop.day(-1), "--until", shop.day(-5)), USAGE, "have not come yet", shop.day(0))
        stopped(command("--since", shop.day(-40)), USAGE, "not come yet")
        stopped(command("--until", shop.day(-40)), USAGE, "not come yet")
    shop.assert_untouched()


def test_what_has_not_come_yet_is_cut_off_and_said(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    said = shop.run("--since", shop.day(7), "--until", shop.day(-3))
    assert (said.code, said.json["window"]["until"]) == (0, shop.day(1))
    found = said.json["findings"][0]
    assert (found["code"], found["level"], found["count"]) == ("window_cut", "note", 4)
    assert f"after {shop.day(1)}" in shop.command("plan", "--since", shop.day(7), "--until", shop.day(-3)).out


def test_today_may_be_named(shop: Shop) -> None:
    shop.orders(shop.order("1", purchased_at=f"{shop.day(0)} 05:00"))
    said = shop.run("--since", shop.day(0), "--until", shop.day(0))
    assert (said.code, said.counts("meta")) == (0, {"deferred": 1})
    assert shop.run("--since", shop.day(0), "--until", shop.day(-3)).json["window"]["until"] == shop.day(0)


def test_today_alone_may_have_no_order_yet(shop: Shop) -> None:
    shop.orders(shop.order("1", purchased_at=f"{shop.day(3)} 05:00"))
    assert shop.run("--since", shop.day(0)).code == 0
    assert shop.run("--since", shop.day(1)).code == ATTENTION


@pytest.mark.parametrize("back", [40, 400])
def test_named_days_without_an_order_are_told_with_the_days_that_there_are(shop: Shop, back: int) -> None:
    shop.orders(shop.order("1", purchased_at=shop.day(9)), shop.order("2"))
    for _ in range(2):
        for command in (shop.plan, shop.run):
            said = command("--since", shop.day(back + 3), "--until", shop.day(back))
            assert said.code == ATTENTION, said
            (found,) = said.json["findings"]
            assert found["code"] == "no_orders"
            assert f"{shop.day(9)} to {shop.day(2)}" in found["sentence"]


def test_a_nightly_window_without_an_order_is_no_mistake_of_anybody(shop: Shop) -> None:
    shop.orders(shop.order("1", purchased_at=shop.day(40)))
    assert shop.run().code == 0


@pytest.mark.parametrize("per_day", [1, 2])
def test_an_export_that_ended_long_ago_is_told_on_the_first_night_and_silent_where_the_shop_was_shut(
    shop: Shop, per_day: int
) -> None:
    days = [shop.day(60 + n // per_day) for n in range(26)]
    shop.orders(*[shop.order(f"{n}", purchased_at=f"{day} 09:{n:02}") for n, day in enumerate(days)])
    for command in (shop.plan, shop.run):
        said = command()
        assert said.code == ATTENTION
        (found,) = said.json["findings"]
        assert (found["code"], days[-1] in found["sentence"]) == ("no_orders", True)
    assert shop.run().code == 0, "a person knows it"
    assert [one["code"] for one in shop.status()["findings"]] == ["no_orders"]
    shop.configure(closed=[f"{shop.day(59)}..{shop.day(1)}"])
    assert shop.run().code == 0
    assert shop.status()["findings"] == []


def test_a_source_with_orders_of_last_week_has_not_ended(shop: Shop) -> None:
    shop.orders(*[shop.order(f"{n}", purchased_at=shop.day(8 + 2 * n)) for n in range(26)])
    assert shop.run().code == 0
