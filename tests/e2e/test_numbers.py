"""Known sales under other order numbers: nothing is sent until a person says whether they are the same orders."""

from collections.abc import Callable

import pytest

from tests.e2e.said import DATA, USAGE, Said, stopped
from tests.e2e.shop import NAMES, Row, Shop

SIZES = (3, 12, 45)
FORMS: dict[str, Callable[[str], str]] = {
    "a float": lambda number: f"{number}.0",
    "two zeros": lambda number: f"{number}.00",
    "a hash": lambda number: f"#{number}",
    "zeros in front": lambda number: f"00{number}",
    "an exponent": lambda number: f"{int(number) / 1000:.3f}E+3",
    "a prefix": lambda number: f"DK-{number}",
    "a suffix": lambda number: f"{number}-A",
    "another series": lambda number: f"{int(number) + 700_000}",
}


def rows(shop: Shop, orders: int, form: Callable[[str], str] = str) -> list[Row]:
    """Orders of four days, each of its own minute."""
    return [
        shop.order(
            form(f"{1001 + n}"),
            billing_email=f"buyer{n}@kunde.example",
            total=f"{100 + n}.00",
            purchased_at=f"{shop.day(2 + n % 4)} {12 + n // 60}:{n % 60:02}:07",
        )
        for n in range(orders)
    ]


def sent(shop: Shop, orders: int) -> None:
    """They are all sent; the platforms forget what they got."""
    shop.orders(*rows(shop, orders))
    assert shop.run().counts("meta") == {"sent": orders}
    shop.sandbox.reset()


def finding(said: Said) -> dict[str, object]:
    (found,) = [one for one in said.json["findings"] if one["code"] == "numbers"]
    return dict(found)


@pytest.mark.parametrize("orders", SIZES)
@pytest.mark.parametrize("form", FORMS)
def test_nothing_is_sent_again_under_another_number(shop: Shop, orders: int, form: str) -> None:
    sent(shop, orders)
    shop.orders(*rows(shop, orders, FORMS[form]))
    before = shop.sql("SELECT id, state, run FROM delivery")

    for said in (shop.plan(), shop.run(), shop.run()):
        assert said.code == DATA, said
        found = finding(said)
        assert (found["count"], found["level"], found["exit_code"]) == (orders, "stop", DATA)
        assert found["accept"] == "numbers"
    assert shop.requests() == 0
    assert shop.sql("SELECT id, state, run FROM delivery") == before
    told = shop.command("run").err
    assert told.index("conversions adopt --numbers") < told.index("--accept numbers")
    assert "count" in told
    assert "twice" in told


@pytest.mark.parametrize("form", FORMS)
def test_adopted_they_are_the_same_orders_under_either_number(shop: Shop, form: str) -> None:
    sent(shop, 12)
    shop.orders(*rows(shop, 12, FORMS[form]))
    assert shop.run().code == DATA

    said = shop.command("adopt", "--numbers", "--reason", "a new export")

    assert said.code == 0, said
    assert "12 orders" in said.err
    shop.orders(*rows(shop, 12, FORMS[form]), shop.order("2001"))
    assert shop.run().counts("google") == {"already_sent": 12, "sent": 1}
    shop.orders(*rows(shop, 12), shop.order("2001"))
    assert shop.run().counts("google") == {"already_sent": 13}
    assert "a new export" in str(shop.sql("SELECT body FROM leaf"))
    assert shop.command("audit", "verify").code == 0


def test_new_sales_are_accepted_by_name_with_a_reason_that_the_log_keeps(shop: Shop) -> None:
    sent(shop, 12)
    shop.orders(*rows(shop, 12, FORMS["a prefix"]))

    stopped(shop.run("--accept", "numbers"), USAGE, "--reason")
    stopped(shop.run("--accept", "nubmers", "--reason", "typo"), USAGE, "none of", "numbers")
    assert shop.run("--accept", "values", "--reason", "wrong one").code == DATA
    said = shop.run("--accept", "numbers", "--reason", "a second shop took over")

    assert (said.code, said.counts("google")) == (0, {"sent": 12})
    assert "a second shop took over" in str(shop.sql("SELECT body FROM leaf WHERE body LIKE '%numbers accepted%'"))
    assert shop.run().code == 0


def test_one_pair_is_enough_in_a_small_window_and_not_in_a_large_one(shop: Shop) -> None:
    for orders, code in ((45, DATA), (51, 0)):
        shop.store.unlink(missing_ok=True)
        shop.tail.unlink(missing_ok=True)
        for path in shop.home.glob("var-conversions.checkpoints/*"):
            path.unlink()
        sent(shop, orders)
        first, *others = rows(shop, orders)
        shop.orders(first | {"order_id": "DK-1001"}, *others)
        assert shop.run().code == code


def test_a_file_of_the_last_few_orders_is_no_larger_window_than_it_is(shop: Shop) -> None:
    sent(shop, 300)
    shop.orders(*rows(shop, 5, FORMS["a prefix"]), *(shop.order(f"9{n}", total="7.00") for n in range(40)))
    assert finding(shop.run())["count"] == 5


@pytest.mark.parametrize("form", ["a float", "a prefix"])
def test_a_time_that_is_written_otherwise_hides_nothing(shop: Shop, form: str) -> None:
    sent(shop, 12)
    shop.orders(*(row | {"purchased_at": row["purchased_at"][:16]} for row in rows(shop, 12, FORMS[form])))
    assert finding(shop.run())["count"] == 12


def test_the_same_number_written_otherwise_beside_the_known_one_is_no_new_sale(shop: Shop) -> None:
    sent(shop, 12)
    shop.orders(*rows(shop, 12))
    shop.orders(*rows(shop, 3, FORMS["a float"]), name="again.csv")

    assert finding(shop.run())["count"] == 3
    assert shop.command("adopt", "--numbers", "--reason", "the same").code == 0
    said = shop.run()
    assert said.counts("google") == {"already_sent": 12}
    assert said.json["source"]["repeated"] == 3


@pytest.mark.parametrize(
    "change",
    [
        lambda whole: whole[:5],
        lambda whole: [row | {"order_id": f"2026-{row['order_id']}"} | _of_others(row) for row in whole],
        lambda whole: [*whole, *(row | {"order_id": f"9{row['order_id']}"} | _of_others(row) for row in whole)],
        lambda whole: [whole[0] | {"order_id": "5001", "total": "7.00"}, *whole[1:]],
        lambda whole: [whole[0] | {"total": "29,3"}, *whole[1:], whole[0] | {"order_id": "5001"}],
    ],
    ids=[
        "part of it again",
        "other sales in their place",
        "more beside it",
        "one entered anew",
        "the known one spoilt",
    ],
)
def test_what_may_happen_on_any_night_is_no_mistake(shop: Shop, change: Callable[[list[Row]], list[Row]]) -> None:
    sent(shop, 45)
    shop.orders(*change(rows(shop, 45)))
    assert shop.run().code == 0


def _of_others(row: Row) -> Row:
    return {"billing_email": f"other.{row['order_id']}@kunde.example"}


def test_years_of_a_series_are_not_folded_onto_each_other(shop: Shop) -> None:
    row = shop.order("2025-0001", purchased_at=shop.day(3))
    shop.orders(row)
    assert shop.run().code == 0
    shop.orders(row, row | {"order_id": "2026-0001"})
    assert shop.run().counts("google") == {"already_sent": 1, "sent": 1}


def test_a_store_of_an_older_version_knows_its_sales_by_their_day(shop: Shop) -> None:
    sent(shop, 12)
    shop.sql("UPDATE sale SET purchased_us = NULL")
    shop.orders(*rows(shop, 12, FORMS["a prefix"]))
    assert finding(shop.run())["count"] == 12
    shop.orders(*rows(shop, 12))
    assert shop.run().code == 0
    assert shop.sql("SELECT count(*) FROM sale WHERE purchased_us IS NULL") == [(0,)]


def test_what_was_erased_has_no_moment_any_more(shop: Shop) -> None:
    sent(shop, 3)
    done = shop.command("privacy", "erase", "--case", "C-1", "--yes", stdin="buyer0@kunde.example")
    assert done.code == 0, done
    assert shop.run().code == 0
    assert shop.sql("SELECT count(*) FROM sale WHERE purchased_us IS NULL") == [(1,)]


def test_an_adoption_without_anything_to_adopt_changes_nothing(shop: Shop) -> None:
    sent(shop, 3)
    said = shop.command("adopt", "--numbers", "--reason", "nothing")
    assert (said.code, "nothing was changed" in said.err) == (USAGE, True)
    assert [shop.received(name)["requests"] for name in NAMES] == [0, 0]
