"""Copies of the store, and a copy in its place: nothing is counted twice, nothing lost, no wish forgotten."""

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from conversions.ledger import checkpoints
from tests.e2e.said import ATTENTION, CONFIG, DOMAIN, KEY, STORE, TRY_AGAIN, USAGE, Said, stopped
from tests.e2e.shop import NAMES, Row, Shop
from tests.ledger.stored import legible


def copy_of(shop: Shop) -> Path:
    return shop.home / "copy.db"


def restored(shop: Shop, *arguments: str) -> Said:
    said = shop.command("restore", str(copy_of(shop)), "--yes", "--json", *arguments)
    assert said.code == 0, said
    return said


def of_day(shop: Shop, back: int, *numbers: str) -> list[Row]:
    return [shop.order(number, purchased_at=f"{shop.day(back)} 12:00:00") for number in numbers]


def once(shop: Shop, platform: str) -> int:
    """Orders that the platform counts, none of them twice."""
    received = shop.received(platform)
    assert received["double_counted"] == 0
    return int(received["distinct"])


def a_night(shop: Shop, *numbers: str) -> None:
    """Yesterday's orders are sent."""
    shop.wait(days=1)
    shop.orders(*of_day(shop, 1, *numbers), name=f"{shop.day(1)}.csv")
    assert shop.run().code == 0


def a_weekend(shop: Shop) -> None:
    """A night, a copy of it, and three nights later the disk is lost."""
    a_night(shop, "1", "2")
    assert shop.command("backup", str(copy_of(shop))).code == 0
    for number in ("3", "4", "5"):
        a_night(shop, number)
    shutil.rmtree(shop.store.parent)


@pytest.fixture
def friday(shop: Shop) -> Shop:
    """A night is over, and a copy of it made."""
    a_night(shop, "1", "2")
    assert shop.command("backup", str(copy_of(shop))).code == 0
    return shop


@pytest.fixture
def monday(shop: Shop) -> Shop:
    """The store is gone, and Friday's copy is there."""
    a_weekend(shop)
    return shop


@pytest.fixture
def tuesday(shop: Shop) -> Shop:
    """The same where Meta counts once for two days only, and the copy is put back a day later."""
    shop.configure(destinations={"meta": {"action_source": "chat"}})
    a_weekend(shop)
    shop.wait(days=1)
    restored(shop)
    return shop


def test_a_copy_is_whole_private_and_holds_no_key(friday: Shop) -> None:
    copy = copy_of(friday)

    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as found, closing(sqlite3.connect(friday.store)) as store:
        assert list(found.iterdump()) == list(store.iterdump())
    content = legible(copy.read_bytes()).lower()
    assert KEY.encode() not in content
    assert bytes.fromhex(KEY) not in content
    assert [path.name for path in copy.parent.glob("copy.db*")] == ["copy.db"]


def test_a_copy_overwrites_nothing_and_needs_a_place_and_a_store(friday: Shop) -> None:
    before = copy_of(friday).read_bytes()
    stopped(friday.command("backup", str(copy_of(friday))), USAGE, "exists already")
    stopped(friday.command("backup", str(friday.home / "no" / "copy")), USAGE, "No such file")
    assert copy_of(friday).read_bytes() == before
    friday.configure(store={"url": "sqlite:///elsewhere/conversions.db"})
    stopped(friday.command("backup", str(friday.home / "new")), USAGE, "no store yet")
    assert not (friday.home / "new").exists()


def test_a_store_that_holds_its_key_is_not_copied(friday: Shop) -> None:
    friday.sql("INSERT INTO pin VALUES ('mistake', ?, 0)", KEY)
    said = friday.command("backup", str(friday.home / "another"))
    friday.sql("DELETE FROM pin WHERE name = 'mistake'")
    friday.sql("VACUUM")
    stopped(said, STORE, "its own key")
    assert not (friday.home / "another").exists()


def test_a_copy_is_made_beside_a_run(gated: Shop, door: Any) -> None:
    gated.orders(gated.order())
    running = gated.start("run")
    door.await_both(running)

    said = gated.process("backup", str(copy_of(gated)))

    door.open()
    assert gated.finish(running).code == 0
    assert said.code == 0, said


def test_a_store_that_is_lost_is_refused_with_the_way_out(monday: Shop) -> None:
    for command in ("run", "plan", "status"):
        stopped(monday.command(command), STORE, "is gone", "`conversions restore FILE`")


def test_what_was_sent_since_the_copy_is_counted_once(monday: Shop) -> None:
    """Everything is inside the platforms' windows: it is sent again, under the same ids."""
    before = {name: {sale.reference for sale in monday.sales(name)} for name in NAMES}

    said = restored(monday, "--reason", "the disk failed")

    assert said.json["remembered_entries"] > said.json["log_entries"]
    run = monday.run()
    assert run.code == 0, run
    for name in NAMES:
        assert {sale.reference for sale in monday.sales(name)} == before[name]
        assert once(monday, name) == 5
    assert monday.run().counts("google") == {"already_sent": 5}


def test_what_a_platform_does_not_count_once_any_more_waits_for_a_person(tuesday: Shop) -> None:
    plan = tuesday.plan()
    run = tuesday.run()

    assert plan.counts("meta") == {"pending": 1, "already_sent": 2, "unknown": 2}
    assert run.code == ATTENTION, run
    assert run.counts("google") == {"sent": 3, "already_sent": 2}
    assert run.counts("meta") == {"sent": 1, "already_sent": 2, "unknown": 2}
    assert once(tuesday, "meta") == 5
    listed = json.loads(tuesday.command("decide", "--json").out)
    assert [one["order"] for one in listed] == ["3", "4"]
    assert tuesday.run().counts("meta") == {"already_sent": 3, "unknown": 2}


def test_a_person_decides_on_them(tuesday: Shop) -> None:
    tuesday.run()
    sent = len(tuesday.events("meta"))
    why = ("--destination", "meta", "--reason", "as their event manager says")

    assert tuesday.command("decide", "give-up", "3", *why).code == 0
    assert tuesday.command("decide", "send", "4", *why).code == 0
    assert tuesday.run().code == 0

    assert len(tuesday.events("meta")) == sent + 1
    assert tuesday.states()["meta"] == {"received": 4, "withheld": 1}


def test_a_restored_store_is_in_order_and_says_so(monday: Shop) -> None:
    with closing(sqlite3.connect(copy_of(monday))) as copy:
        ((size,),) = copy.execute("SELECT tree_size FROM head").fetchall()

    restored(monday, "--reason", "the disk failed")

    ((leaf,),) = monday.sql("SELECT body FROM leaf WHERE seq = ?", size)
    assert '"kind":"restored"' in leaf
    assert '"reason":"the disk failed"' in leaf
    assert monday.status()["exit_code"] in (0, ATTENTION)
    assert monday.store.stat().st_mode & 0o777 == 0o600
    assert not list(monday.store.parent.glob("*.new*"))
    verified = monday.command("audit", "verify")
    assert verified.code == 0, verified


def test_wishes_of_persons_since_the_copy_are_done_again(friday: Shop) -> None:
    friday.objection(f"late@{DOMAIN}")
    friday.objection(f"changed.mind@{DOMAIN}")
    friday.objection(f"changed.mind@{DOMAIN}", taken_back=True)
    erased = friday.command("privacy", "erase", "--case", "7", stdin=f"ida.1@{DOMAIN}")
    assert erased.code == 0, erased
    friday.store.unlink()

    said = restored(friday)

    assert said.json["replayed"] == 2
    in_force = friday.sql("SELECT kind FROM objection WHERE removed_us IS NULL ORDER BY kind")
    assert in_force == [("erasure",), ("objection",)]
    friday.orders(*of_day(friday, 1, "1", "2"), friday.order("9", billing_email=f"late@{DOMAIN}"), name="friday.csv")
    assert Counter(friday.run().at("google")["withheld"]) == {"erased": 1, "objection": 1}
    assert friday.sql("SELECT state, count(*) FROM delivery WHERE state = 'erased' GROUP BY 1") == [("erased", 2)]


def test_a_store_that_is_whole_is_not_replaced(friday: Shop) -> None:
    before = friday.store_bytes()
    stopped(friday.command("restore", str(copy_of(friday)), "--yes"), USAGE, "nothing to restore")
    assert friday.store_bytes() == before


@pytest.mark.parametrize("spoilt", ["older", "another", "damaged"])
def test_what_was_there_is_kept_aside(friday: Shop, spoilt: str) -> None:
    friday.wait(days=1)
    older = friday.home / "older"
    shutil.copy(friday.store, older)
    assert friday.run().code == 0
    if spoilt == "older":
        shutil.copy(older, friday.store)
    elif spoilt == "another":
        friday.sql("UPDATE head SET store_id = 'ff'")
    else:
        friday.store.write_bytes(friday.store.read_bytes()[:-4096])
    was = friday.store.read_bytes()
    stopped(friday.run(), STORE, "conversions restore FILE")

    aside = Path(restored(friday).json["replaced"])

    assert aside.name.startswith("conversions.db.replaced-2026")
    assert aside.read_bytes() == was
    assert friday.run().code == 0


def test_only_a_whole_copy_of_this_store_is_taken(monday: Shop) -> None:
    def refused(name: str, code: int, *words: str) -> None:
        stopped(monday.command("restore", str(monday.home / name), "--yes"), code, *words)
        assert not monday.store.exists()

    refused("nothing", USAGE, "no file")
    (monday.home / "letter").write_text("dear auditor")
    refused("letter", STORE, "not a whole copy")
    content = copy_of(monday).read_bytes()
    (monday.home / "cut").write_bytes(content[:-4096])
    refused("cut", STORE, "not a whole copy")
    with closing(sqlite3.connect(copy_of(monday))) as copy:
        copy.execute("VACUUM INTO ?", (str(monday.home / "rewritten"),))
    with closing(sqlite3.connect(monday.home / "rewritten")) as rewritten, rewritten:
        rewritten.execute("UPDATE leaf SET body = replace(body, '0', '1') WHERE seq = 1")
    refused("rewritten", STORE, "not a whole copy")
    with closing(sqlite3.connect(copy_of(monday))) as copy:
        copy.execute("VACUUM INTO ?", (str(monday.home / "foreign"),))
    with closing(sqlite3.connect(monday.home / "foreign")) as foreign, foreign:
        foreign.execute("UPDATE head SET store_id = 'ff'")
    refused("foreign", STORE, "another store")


def test_another_key_is_refused_before_anything_is_replaced(monday: Shop) -> None:
    monday.environment["CONVERSIONS_KEY"] = "ab" * 32
    stopped(monday.command("restore", str(copy_of(monday)), "--yes"), CONFIG, "key is")
    assert not monday.store.exists()


def test_nobody_is_asked_without_a_terminal(monday: Shop) -> None:
    stopped(monday.command("restore", str(copy_of(monday))), USAGE, "--yes")


def test_not_beside_a_run(gated: Shop, door: Any) -> None:
    gated.orders(gated.order())
    running = gated.start("run")
    door.await_both(running)
    (gated.home / "copy.db").write_bytes(b"")
    said = gated.process("restore", str(copy_of(gated)), "--yes")
    door.open()
    gated.finish(running)
    assert said.code == TRY_AGAIN, said


@pytest.mark.parametrize("step", ["set_aside", "write"])
def test_a_restore_that_is_killed_is_done_again(monday: Shop, step: str) -> None:
    with mock.patch.object(checkpoints, step, side_effect=KeyboardInterrupt):
        monday.command("restore", str(copy_of(monday)), "--yes")
    if monday.command("status").code == STORE:
        restored(monday)
    assert monday.run().code == 0
    assert [once(monday, name) for name in NAMES] == [5, 5]
