"""How an order stood on an earlier day: as a diary has it that was kept after each night."""

import json
from typing import Any

import pytest

from tests.e2e.said import USAGE
from tests.e2e.shop import Shop
from tests.e2e.test_withheld import season

SAME = {"deferred": "pending", "in_flight": "unknown"}
"""States that the history does not tell apart."""


def explained(shop: Shop, day: object, *orders: str, language: str = "en") -> dict[str, dict[str, Any]]:
    """By number, what is said about how the orders stood at the end of *day*."""
    said = shop.command("explain", "--on", day, "--lang", language, "--json", stdin="\n".join(orders))
    assert said.code == 0, said
    return {one["asked"]: one for one in json.loads(said.out)}


@pytest.mark.parametrize("seed", [1, 2])
def test_every_order_stands_as_the_diary_of_the_nights_has_it(shop: Shop, seed: int) -> None:
    diary = season(shop, seed)
    orders = sorted({number for number, _ in diary.nights})
    compared = 0
    for night in sorted({standing.night for nights in diary.nights.values() for standing in nights}):
        found = explained(shop, night, *orders)
        for (number, name), nights in diary.nights.items():
            then = next((standing for standing in nights if standing.night == night), None)
            at = {each["destination"]: each for each in found[number]["destinations"]}
            if then is None:
                assert [one["code"] for one in found[number]["statements"]] == ["past_heading", "past_not_read"]
                continue
            state = SAME.get(then.state, then.state)
            assert (at[name]["state"], at[name]["reason"]) == (state, then.reason), (night, number, name)
            compared += 1
    assert compared > 100
    assert {"withheld", "quarantined", "rejected", "recorded"} <= {
        n.state for each in diary.nights.values() for n in each
    }


def test_what_comes_later_changes_no_earlier_day(shop: Shop) -> None:
    row = shop.order("1", status="pending")
    shop.orders(row)
    shop.run()
    day = shop.day(0)
    before = explained(shop, day, "1")
    shop.wait(days=1)
    shop.orders(row | {"status": "completed"}, shop.order("2"))
    shop.run()

    assert explained(shop, day, "1") == before
    codes = [one["code"] for one in before["1"]["destinations"][0]["statements"]]
    assert codes == ["past_withheld", "past_judged"]


@pytest.mark.parametrize("language", ["en", "da"])
def test_requests_of_later_days_are_not_told(shop: Shop, language: str) -> None:
    shop.orders(shop.order("1", status="pending"))
    shop.run()
    day = shop.day(0)
    shop.wait(days=1)
    shop.orders(shop.order("1"))
    shop.run()

    then, now = (explained(shop, on, "1", language=language)["1"]["destinations"][0] for on in (day, shop.day(0)))
    assert [one["code"] for one in then["statements"]] == ["past_withheld", "past_judged"]
    assert [one["code"] for one in now["statements"]] == ["past_received", "past_released", "request"]
    assert all("{" not in one["text"] for one in then["statements"] + now["statements"])


def test_a_request_without_an_answer_is_perhaps_there(shop: Shop) -> None:
    shop.sandbox.use_faults(["lost@1"])
    shop.orders(shop.order("1"))
    shop.run()
    found = explained(shop, shop.day(0), "1")["1"]["destinations"]

    assert {(each["state"], each["statements"][0]["code"]) for each in found} == {("unknown", "past_unanswered")}


def test_an_erased_order_is_erased_on_every_day(shop: Shop) -> None:
    row = shop.order("1")
    shop.orders(row)
    shop.run()
    shop.command("privacy", "erase", "--case", "1", "--yes", stdin=row["billing_email"])

    assert [one["code"] for one in explained(shop, shop.day(0), "1")["1"]["statements"]] == ["erased"]


@pytest.mark.parametrize("day", ["2099-01-01", "2026-10", "soon"])
def test_a_day_that_is_none_or_has_not_come_is_refused(shop: Shop, day: str) -> None:
    assert shop.command("explain", "1", "--on", day).code == USAGE
