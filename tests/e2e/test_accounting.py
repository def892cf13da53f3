"""Everything is accounted for, in counts and in money: whatever mix of rows comes, and whatever the platforms do."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conversions.ledger import accounts
from tests.e2e.conftest import BUCKETS, DOMAIN, NAMES, Json, Row, Said, Shop, digest, open_shop

REASONED = ("withheld", "quarantined")


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of order, and where it ends at both platforms."""

    change: Row
    bucket: str
    reason: str | None = None


KINDS = {
    "good": Kind({}, "sent"),
    "of several products": Kind({"product_ids": "SKU-1|SKU-2|SKU-1"}, "sent"),
    "poisoned": Kind({"product_ids": "BAD-APPLE"}, "quarantined", "refused by the platform"),
    "named product": Kind({"product_ids": "Rød kjole"}, "quarantined", "product ID of an unexpected shape"),
    "no product": Kind({"product_ids": ""}, "quarantined", "no product ID"),
    "no currency": Kind({"currency": "KRONER"}, "quarantined", "unknown currency"),
    "unknown currency": Kind({"currency": "ABC"}, "quarantined", "unknown currency"),
    "half an øre": Kind({"total": "10.005", "currency": "DKK"}, "quarantined", "more decimals than the currency has"),
    "free": Kind({"total": "0"}, "withheld", "amount not above zero"),
    "paid back": Kind({"total": "5", "refunded": "7.50"}, "withheld", "amount not above zero"),
    "cancelled": Kind({"status": "cancelled"}, "withheld", "not completed"),
    "nobody's": Kind({"billing_email": ""}, "withheld", "no e-mail address"),
    "a digest's": Kind({"billing_email": digest("x")}, "withheld", "the address already is a digest"),
    "denied": Kind({"ads_consent": "nej"}, "withheld", "consent denied"),
    "objected": Kind({"billing_email": f"bo@{DOMAIN}"}, "withheld", "objection"),
    "today's": Kind({"purchased_at": "2026-11-22 05:00"}, "deferred"),
    "long ago": Kind({"purchased_at": "2026-01-01 12:00"}, "outside_window"),
}
NO_ORDERS: tuple[Row, ...] = (
    {"order_id": ""},
    {"order_id": f"ida@{DOMAIN}"},
    {"total": "1,50"},
    {"total": "free"},
    {"purchased_at": "yesterday"},
    {"refunded": "1e3"},
)
TROUBLE = ("", "lost", "expired-token", "503", "no-request-id:meta", "429:googlex2=0", "lost:googlex1", "quota-per-day")


@dataclass(frozen=True, slots=True)
class Sighting:
    """One order as the files show it."""

    kind: str
    total: Decimal
    currency: str
    copies: int
    """In files of one night or two."""
    first_night: bool
    conflict: bool
    """The number comes again with another address."""


money = st.decimals("0.01", "99999.99", places=2)
sightings = st.builds(
    Sighting,
    st.sampled_from(["good", "good", "good", *KINDS]),
    money,
    st.sampled_from(["DKK", "EUR", "SEK"]),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([False, False, False, True]),
)


class Books:
    """What the files hold, and what should be said of it."""

    def __init__(self, shop: Shop, seen: list[Sighting], spoilt: list[Row]) -> None:
        self.shop, self.seen = shop, seen
        self.files: dict[str, list[Row]] = defaultdict(list)
        numbers = count(1001)
        for sighting in seen:
            self._add(sighting, str(next(numbers)))
        self.files["second"] += [shop.order(**{"order_id": str(next(numbers))} | change) for change in spoilt]
        self.rows = sum(map(len, self.files.values()))
        self.spoilt = len(spoilt)

    def _add(self, sighting: Sighting, number: str) -> None:
        row = self._row(sighting, number)
        first = "first" if sighting.first_night else "second"
        self.files[first].append(row)
        if sighting.conflict:
            self.files[first].append(row | {"billing_email": f"someone.else@{DOMAIN}"})
        for nth in range(1, sighting.copies):
            self.files["second" if nth % 2 else first].append(dict(row))

    def _row(self, sighting: Sighting, number: str) -> Row:
        said = {"total": f"{sighting.total}", "currency": sighting.currency}
        return self.shop.order(number, **said | KINDS[sighting.kind].change)

    def write(self, *names: str) -> None:
        for hours, name in enumerate(names, start=2):
            self.shop.orders(*self.files[name], name=f"{name}.csv", hours_ago=10 - hours)

    @property
    def source(self) -> Json:
        """The left side, counted by hand."""
        inside = [s for s in self.seen if s.kind != "long ago"]
        orders = [s for s in inside if not s.conflict]
        return {
            "rows": self.rows,
            "orders": len(orders),
            "repeated": sum(s.copies - 1 for s in orders),
            "outside_window": sum(s.copies + s.conflict for s in self.seen if s.kind == "long ago"),
            "quarantined": self.spoilt + sum(s.copies + 1 for s in inside if s.conflict),
        }

    def counts(self, bucket: str) -> Any:
        """The right side: so many orders, by reason where there is one."""
        kinds = [KINDS[s.kind] for s in self.seen if not s.conflict]
        here = [kind for kind in kinds if kind.bucket == bucket]
        return dict(Counter(kind.reason for kind in here)) if bucket in REASONED else len(here)

    def values(self, bucket: str | None = None) -> dict[str, Decimal]:
        """What the orders of a bucket are worth, by currency; without bucket all that are read."""
        totals: dict[str, Decimal] = defaultdict(Decimal)
        for sighting in self.seen:
            kind = KINDS[sighting.kind]
            if not sighting.conflict and kind.bucket != "outside_window" and bucket in (None, kind.bucket):
                row = self._row(sighting, "0")
                currency = row["currency"] if len(row["currency"]) == 3 else "XXX"
                totals[currency] += Decimal(row["total"]) - Decimal(row["refunded"] or 0)
        return dict(totals)


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


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seen=st.lists(sightings, min_size=1, max_size=25),
    spoilt=st.lists(st.sampled_from(NO_ORDERS), max_size=4),
    trouble=st.sampled_from(TROUBLE),
)
def test_both_sides_balance_whatever_comes_and_whatever_the_platforms_do(
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    seen: list[Sighting],
    spoilt: list[Row],
    trouble: str,
) -> None:
    """A first night with half of the files and some trouble, a second with all of them and none."""
    home: Path = tmp_path_factory.mktemp("books") / "shop"
    with open_shop(home, capsys, monkeypatch) as shop:
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
        for name in NAMES:
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
    counted = accounts.balance

    def lose_one(*arguments: Any) -> Any:
        shop.sql("DELETE FROM delivery WHERE id = (SELECT max(id) FROM delivery)")
        return counted(*arguments)

    monkeypatch.setattr(accounts, "balance", lose_one)
    said = shop.run()
    assert said.code == 74
    assert sorted(said.at(name)["difference"] for name in NAMES) == [0, 1]
    assert sorted(said.at(name)["exit_code"] for name in NAMES) == [0, 74]
    assert said.at("google")["read"] == said.at("meta")["read"] == 10


def test_one_coin_lost_is_no_balance_either(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.orders(*(shop.order(str(number)) for number in range(10)))
    counted = accounts.balance

    def lose_a_coin(*arguments: Any) -> Any:
        shop.sql("UPDATE delivery SET stated_minor = stated_minor - 1 WHERE id = (SELECT max(id) FROM delivery)")
        return counted(*arguments)

    monkeypatch.setattr(accounts, "balance", lose_a_coin)
    assert shop.run().code == 74


def test_a_person_reads_the_same_totals(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2", total="50.50"), shop.order("3", status="cancelled", total="7"))
    shown = shop.command("run")
    assert shown.code == 0
    assert "Read: 3 rows, 3 orders" in shown.out
    lines = [line.split() for line in shown.out.splitlines()]
    assert ["google", "orders", "3", "2", "1", "0"] in lines
    assert lines.count(["DKK", "157.50", "150.50", "7.00", "0.00"]) == 2


# ------------------------------------------------------------------------------------------------------- plan


def test_a_plan_before_the_first_run_makes_nothing(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2", status="cancelled"))
    before = sorted(shop.home.rglob("*"))
    plan = shop.plan()
    assert (plan.code, plan.counts("meta")) == (0, {"pending": 1, "withheld": {"not completed": 1}})
    assert sorted(shop.home.rglob("*")) == before
    assert shop.run().counts("meta") == {"sent": 1, "withheld": {"not completed": 1}}


def test_a_dry_run_is_a_plan(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    dry, plan = shop.command("run", "--dry-run", "--json"), shop.plan()
    assert dry.json == plan.json
    assert shop.requests() == 0


def test_a_plan_changes_no_byte_of_a_used_store(shop: Shop) -> None:
    shop.orders(shop.order("1"))
    assert shop.run().code == 0
    shop.orders(*(shop.order(str(number)) for number in range(500)))
    kept = shop.store_bytes()
    assert shop.plan().counts("meta") == {"already_sent": 1, "pending": 499}
    assert shop.store_bytes() == kept
    assert shop.run().counts("meta") == {"already_sent": 1, "sent": 499}


def test_a_plan_stops_where_a_run_would_stop_for_too_many_new_orders(shop: Shop) -> None:
    real = {"endpoint": None, "requests_per_minute": None, "max_new": 2}
    shop.configure(destinations=dict.fromkeys(NAMES, real))
    shop.orders(*(shop.order(str(number)) for number in range(3)))
    for command in ("plan", "run"):
        said = shop.command(command, "--json")
        assert (said.code, "max_new = 2" in said.sentence, "--accept-large 3" in said.sentence) == (65, True, True)


def test_what_was_read_for_one_destination_is_not_read_for_the_other(shop: Shop) -> None:
    """Ten nights for Google alone: without dates the next run reaches back to what Meta has not seen."""
    shop.orders(shop.order("1", purchased_at=f"{shop.day(1)} 12:00"))
    assert shop.run("--destination", "google").code == 0
    shop.wait(days=5)
    shop.configure(lookback_days=1)
    assert shop.run("--destination", "google").code == 0
    shop.orders(shop.order("1", purchased_at=f"{shop.day(6)} 12:00"))
    said = shop.run()
    assert (said.counts("google"), said.counts("meta")) == ({"already_sent": 1}, {"sent": 1})


def test_days_that_no_run_has_read_are_read_by_the_next_one_without_dates(shop: Shop) -> None:
    """The job was down, and somebody has run yesterday by hand before it came back."""
    shop.configure(lookback_days=2)
    shop.orders(shop.order("1", purchased_at=f"{shop.day(1)} 12:00"))
    assert shop.run().code == 0
    lost = f"{shop.day(-1)} 12:00"
    shop.wait(days=6)
    shop.orders(shop.order("2", purchased_at=lost))
    assert shop.run("--since", shop.day(1), "--until", shop.day(1)).code == 0
    assert shop.run().counts("meta") == {"sent": 1}
    assert [sale.digest for sale in shop.sales("meta")][-1] == digest(f"ida.2@{DOMAIN}")
