"""Rows that decide what is sent are altered by hand: the next run sends nothing, and the verifier finds it."""

import json
from contextlib import closing
from hashlib import shake_256
from sqlite3 import Row, connect

import pytest
from dotenv import dotenv_values

from conversions.ledger.log.bound import commitment
from tests.e2e.said import DOMAIN, KEY, STORE, Said, stopped
from tests.e2e.shop import NAMES, Shop

IDA, ASTA = f"ida@{DOMAIN}", f"asta@{DOMAIN}"
ALTERATIONS = {
    "an objection of another person": "UPDATE objection SET subject = zeroblob(16) WHERE kind = 'objection'",
    "no objection": "DELETE FROM objection WHERE kind = 'objection'",
    "an objection that ended": "UPDATE objection SET removed_us = since_us WHERE kind = 'objection'",
    "a removed one that is in force": "UPDATE objection SET removed_us = NULL",
    "one more": "INSERT INTO objection(subject, since_us, kind) VALUES (zeroblob(16), 1, 'restriction')",
    "another kind": "UPDATE objection SET kind = 'restriction' WHERE kind = 'withdrawal'",
    "no erasure": "DELETE FROM erasure",
    "another approval": "UPDATE pin SET value = '0' WHERE name = 'policy'",
    "a day more that was read": "UPDATE destination SET read_until = '2026-11-29'",
    "a night with nothing open": "UPDATE run SET waiting = 0",
    "a question that is never asked": "UPDATE request SET ask_at = NULL",
    "a day with fewer orders": "UPDATE day_read SET orders = orders - 1 WHERE orders > 0",
    "a sum": "UPDATE bound SET sum = zeroblob(512) WHERE name = 'objection'",
}
UNNOTICED_BY_A_RUN = {"a sum"}
"""It compares the rows with the log; a wrong sum is found in the leaves that follow from it."""


def verdict(shop: Shop) -> tuple[int, str]:
    said = shop.command("audit", "verify", "--json")
    return said.code, json.dumps(json.loads(said.out)["findings"])


@pytest.fixture
def listed(shop: Shop) -> Shop:
    """Ida objected, Bo withdrew, Asta objected and changed her mind, Eva was erased; one night was sent."""
    shop.objection(IDA, ASTA)
    shop.objection(ASTA, taken_back=True)
    shop.command("privacy", "withdraw", stdin=f"bo@{DOMAIN}")
    shop.configure(destinations={"meta": {"endpoint": "http://127.0.0.1:1"}})
    shop.orders(shop.order("1"), shop.order("2", billing_email=f"eva@{DOMAIN}"))
    shop.run()
    shop.command("privacy", "erase", "--case", "17", stdin=f"eva@{DOMAIN}")
    shop.configure()
    shop.orders(shop.order("1"), shop.order("3", billing_email=IDA, purchased_at=f"{shop.day(2)} 13:00:00"))
    return shop


def assert_nothing_sent(shop: Shop, said: Said, before: int) -> None:
    stopped(said, STORE, "changed by hand", "conversions audit verify", "conversions restore FILE")
    assert shop.requests() == before


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_alteration_ends_the_next_run_and_is_found(listed: Shop, alteration: str) -> None:
    before = listed.requests()
    assert verdict(listed) == (0, "[]")
    listed.sql(ALTERATIONS[alteration])

    if alteration not in UNNOTICED_BY_A_RUN:
        assert_nothing_sent(listed, listed.command("run"), before)
        assert_nothing_sent(listed, listed.command("plan"), before)
        code, findings = verdict(listed)
        assert code != 0
        assert "the set" in findings
    else:
        listed.objection(f"new@{DOMAIN}")
        assert_nothing_sent(listed, listed.command("run"), before)
        assert verdict(listed)[0] != 0


def test_the_objector_is_withheld_where_nothing_was_altered(listed: Shop) -> None:
    said = listed.run()
    assert said.code in {0, 1}, said
    assert [said.at(name)["withheld"] for name in NAMES] == [{"objection": 1}] * 2
    assert verdict(listed) == (0, "[]")


def test_an_altered_objection_stays_found_after_it_is_removed_by_command(listed: Shop) -> None:
    listed.sql("UPDATE objection SET reason = 'never' WHERE kind = 'objection'")
    listed.objection(IDA, taken_back=True)
    assert_nothing_sent(listed, listed.command("run"), listed.requests())
    assert verdict(listed)[0] != 0


def test_an_altered_sum_does_not_follow_the_row_into_the_log(listed: Shop) -> None:
    """Row and sum are altered together, and a command that follows states a sum over the altered row."""
    sound = listed.sql("SELECT sum FROM bound WHERE name = 'objection'")
    listed.sql("UPDATE objection SET reason = 'never' WHERE kind = 'objection'")
    with closing(connect(listed.store)) as store, store:
        store.row_factory = Row
        rows = store.execute("SELECT * FROM objection").fetchall()
        total = sum(int.from_bytes(shake_256(commitment("objection", row)).digest(512)) for row in map(dict, rows))
        altered = (total % (1 << 4096)).to_bytes(512)
        store.execute("UPDATE bound SET sum = ? WHERE name = 'objection'", (altered,))
    assert [(altered,)] != sound
    listed.objection(f"new@{DOMAIN}")

    assert_nothing_sent(listed, listed.command("run"), listed.requests())
    code, findings = verdict(listed)
    assert code != 0
    assert "replaces another sum of the set 'objection'" in findings
    assert listed.command("adopt", "--store", "--reason", "it is right").code == 0
    assert listed.run().code in {0, 1}, "and one can go on"


def test_the_leaf_cannot_be_altered_with_the_row(listed: Shop) -> None:
    listed.sql("UPDATE objection SET reason = 'never' WHERE kind = 'objection'")
    listed.sql("UPDATE leaf SET body = replace(body, '\"bound\":', '\"boond\":')")
    stopped(listed.command("run"), STORE, "changed by hand", "conversions audit verify")
    assert verdict(listed)[0] != 0


def test_a_copy_from_before_is_restored(listed: Shop) -> None:
    copy = listed.home / "copy.db"
    assert listed.command("backup", str(copy)).code == 0
    listed.sql("DELETE FROM objection WHERE kind = 'objection'")
    stopped(listed.command("run"), STORE, "changed by hand")

    assert listed.command("restore", str(copy), "--yes", "--reason", "altered").code == 0
    assert verdict(listed) == (0, "[]")
    assert listed.run().at("meta")["withheld"] == {"objection": 1}


def test_rows_that_are_right_can_be_adopted_and_the_log_says_so(listed: Shop) -> None:
    listed.sql("UPDATE objection SET reason = 'by letter' WHERE kind = 'withdrawal'")
    stopped(listed.command("run"), STORE, "conversions adopt --store --reason TEXT")

    assert listed.command("adopt", "--store", "--reason", "a wrong reason").code == 0

    assert listed.run().code in {0, 1}
    said = listed.command("audit", "verify")
    assert said.code == 0
    assert "objection were taken over as they stood (a wrong reason)" in said.err


def test_an_attempt_that_stops_in_between_leaves_nothing_half(listed: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from conversions.ledger.log import bound

    monkeypatch.setattr(bound, "take_unstated", lambda _: 1 / 0)
    assert listed.command("privacy", "object", stdin=f"new@{DOMAIN}").code == 70
    monkeypatch.undo()
    assert listed.run().code in {0, 1}
    assert verdict(listed) == (0, "[]")


def test_erasure_retention_and_a_new_key_are_explained(listed: Shop) -> None:
    """Each of them clears, deletes or changes bound rows."""
    buyer, answer = f"ida.1@{DOMAIN}", ["--format", "json", "--out", listed.home / "answer.json"]
    listed.run()
    for name, options, people in (("access", answer, buyer), ("rectify", [], f"{buyer}\n{ASTA}"), ("erase", [], buyer)):
        assert listed.command("privacy", name, *options, "--case", "18", stdin=people).code == 0
        assert verdict(listed) == (0, "[]"), name
    assert listed.sql("SELECT count(*) FROM look WHERE subject IS NOT NULL") == [(0,)]
    assert listed.command("privacy", "tasks", "--close", 1, "--reason", "wrote").code == 0
    listed.environment["CONVERSIONS_KEY"] = KEY
    assert listed.command("key", "rotate", "--reason", "an employee left").code == 0
    assert verdict(listed) == (0, "[]")
    listed.wait(days=1000)
    listed.configure(privacy={"retention_days": 365})
    listed.environment = {name: value or "" for name, value in dotenv_values(listed.home / ".env").items()}
    assert listed.command("privacy", "retention").code == 0
    assert listed.sql("SELECT count(*) FROM look") == [(0,)]
    assert verdict(listed) == (0, "[]")
