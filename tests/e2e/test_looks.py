"""Who looked at what: recorded before it is shown, listed, verified, and deleted with what could be looked at."""

import json
from typing import Any

import pytest

from conversions.process.operator import operator
from tests.e2e.said import DOMAIN, STORE, USAGE
from tests.e2e.shop import Shop


@pytest.fixture
def sold(shop: Shop) -> Shop:
    shop.orders(shop.order("1001"), shop.order("1002"))
    assert shop.run().code == 0
    return shop


def looks(shop: Shop, *options: str) -> list[dict[str, Any]]:
    said = shop.command("audit", "looks", "--json", *options)
    assert said.code == 0, said
    listed: list[dict[str, Any]] = json.loads(said.out)
    return listed


def look_at_everything(shop: Shop) -> None:
    shop.command("audit", "show", 1, "--reason", "complaint 12")
    shop.command("audit", "export", "--format", "csv", "--since", shop.day(0), "--out", shop.home / "a.csv")
    days = ("--since", shop.day(1), "--until", shop.day(0))
    shop.command("audit", "bundle", *days, "--out", shop.home / "b.zip")
    shop.command("explain", "1001", "--case", "7")
    shop.command("privacy", "access", "--case", "8", "--out", shop.home / "c.html", stdin=f"ida.1002@{DOMAIN}")
    shop.command("privacy", "affected", "--run", "1")


def test_every_way_to_see_sent_data_is_a_look(sold: Shop) -> None:
    look_at_everything(sold)
    assert [(one["kind"], one["about"], one["purpose"], one["case"]) for one in looks(sold)] == [
        ("request", "1", "complaint 12", None),
        ("export", f"csv, {sold.day(0)}", "audit", None),
        ("bundle", f"{sold.day(1)}, {sold.day(0)}", "audit", None),
        ("order", "1001", "order", "7"),
        ("person", None, "access", "8"),
        ("people", None, "breach, GDPR article 33", None),
    ]
    assert {one["operator"] for one in looks(sold)} == {operator()}
    assert sold.command("audit", "verify").code == 0


def test_who_asks_which_orders_have_a_wrong_address_has_looked_at_a_person(sold: Shop) -> None:
    """The command shows or denies orders of a person before it changes anything."""
    two = f"ida.1002@{DOMAIN}\nright@{DOMAIN}"
    assert sold.command("privacy", "rectify", "--case", "9", "--order", "4711", stdin=two).code == USAGE
    assert [(one["kind"], one["purpose"], one["case"]) for one in looks(sold)] == [("person", "rectification", "9")]


@pytest.mark.parametrize("command", [("show", "1"), ("export",), ("bundle",)])
def test_nothing_is_shown_where_the_look_cannot_be_recorded(sold: Shop, command: tuple[str, ...]) -> None:
    sold.sql("CREATE TRIGGER full BEFORE INSERT ON look BEGIN SELECT raise(ABORT, 'disk full'); END")
    out = sold.home / "b.zip"
    options = ("--since", sold.day(1), "--until", sold.day(0), "--out", out) if command == ("bundle",) else ()
    said = sold.command("audit", *command, *options)
    assert (said.code, said.out, out.exists()) == (STORE, "", False)
    assert "Nothing is shown, because this look cannot be recorded." in said.err


def test_the_list_says_when_in_the_shops_zone_by_whom_and_at_what(sold: Shop) -> None:
    sold.command("explain", "1001")
    header, row = sold.command("audit", "looks").out.splitlines()
    assert header.startswith("time (Europe/Copenhagen)")
    assert row.startswith("2026-11-22 06:15")
    assert f"{operator()}  order 1001  what became of an order" in row


def test_looks_of_one_user_and_since_a_day(sold: Shop) -> None:
    sold.command("explain", "1001")
    sold.wait(days=1)
    sold.command("explain", "1002")
    sold.sql("UPDATE look SET operator = 'root (uid 0), by sudo of anna (uid 1000)' WHERE id = 2")
    assert [one["about"] for one in looks(sold, "--since", sold.day(0))] == ["1002"]
    assert [one["about"] for one in looks(sold, "--by", "anna")] == ["1002"]
    assert [one["about"] for one in looks(sold, "--by", "1000")] == ["1002"]
    assert [one["about"] for one in looks(sold, "--by", "ann")] == []


@pytest.mark.parametrize(
    "change", ["kind = 'bundle'", "about = '2'", "case_no = '9'", "purpose = 'x'", "operator = 'x'"]
)
def test_a_look_that_was_altered_is_found(sold: Shop, change: str) -> None:
    sold.command("audit", "show", 1)
    sold.sql(f"UPDATE look SET {change}")
    said = sold.command("audit", "verify")
    assert said.code == STORE
    assert "differs from look 1" in said.out


def test_a_look_that_was_deleted_is_found(sold: Shop) -> None:
    sold.command("audit", "show", 1)
    sold.sql("DELETE FROM look")
    said = sold.command("audit", "verify")
    assert (said.code, "has no look" in said.out) == (STORE, True)


def test_a_person_learns_who_looked_at_their_orders_and_erasure_removes_the_link(sold: Shop) -> None:
    sold.command("explain", "1001", "--reason", "call of the buyer")
    sold.command("explain", "1002")
    out = sold.home / "answer.json"
    sold.command("privacy", "access", "--format", "json", "--out", out, stdin=f"ida.1001@{DOMAIN}")
    purposes = [look["purpose"] for look in json.loads(out.read_text())["look_ups"]]
    assert purposes == ["call of the buyer", "access"]
    sold.command("privacy", "erase", "--case", "17", stdin=f"ida.1001@{DOMAIN}")
    assert [one["about"] for one in looks(sold)] == [None, "1002", None]
    assert sold.command("audit", "verify").code == 0


def test_looks_are_deleted_with_the_payloads_and_the_log_stays_whole(sold: Shop) -> None:
    look_at_everything(sold)
    sold.wait(days=300)
    sold.command("explain", "1002")
    sold.wait(days=102)
    assert sold.command("privacy", "retention").code == 0
    assert [one["kind"] for one in looks(sold)] == ["order"]
    assert sold.command("audit", "verify").code == 0
    sold.sql("DELETE FROM look")
    assert sold.command("audit", "verify").code == STORE
