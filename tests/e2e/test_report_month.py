"""``conversions report``: a month's purchases as a diary of the nights has them, and as `explain --on` says."""

import csv
import json
import sqlite3
import stat
from collections import Counter, defaultdict
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.diary import Diary
from tests.e2e.said import DOMAIN, USAGE, Json
from tests.e2e.shop import NAMES, Shop
from tests.e2e.test_explain_past import explained
from tests.e2e.test_withheld import season

OUTCOMES = {
    "pending": "waiting",
    "deferred": "waiting",
    "in_flight": "unknown",
    "rejected": "refused",
    "quarantined": "withheld",
    "erased": "withheld",
}
CHOICES = ("objection", "consent_denied", "consent_withdrawn", "restricted", "no_consent", "erased", "wrong_address")
VOID = {"meta", "br", "rect", "!doctype"}


def reported(shop: Shop, *options: object) -> Json:
    said = shop.command("report", *options, "--json")
    assert said.code == 0, said
    found: Json = json.loads(said.out)
    return found


def outcome(state: str, reason: str | None) -> str:
    if reason in CHOICES:
        return "withheld"
    return "refused" if reason == "refused_by_platform" else OUTCOMES.get(state, state)


def totals(found: Json) -> dict[str, Counter[str]]:
    """By destination, the orders of each outcome that has some."""
    return {
        each["destination"]: Counter(
            {name: figure["orders"] for name, figure in each["total"]["outcomes"].items() if figure["orders"]}
        )
        for each in found["destinations"]
    }


def assert_adds_up(found: Json) -> None:
    for each in found["destinations"]:
        for figures in (each["total"], *each["days"]):
            of = figures["outcomes"]
            assert figures["read"]["orders"] == sum(one["orders"] for one in of.values())
            assert added(of.values()) == money(figures["read"])
            sent = [of[name] for name in ("recorded", "unmatched", "duplicate", "received")]
            assert figures["sent"]["orders"] == sum(one["orders"] for one in sent)
            assert added(figures["withheld_by_reason"]) == money(of["withheld"])
        for name, figure in each["total"]["outcomes"].items():
            days = [day["outcomes"][name] for day in each["days"]]
            assert figure["orders"] == sum(day["orders"] for day in days)
            assert money(figure) == added(days)


def money(figure: Json) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in figure["money"].items()}


def added(figures: Any) -> dict[str, Decimal]:
    found = defaultdict[str, Decimal](Decimal)
    for figure in figures:
        for currency, amount in money(figure).items():
            found[currency] += amount
    return dict(found)


def purchases(shop: Shop) -> dict[str, tuple[str, Decimal]]:
    """By number, the purchase day and what the shop stated last."""
    rows = shop.sql(
        "SELECT DISTINCT a.order_no, d.day, d.stated_minor, d.stated_exponent FROM delivery d JOIN sale a ON a.id=d.sale"
    )
    return {number: (day, Decimal(minor).scaleb(-exponent)) for number, day, minor, exponent in rows}


def from_diary(diary: Diary, night: object, days: tuple[str, str]) -> dict[str, Counter[str]]:
    """By destination, the outcomes of the orders of these days, as the diary has them on the evening of *night*."""
    bought = purchases(diary.shop)
    found = {name: Counter[str]() for name in NAMES}
    for (number, name), nights in diary.nights.items():
        then = next((standing for standing in nights if standing.night == night), None)
        if then and days[0] <= bought[number][0] <= days[1]:
            found[name][outcome(then.state, then.reason)] += 1
    return {name: counts for name, counts in found.items() if counts}


@pytest.mark.parametrize("seed", [1, 2])
def test_the_figures_are_those_of_the_diary_on_the_last_day(shop: Shop, seed: int, tmp_path: Path) -> None:
    diary = season(shop, seed)
    shop.wait(days=1)
    first = shop.day(60)
    nights = sorted({standing.night for each in diary.nights.values() for standing in each})
    for number, night in enumerate(nights):
        found = reported(shop, "--since", first, "--until", night, "-o", path := tmp_path / f"{number}.csv")
        assert not found["as_of_now"]
        assert_adds_up(found)
        assert totals(found) == from_diary(diary, night, (first, str(night))), night
        assert in_rows(path) == totals(found)
    now = reported(shop, "--since", first, "--until", nights[-3], "--as-of", "now")
    assert now["as_of_now"]
    assert totals(now) == from_diary(diary, nights[-1], (first, str(nights[-3])))
    assert totals(now) != from_diary(diary, nights[-3], (first, str(nights[-3])))


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [*csv.DictReader(file)]


def in_rows(path: Path) -> dict[str, Counter[str]]:
    found = {name: Counter(row.get(f"{name}_state", "") for row in table(path)) for name in NAMES}
    for counts in found.values():
        del counts[""]
    return {name: counts for name, counts in found.items() if counts}


def test_each_order_stands_as_explain_on_that_day_says(shop: Shop, tmp_path: Path) -> None:
    season(shop, 3)
    shop.wait(days=1)
    night = shop.day(4)
    reported(shop, "--since", shop.day(60), "--until", night, "-o", path := tmp_path / "orders.csv")
    rows = {row["order_no"]: row for row in table(path)}
    for number, said in explained(shop, night, *rows).items():
        for at in said["destinations"]:
            assert rows[number][f"{at['destination']}_state"] == outcome(at["state"], at["reason"]), (number, at)
    assert len(rows) > 5


def test_a_choice_of_the_buyer_is_one_figure_and_an_erased_order_has_no_row(shop: Shop, tmp_path: Path) -> None:
    denied, gone = shop.order("1", ads_consent="nej"), shop.order("2")
    shop.orders(denied, gone, shop.order("3"), shop.order("4", status="pending"))
    shop.objection(shop.order("3")["billing_email"])
    shop.run()
    shop.command("privacy", "erase", "--case", "1", "--yes", stdin=gone["billing_email"])
    days = ("--since", shop.day(30))
    found = reported(shop, *days, "-o", path := tmp_path / "orders.csv")
    for each in found["destinations"]:
        assert {one["reason"]: one["orders"] for one in each["total"]["withheld_by_reason"]} == {
            "buyer_choice": 3,
            "not_completed": 1,
        }
    assert [row["order_no"] for row in table(path)] == ["1", "3", "4"]
    assert {row["google_reason"] for row in table(path)} == {"choice of the buyer", "not completed"}
    page = tmp_path / "page.html"
    shown = shop.command("report", *days).out + shop.command("report", *days, "-o", page).out + page.read_text()
    for text in (path.read_text(), shown, json.dumps(found)):
        assert not any(word in text for word in ("objection", "denied", "erased at", DOMAIN))


def test_a_table_of_orders_is_recorded_private_and_never_replaces_a_file(shop: Shop, tmp_path: Path) -> None:
    shop.orders(shop.order("=1+1"), shop.order("2"))
    shop.run()
    path = tmp_path / "orders.csv"
    days = ("report", "--since", shop.day(30), "-o", path, "--reason", "to the board")
    assert shop.command(*days).code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert shop.command(*days).code == USAGE
    assert path.read_bytes() == before
    assert [row["order_no"] for row in table(path)] == ["'=1+1", "2"]
    assert "to the board" in shop.command("audit", "looks").out


class Page(HTMLParser):
    """Checks that elements are closed, and keeps their names."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.names = list[str](), set[str]()
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.names.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.mark.parametrize(("language", "title"), [("en", "Purchases sent"), ("da", "Køb sendt")])
def test_the_page_needs_nothing_else_and_escapes_what_others_wrote(
    shop: Shop, tmp_path: Path, language: str, title: str
) -> None:
    shop.orders(shop.order("1"), shop.order("2", status="pending"))
    shop.run()
    with_name(shop, "<script>alert(1)</script>")
    path = tmp_path / "report.html"
    assert shop.command("report", "--since", shop.day(30), "-o", path, "--lang", language).code == 0
    text = path.read_text(encoding="utf-8")
    assert title in text
    assert f'<html lang="{language}">' in text
    assert "&lt;script&gt;" in text
    assert Page(text).names.isdisjoint({"script", "img", "link", "iframe"})
    assert "http:" not in text
    assert "https:" not in text


def with_name(shop: Shop, name: str) -> None:
    """Give a destination of the store this name."""
    with sqlite3.connect(shop.store) as store:
        store.execute("UPDATE destination SET name = ? WHERE name = 'meta'", (name,))


@pytest.mark.parametrize("language", ["en", "da"])
def test_days_without_an_order_say_what_to_do(shop: Shop, tmp_path: Path, language: str) -> None:
    shop.orders(shop.order("1"))
    shop.run()
    days = ("--since", shop.day(400), "--until", shop.day(390), "--lang", language)
    command = f"`conversions plan --since {shop.day(400)} --until {shop.day(390)}`"
    assert command in shop.command("report", *days).out
    assert shop.command("report", *days, "-o", page := tmp_path / "x.html").code == 0
    assert command in page.read_text(encoding="utf-8")
    assert reported(shop, *days)["destinations"] == []


@pytest.mark.parametrize("name", ["orders.xlsx", "orders", "orders.pdf"])
def test_another_ending_is_refused_with_the_two_that_there_are(shop: Shop, tmp_path: Path, name: str) -> None:
    said = shop.command("report", "--since", shop.day(3), "-o", tmp_path / name)
    assert said.code == USAGE
    assert "Use .html or .csv." in said.err


def at_google(found: Json) -> Json:
    [total] = [each["total"] for each in found["destinations"] if each["destination"] == "google"]
    return dict(total)


def test_the_match_rate_is_recorded_by_recorded_and_unmatched(shop: Shop) -> None:
    shop.sandbox.use_faults(["verdict@0.3=CLICK_NOT_FOUND"])
    shop.orders(*(shop.order(str(number)) for number in range(1, 21)))
    shop.run()
    shop.wait(days=1)
    shop.command("reconcile")
    states = shop.states()["google"]
    assert {*states} == {"recorded", "unmatched"}
    rate = Decimal(states["recorded"]) / (states["recorded"] + states["unmatched"])
    found = reported(shop, "--since", shop.day(30))
    assert Decimal(at_google(found)["match_rate"]) == rate.quantize(Decimal("0.0001"))
    [meta] = [each for each in found["destinations"] if each["destination"] == "meta"]
    assert meta["total"]["match_rate"] is None
    told = shop.command("report", "--since", shop.day(30)).out
    assert f"Sent [{'#' * 30}] 20/20  Match rate: {rate * 100:.1f} %" in told


def test_a_restated_order_is_named_beside_its_outcome_from_its_day_on(shop: Shop) -> None:
    shop.orders(shop.order("1"), shop.order("2"))
    shop.run()
    shop.wait(hours=1)
    shop.command("reconcile")
    before = shop.day(0)
    shop.wait(days=1)
    shop.orders(shop.order("1", total="80.00"), shop.order("2"))
    assert shop.run("--restate").code == 0
    shop.wait(days=1)
    then = at_google(reported(shop, "--since", shop.day(30), "--until", before))
    now = at_google(reported(shop, "--since", shop.day(30), "--until", before, "--as-of", "now"))
    assert [each["restated"]["orders"] for each in (then, now)] == [0, 1]
    assert [each["sent"]["orders"] for each in (then, now)] == [2, 2]
    assert money(now["restated"]) == {"DKK": Decimal(80)}


def test_orders_past_retention_are_counted_without_a_row(shop: Shop, tmp_path: Path) -> None:
    shop.configure(privacy={"retention_days": 70}, destinations={"google": {"max_age_days": 63}})
    rows = [shop.order("1"), shop.order("2"), shop.order("3", status="pending"), shop.order("4")]
    shop.objection(rows[1]["billing_email"])
    shop.orders(*rows)
    shop.run()
    days = ("--since", shop.day(5), "--until", shop.day(0))
    shop.wait(days=1)
    before = reported(shop, *days)
    shop.wait(days=80)
    assert shop.command("privacy", "retention").code == 0
    after = reported(shop, *days, "-o", path := tmp_path / "orders.csv")
    assert_adds_up(after)
    assert totals(after) == totals(before)
    assert [each["total"]["withheld_by_reason"] for each in after["destinations"]] == [
        each["total"]["withheld_by_reason"] for each in before["destinations"]
    ]
    assert [row["order_no"] for row in table(path)] == ["4"]
    assert "Of these, 6 have no number any more" in shop.command("report", *days).out


def test_two_shops_with_the_same_number_have_a_row_each(shop: Shop, tmp_path: Path) -> None:
    shop.orders(shop.order("1"), shop.order("2"))
    shop.run()
    with sqlite3.connect(shop.store) as store:
        store.execute("UPDATE sale SET shop = 'another', order_no = '1' WHERE order_no = '2'")
    reported(shop, "--since", shop.day(30), "-o", path := tmp_path / "orders.csv")
    assert [row["order_no"] for row in table(path)] == ["1", "1"]
