"""What stood against sending on a day, and why: the history answers, not the settings of today."""

import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.said import STORE, USAGE
from tests.e2e.shop import Shop

ANOTHER = """
    INSERT INTO judgement SELECT id + 10, delivery, from_state, from_reason, to_state, to_reason, rules,
    policy_version, run, at_us, salt, commitment FROM judgement WHERE id = 1
"""


def standing(shop: Shop, day: str) -> list[tuple[str, str, str, str | None]]:
    said = shop.command("audit", "standing", "--on", day, "--json")
    assert said.code == 0, said
    rows: list[dict[str, Any]] = json.loads(said.out)
    return [(row["order_no"], row["destination"], row["state"], row["reason"]) for row in rows]


def judgements(shop: Shop) -> int:
    ((count,),) = shop.sql("SELECT count(*) FROM judgement")
    return int(count)


@pytest.fixture
def objected(shop: Shop) -> Shop:
    """A shop whose buyer objected before the first night; the next night is a day later."""
    shop.objection(shop.order("1001")["billing_email"])
    shop.orders(shop.order("1001"), shop.order("1002"))
    shop.run()
    return shop


def test_an_order_that_is_sent_has_no_judgement(shop: Shop) -> None:
    shop.orders(shop.order("1001"))
    shop.run()
    assert judgements(shop) == 0
    assert standing(shop, shop.day(0)) == []


def test_what_was_withheld_is_answered_for_that_day(objected: Shop) -> None:
    today = objected.day(0)
    assert standing(objected, today) == [
        ("1001", "google", "withheld", "objection"),
        ("1001", "meta", "withheld", "objection"),
    ]
    assert standing(objected, objected.day(1)) == []


def test_reading_it_again_adds_nothing_and_a_change_adds_one_for_each_destination(objected: Shop) -> None:
    objected.wait(days=1)
    objected.run()
    assert judgements(objected) == 2
    objected.objection(objected.order("1001")["billing_email"], taken_back=True)
    withheld_on = objected.day(0)
    objected.wait(days=1)
    objected.run()
    assert judgements(objected) == 4
    assert standing(objected, objected.day(0)) == []
    assert len(standing(objected, withheld_on)) == 2


def test_settings_of_today_do_not_change_the_answer(objected: Shop) -> None:
    day = objected.day(0)
    before = standing(objected, day)
    objected.configure(privacy={"legal_basis": "consent"})
    assert standing(objected, day) == before


def test_another_approved_rule_judges_anew_and_says_under_which_rules(objected: Shop) -> None:
    objected.configure(source={"completed": ["completed", "shipped"]})
    objected.approve()
    objected.wait(days=1)
    objected.run()
    rules = objected.sql("SELECT DISTINCT rules FROM judgement WHERE to_reason = 'objection'")
    assert len(rules) == 2


def test_an_order_without_an_amount_is_withheld_with_its_reason(shop: Shop) -> None:
    shop.orders(shop.order("1001", total="0.00"))
    shop.run()
    assert {row[2:] for row in standing(shop, shop.day(0))} == {("withheld", "amount_not_above_zero")}


def test_an_erasure_blanks_the_history_and_the_log_stays_intact(objected: Shop) -> None:
    said = objected.command(
        "privacy", "erase", "--case", "7", "--yes", stdin=objected.order("1001")["billing_email"] + "\n"
    )
    assert said.code == 0, said
    assert standing(objected, objected.day(0)) == []
    assert objected.sql("SELECT count(*) FROM judgement WHERE delivery IS NOT NULL") == [(0,)]
    verified = objected.command("audit", "verify")
    assert verified.code == 0, verified


@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE judgement SET to_reason = 'not_completed' WHERE id = 1",
        "UPDATE judgement SET at_us = at_us - 86400000000",
        "UPDATE judgement SET rules = '' WHERE id = 2",
        "DELETE FROM judgement WHERE id = 2",
        "DELETE FROM judgement",
        "UPDATE judgement SET delivery = NULL, salt = NULL, commitment = x'00' WHERE id = 1",
        ANOTHER,
        "UPDATE exception SET reason = 'not_completed' WHERE state = 'withheld'",
        "UPDATE exception SET state = 'pending', reason = NULL WHERE state = 'withheld'",
        "UPDATE batch SET state = 'withheld'",
    ],
)
def test_every_alteration_is_found(objected: Shop, alteration: str) -> None:
    assert objected.command("audit", "verify").code == 0
    with closing(sqlite3.connect(objected.store)) as store, store:
        store.execute(alteration)
    assert objected.command("audit", "verify").code == STORE


def test_a_day_that_is_none_is_refused(shop: Shop) -> None:
    said = shop.command("audit", "standing", "--on", "October")
    assert said.code == USAGE, said
