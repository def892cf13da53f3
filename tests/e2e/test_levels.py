"""Amounts that lie powers of ten away: one is held back alone, and where the latest are, nothing is sent."""

import json

import pytest

from tests.e2e.said import ATTENTION, DATA, stopped
from tests.e2e.shop import NAMES, Row, Shop


def some(
    shop: Shop, numbers: range, total: str = "{}.00", *, back: int = 1, products: int = 3, **changes: str
) -> list[Row]:
    """Orders of one day, each a minute after the other; *total* has a place for about 199."""
    return [
        shop.order(
            f"{n}",
            total=total.format(195 + n % 9),
            product_ids=f"SKU-{n % products}",
            purchased_at=f"{shop.day(back)} {8 + n // 60 % 12:02}:{n % 60:02}:00",
            **changes,
        )
        for n in numbers
    ]


GOOD, BAD = range(100, 180), range(180, 260)


@pytest.fixture
def known(shop: Shop) -> Shop:
    """Eighty orders at about 199 are sent."""
    shop.orders(*some(shop, GOOD, back=2))
    assert shop.run().code == 0
    shop.sandbox.reset()
    return shop


@pytest.mark.parametrize("total", ["{}00", "{}000.00", "{}00.00", "{}0.00", "1.{}", "19.{}", "0.{}"])
def test_most_of_the_new_orders_powers_of_ten_away_stop_the_night_until_it_is_mended(known: Shop, total: str) -> None:
    good = some(known, GOOD, back=2)
    total = total.replace("19.{}", "19.90").replace("1.{}", "1.99").replace("0.{}", "0.20")
    known.orders(*good, *some(known, BAD, total))
    before = known.sql("SELECT id, state, stated_minor, run FROM delivery")
    plan = known.plan()
    assert plan.code == DATA
    for _ in range(2):
        stopped(known.run(), DATA, "DKK", "--accept level=DKK --reason")
    assert known.requests() == 0
    assert known.sql("SELECT id, state, stated_minor, run FROM delivery") == before
    known.orders(*good, *some(known, BAD))
    said = known.run()
    assert (said.code, said.counts("meta")) == (0, {"sent": 80, "already_sent": 80})


def test_what_a_person_accepts_goes_and_is_the_level_from_then_on(known: Shop) -> None:
    known.orders(*some(known, BAD, "{}00"))
    stopped(known.run(), DATA, "DKK")
    stopped(known.run("--accept", "level=EUR", "--reason", "the wrong one"), DATA, "DKK")
    assert known.run("--accept", "level=dkk", "--reason", "a new price list").at("google")["sent"] == 80
    assert "a new price list" in str(known.sql("SELECT body FROM leaf WHERE body LIKE '%level accepted%'"))
    known.wait(minutes=5)
    known.orders(*some(known, range(300, 380), "{}00"))
    said = known.run()
    assert (said.code, said.counts("google")) == (0, {"sent": 80})


def test_on_the_very_first_night_too(shop: Shop) -> None:
    shop.orders(*some(shop, GOOD, back=3), *some(shop, BAD, "{}00"))
    stopped(shop.run(), DATA, "about 100 times")
    assert shop.requests() == 0


def test_the_first_levels_come_from_sixty_days_of_the_source(shop: Shop) -> None:
    shop.orders(*some(shop, GOOD, back=50), *some(shop, BAD, "{}00"))
    stopped(shop.run(), DATA, "about 100 times")


def test_a_mistake_made_at_noon_is_found(known: Shop) -> None:
    known.orders(*some(known, range(300, 370)), *some(known, range(370, 400), "{}00"))
    stopped(known.run(), DATA, "DKK")


def test_one_odd_order_is_held_back_alone_and_told_once(known: Shop) -> None:
    rows = some(known, range(300, 310)) + some(known, range(310, 311), "{}00") + some(known, range(311, 320))
    known.orders(*rows)
    plan = known.plan()
    assert (plan.code, "1 order has" in str(plan.json["needs_a_person"])) == (ATTENTION, True)
    said = known.run()
    assert said.code == ATTENTION
    for name in NAMES:
        assert said.at(name)["withheld"] == {"unusual_amount": 1}
        assert said.at(name)["sent"] == 19
    assert "1 order has" in str(said.json["needs_a_person"])
    assert [p["order_no"] for p in known.status()["problems"]] == ["310", "310"]
    known.wait(minutes=5)
    again = known.run()
    assert (again.code, again.at("meta")["withheld"]) == (0, {"unusual_amount": 1})
    assert known.status()["findings"] == []


def held(shop: Shop) -> Shop:
    shop.orders(*some(shop, range(300, 310)), *some(shop, range(310, 311), "{}00"))
    assert shop.run().code == ATTENTION
    return shop


def test_what_a_person_sends_goes_as_it_is_and_only_there(known: Shop) -> None:
    held(known)
    listed = json.loads(known.command("decide", "--json").out)
    assert [(c["order"], c["choices"]) for c in listed] == [("310", ["send", "acknowledge"])] * 2
    assert known.command("decide", "send", "310", "--destination", "google", "--reason", "a firm").code == 0
    known.wait(hours=1)
    said = known.run()
    assert said.at("google")["sent"] == 1
    assert said.at("meta")["withheld"] == {"unusual_amount": 1}
    assert "19900" in str(known.bodies("google")[-1]) or "19" in str(known.bodies("google")[-1])
    assert known.command("decide", "acknowledge", "310", "--destination", "meta", "--reason", "no").code == 0
    assert known.run().at("meta")["withheld"] == {"unusual_amount": 1}
    assert json.loads(known.command("decide", "--json").out) == []
    assert known.status()["problems"] == []


def test_what_the_shop_corrects_goes(known: Shop) -> None:
    held(known)
    known.orders(*some(known, range(300, 311)))
    assert known.run().counts("google") == {"already_sent": 10, "sent": 1}


def test_in_a_shop_of_three_a_week_each_is_held_back_and_the_eighth_stops_the_night(shop: Shop) -> None:
    good = some(shop, range(100, 126), back=20)
    shop.orders(*good)
    assert shop.run("--since", shop.day(30)).code in {0, ATTENTION}
    rows, codes = [], []
    for n in range(8):
        rows += some(shop, range(200 + n, 201 + n), "{}00")
        shop.orders(*good, *rows)
        codes.append(shop.run().code)
        shop.wait(days=2)
    assert codes == [ATTENTION] * 7 + [DATA]
    assert all(sale.value < 1000 for name in NAMES for sale in shop.sales(name))


def test_only_one_currency_is_stopped_for_and_named(known: Shop) -> None:
    euros = some(known, range(400, 440), "{}.90", currency="EUR")
    known.orders(*euros)
    assert known.run().code == 0
    known.wait(days=1)
    known.orders(*some(known, range(500, 520)), *some(known, range(520, 540), "{}90", currency="EUR"))
    stopped(known.run(), DATA, "EUR")


@pytest.mark.parametrize(("currency", "total"), [("JPY", "{}"), ("KWD", "{}.500")])
def test_currencies_of_other_decimals(shop: Shop, currency: str, total: str) -> None:
    shop.orders(*some(shop, GOOD, total, back=2, currency=currency))
    assert shop.run().code == 0
    shop.wait(days=1)
    shop.orders(*some(shop, BAD, total.replace("{}", "{}00"), currency=currency))
    stopped(shop.run(), DATA, currency)


def test_products_that_are_new_are_held_against_the_shop(known: Shop) -> None:
    known.orders(*(row | {"product_ids": f"NEW-{row['order_id']}"} for row in some(known, BAD, "{}00")))
    stopped(known.run(), DATA, "DKK")


def test_a_new_line_at_another_price_is_no_mistake(known: Shop) -> None:
    line = [row | {"product_ids": "NEW"} for row in some(known, range(300, 330), "{}00")]
    rows = [row for pair in zip(line, some(known, range(300, 330)), strict=True) for row in pair]
    for n, row in enumerate(rows):
        row["order_id"] = f"{600 + n}"
    known.orders(*rows)
    assert known.run().code == 0


def test_what_stops_a_night_goes_on_until_it_is_mended(known: Shop) -> None:
    """A few orders more, of other amounts, do not lift it."""
    known.orders(*some(known, BAD, "{}00"))
    assert known.run().code == DATA
    known.wait(days=1)
    others = [known.order(f"7{n}", total="150.00", product_ids=f"OTHER-{n}") for n in range(60)]
    known.orders(*some(known, BAD, "{}00", back=2)[:5], *others)
    assert known.run().code == DATA
    known.orders(*some(known, BAD, "{}.00", back=2), *others)
    assert known.run().code == 0
