"""Orders that come to nothing: at any size of shop a mapping gone wrong is seen on its first night or within 8 orders."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.said import ATTENTION, Said
from tests.e2e.shop import Row, Shop

Change = dict[str, str]
BREAKS: dict[str, Change] = {
    "amounts with a comma": {"total": "293,0,0"},
    "another status": {"status": "Fuldført"},
    "addresses in brackets": {"billing_email": "<ida@kunde.example>"},
    "names for products": {"product_ids": "Blå sko, str. 42"},
    "no product": {"product_ids": ""},
    "words for currencies": {"currency": "kr"},
    "dates of the American kind": {"purchased_at": "11/20/2026 12:00"},
    "no amount": {"total": "0.00"},
}
SIZES = {"3 a week": 3, "8 a day": 56, "45 a day": 315}
"""Orders in the seven days of a window."""


def called(said: Said) -> dict[str, int]:
    """What calls a person, and for how many."""
    found = [one for one in said.json["findings"] if one["exit_code"] and one["code"] != "few_orders"]
    return {one["code"]: one["count"] for one in found}


def week(shop: Shop, orders: int, change: Callable[[int], Change] = lambda _: {}) -> list[Row]:
    """The orders of the seven days before the shop's today, each with a number of its own."""
    backs = [1 + n * 7 // orders for n in range(orders)]
    return [
        shop.order(
            f"{shop.day(back).replace('-', '')}{n:04}",
            billing_email=f"buyer{shop.day(back)}.{n}@kunde.example",
            purchased_at=f"{shop.day(back)} {8 + n % 12:02}:{n % 60:02}:00",
        )
        | change(n)
        for n, back in enumerate(backs)
    ]


def good_weeks(shop: Shop, orders: int, weeks: int = 4) -> None:
    """So many weeks were sent, a run each; every twentieth order is cancelled."""
    for _ in range(weeks):
        shop.orders(*week(shop, orders, lambda n: {"status": "cancelled"} if n % 20 == 19 else {}))
        assert called(shop.run()) == {}
        shop.wait(days=7)


@pytest.mark.parametrize("orders", [3, 14, 100])
@pytest.mark.parametrize("broken", BREAKS)
def test_a_first_night_on_which_nothing_can_be_sent_is_told(shop: Shop, broken: str, orders: int) -> None:
    shop.orders(*week(shop, orders, lambda _: BREAKS[broken]))

    for said in (shop.plan(), shop.run()):
        assert said.code == ATTENTION, said
        assert list(called(said).values()) == [orders]
    assert "Every order is accounted for" not in shop.command("run").out or shop.run().code == 0
    assert shop.requests() == 0


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where shops after good weeks are kept, one of each size."""
    return tmp_path_factory.mktemp("kept")


def after_good_weeks(shop: Shop, kept: Path, size: str) -> None:
    """The good weeks of a size are lived through once; every other shop is a copy."""
    orders, weeks = SIZES[size], 8 if SIZES[size] < 10 else 3
    if (past := kept / size).exists():
        config = shop.config.read_bytes()
        shutil.copytree(past, shop.home, dirs_exist_ok=True)
        shop.config.write_bytes(config)  # it has the address of this shop's platforms
        shop.wait(days=7 * weeks)
    else:
        good_weeks(shop, orders, weeks)
        shutil.copytree(shop.home, past)


@pytest.mark.parametrize("broken", BREAKS)
@pytest.mark.parametrize("size", SIZES)
def test_after_good_weeks_it_is_told_within_eight_orders(shop: Shop, kept: Path, broken: str, size: str) -> None:
    orders = SIZES[size]
    after_good_weeks(shop, kept, size)
    shop.sandbox.reset()
    for nth in range(1, 4):
        shop.orders(*week(shop, orders, lambda _: BREAKS[broken]))
        found = called(shop.run())
        if found or nth * orders > 8:
            break
        shop.wait(days=7)

    assert found
    assert shop.requests() == 0


def test_what_cannot_be_read_at_all_is_told_every_run(shop: Shop) -> None:
    shop.orders(*week(shop, 14, lambda _: {"total": "293,0,0"}))
    for _ in range(3):
        said = shop.run()
        assert (said.code, called(said)) == (ATTENTION, {"unreadable_rows": 14})
        assert "Nothing was sent: none of 14 rows could be read" in said.json["needs_a_person"][0]
        shop.wait(days=1)


def test_what_is_held_back_is_told_on_its_first_night_when_it_grows_and_weekly(shop: Shop) -> None:
    codes = []
    for night in range(16):
        shop.orders(*week(shop, 56 if night < 4 else 112, lambda _: {"status": "Fuldført"}))
        codes.append(int("held_back" in called(shop.run())))
        shop.wait(days=1)
    assert codes[:4] == [1, 0, 0, 0]
    assert 1 in codes[4:6]
    assert sum(codes) <= 4


def test_a_share_that_a_person_accepts_is_silent_until_it_worsens(shop: Shop) -> None:
    good_weeks(shop, 56)
    half = {"status": "on account"}
    shop.orders(*week(shop, 56, lambda n: half if n % 2 else {}))
    assert called(shop.run()) == {"held_back": 28}

    said = shop.command("decide", "acknowledge", "--finding", "held_back", "--reason", "business customers")
    assert said.code == 0, said

    for _ in range(3):
        shop.wait(days=7)
        shop.orders(*week(shop, 56, lambda n: half if n % 2 else {}))
        assert called(shop.run()) == {}
    assert shop.status()["findings"][0]["accepted"] is True
    shop.wait(days=7)
    shop.orders(*week(shop, 56, lambda _: half))
    assert "held_back" in called(shop.run())
    assert "business customers" in str(shop.sql("SELECT body FROM leaf WHERE body LIKE '%finding accepted%'"))


def test_what_is_usual_here_calls_nobody(shop: Shop) -> None:
    """Every third order is cancelled, one in twenty has no usable address, one row in forty is spoilt."""

    def odd(n: int) -> Change:
        return (
            ({"total": "?"} if n % 40 == 7 else {"billing_email": "none"} if n % 20 == 3 else {"status": "cancelled"})
            if n % 3 == 0 or n % 20 == 3 or n % 40 == 7
            else {}
        )

    for _ in range(8):
        shop.orders(*week(shop, 56, odd))
        assert called(shop.run()) == {}
        shop.wait(days=7)


def test_orders_that_were_sent_are_no_evidence(shop: Shop) -> None:
    """All of the window was sent and refunded since: nothing can be sent, and nothing is wrong."""
    shop.orders(*week(shop, 14))
    assert shop.run().code == 0
    shop.orders(*(row | {"refunded": row["total"]} for row in week(shop, 14)))
    assert "held_back" not in called(shop.run("--accept", "values", "--reason", "a recall"))


# new damage


def overwritten(shop: Shop, orders: int, bad: Callable[[Row], str]) -> None:
    """The nightly file: other orders each night, the same places."""
    rows = week(shop, orders)
    lines = [",".join(rows[0]), *(bad(row) for row in rows)]
    shop.file(("\n".join(lines) + "\n").encode())


def test_a_file_whose_rows_all_have_a_cell_too_many_is_told_every_run(shop: Shop) -> None:
    good_weeks(shop, 56, weeks=2)
    for _ in range(3):
        overwritten(shop, 56, lambda row: ",".join([*row.values(), "x"]))
        assert called(shop.run()) == {"unreadable_rows": 56}
        shop.wait(days=7)


@pytest.mark.parametrize("share", [1, 2])
def test_many_rows_of_one_mangled_number_count_as_many(shop: Shop, share: int) -> None:
    good_weeks(shop, 80, weeks=2)
    for _ in range(2):
        shop.orders(*week(shop, 80, lambda n: {"order_id": "2.02611E+11"} if n % share == 0 else {}))
        said = shop.run()
        assert (said.code, called(said)) == (ATTENTION, {"unreadable_rows": 80 // share}), said
        shop.wait(days=7)


def test_the_same_damage_read_again_is_no_news(shop: Shop) -> None:
    good_weeks(shop, 56, weeks=2)
    shop.orders(*week(shop, 56, lambda n: {"total": f"{n},0,0"} if n % 2 else {}))
    assert called(shop.run()) == {"unreadable_rows": 28}
    assert called(shop.run()) == {}
    shop.wait(days=1)
    assert called(shop.run()) == {}


def test_damage_is_forgotten_after_the_look_back(shop: Shop) -> None:
    shop.orders(*week(shop, 14, lambda n: {"total": "?"} if n == 3 else {}))
    assert shop.run().code == 0
    assert shop.sql("SELECT count(content) FROM row_rejected") == [(1,)]
    shop.wait(days=9)
    shop.orders(*week(shop, 14))
    shop.run()
    assert shop.sql("SELECT count(content) FROM row_rejected") == [(0,)]
