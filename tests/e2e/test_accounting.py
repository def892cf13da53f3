"""Everything is accounted for, in counts and in money: whatever mix of rows comes, and whatever the platforms do."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from conversions.ledger.queries import totals
from tests.e2e.books import NO_ORDERS, REASONED, TROUBLE, Books, Sighting, sightings
from tests.e2e.conftest import OpenShop
from tests.e2e.said import BUCKETS, DOMAIN, STORE, Json, Said
from tests.e2e.shop import NAMES, Row, Shop


def the_books_balance(said: Said) -> None:
    """Design I7, of any run or plan."""
    source = said.json["source"]
    parts = (source["orders"], source["repeated"], source["outside_window"], *source["quarantined"].values())
    assert source["rows"] == sum(parts)
    for name in NAMES:
        side = said.at(name)
        assert (side["read"], side["difference"]) == (source["orders"], 0)
        assert side["read"] == sum(amount(side[bucket]) for bucket in BUCKETS)
        for bucket in BUCKETS:
            assert amount(side[bucket]) == sum(day.get(bucket, 0) for day in side["days"].values())
        for values in side["value"].values():
            assert Decimal(values["read"]) == sum(Decimal(values[bucket]) for bucket in BUCKETS)


def amount(counted: int | dict[str, int]) -> int:
    return sum(counted.values()) if isinstance(counted, dict) else counted


def worth(said: Said, name: str, *buckets: str) -> dict[str, Decimal]:
    values = said.at(name)["value"].items()
    found = {currency: sum((Decimal(row[b]) for b in buckets), Decimal()) for currency, row in values}
    return {currency: total for currency, total in found.items() if total or "read" in buckets}


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # a night takes too long for shrinking, and reads well anyway
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seen=st.lists(sightings, min_size=1, max_size=25),
    spoilt=st.lists(st.sampled_from(NO_ORDERS), max_size=4),
    trouble=st.sampled_from(TROUBLE),
)
def test_both_sides_balance_whatever_comes_and_whatever_the_platforms_do(
    tmp_path_factory: pytest.TempPathFactory,
    open_shop: OpenShop,
    seen: list[Sighting],
    spoilt: list[Row],
    trouble: str,
) -> None:
    """A first night with half of the files and some trouble, a second with all of them and none."""
    with open_shop(tmp_path_factory.mktemp("books") / "shop") as shop:
        shop.configure(deadline="1m")
        shop.objection(f"bo@{DOMAIN}")
        books = Books(shop, seen, spoilt)
        dates = ("--since", shop.day(7), "--until", shop.day(0))

        books.write("first")
        shop.sandbox.use_faults(["poison=BAD-APPLE", *filter(None, [trouble])])
        the_books_balance(shop.plan(*dates))
        the_books_balance(shop.run(*dates))

        books.write("first", "second")
        shop.sandbox.use_faults(["poison=BAD-APPLE"])
        kept = shop.store_bytes()
        plan = shop.plan(*dates)
        assert shop.store_bytes() == kept
        said = shop.run(*dates)
        the_books_balance(plan)
        the_books_balance(said)

        source = said.json["source"]
        assert source | {"quarantined": sum(source["quarantined"].values()), "left_for_later": []} == {
            **books.source,
            "left_for_later": [],
        }
        exported = shop.exported()
        for name in NAMES:
            logged = Counter(attempt["body"].encode() for attempt in exported if attempt["destination"] == name)
            assert Counter(shop.bodies(name)) == logged
            side = said.at(name)
            sent = side["sent"] + side["already_sent"]
            assert (sent, side["pending"], side["unknown"]) == (books.counts("sent"), 0, 0)
            assert [side[bucket] for bucket in REASONED] == [books.counts(bucket) for bucket in REASONED]
            assert side["deferred"] == books.counts("deferred")
            assert worth(said, name, "read") == books.values()
            assert worth(said, name, "sent", "already_sent") == books.values("sent")
            received = shop.received(name)
            assert (received["distinct"], received["double_counted"]) == (sent, 0)
            assert {c: Decimal(v) for c, v in received["value"].items()} == books.values("sent")
            assert plan.at(name)["pending"] + plan.at(name)["unknown"] == side["sent"] + refused_now(side)


def refused_now(side: Json) -> int:
    """What a plan cannot foresee."""
    return int(side["needs_a_person"]["refused"])


def test_one_order_lost_makes_the_difference_1_and_the_exit_code_74(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.orders(*(shop.order(str(number)) for number in range(10)))
    counted = totals.control_totals

    def lose_one(*arguments: Any) -> Any:
        shop.sql("DELETE FROM delivery WHERE id = (SELECT max(id) FROM delivery)")
        return counted(*arguments)

    monkeypatch.setattr(totals, "control_totals", lose_one)
    said = shop.run()
    assert said.code == STORE
    assert sorted(said.at(name)["difference"] for name in NAMES) == [0, 1]
    assert sorted(said.at(name)["exit_code"] for name in NAMES) == [0, STORE]
    assert said.at("google")["read"] == said.at("meta")["read"] == 10


def test_one_coin_lost_is_no_balance_either(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders(*(shop.order(str(number)) for number in range(10)))
    counted = totals.control_totals

    def lose_a_coin(*arguments: Any) -> Any:
        shop.sql("UPDATE delivery SET stated_minor = stated_minor - 1 WHERE id = (SELECT max(id) FROM delivery)")
        return counted(*arguments)

    monkeypatch.setattr(totals, "control_totals", lose_a_coin)
    assert shop.run().code == STORE


def test_a_person_reads_the_same_totals(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2", total="50.50"), shop.order("3", status="cancelled", total="7"))
    shown = shop.command("run")
    assert shown.code == 0
    assert "Read: 3 rows, 3 orders" in shown.out
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["google", "orders", "3", "2", "1", "0"] in lines
    assert lines.count(["DKK", "157.50", "150.50", "7.00", "0.00"]) == 2
