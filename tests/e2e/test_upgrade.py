"""A store of the first release, brought to this one: for ever."""

import json
import os
import re
import shutil
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest
from dotenv import dotenv_values

from conversions.ledger import schema
from tests.e2e.said import CONFIG, STORE, USAGE, stopped
from tests.e2e.shop import Shop
from tests.ledger import stored

FIRST = Path(__file__).parents[1] / "ledger" / "first_release"
COLUMNS = {"refunded": None, "consent": None}
"""It mapped fewer."""


def content(path: Path) -> list[str]:
    """Everything a store holds, as statements."""
    with closing(connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def old(shop: Shop) -> Shop:
    """A shop of the first release, the morning after its first night: Google had taken all, Meta's answers were lost."""
    shop.clock.now = shop.now.replace(day=23, hour=2)
    shop.secrets(CONVERSIONS_KEY="5e" * 32, CONVERSIONS_META__ACCESS_TOKEN="EAAtest")
    shop.configure(source={"columns": COLUMNS, "settle_seconds": 0})
    shop.file((FIRST / "orders.csv").read_bytes())
    shop.store.parent.mkdir(mode=0o700)
    shutil.copy(FIRST / "conversions.db", shop.store)
    shutil.copy(FIRST / "var-conversions.tail", shop.tail)
    return shop


def root_and_size(shop: Shop) -> tuple[bytes, int]:
    ((root, size),) = shop.sql("SELECT root, tree_size FROM head")
    return root, size


def test_nothing_but_upgrade_migrates(old: Shop) -> None:
    before, tail = content(old.store), old.tail.read_bytes()
    for command in (["run"], ["plan"], ["status"], ["audit", "list"], ["backup", str(old.home / "copy")]):
        stopped(old.command(*command), CONFIG, "schema 0001", "`conversions upgrade`")
    assert (content(old.store), old.tail.read_bytes()) == (before, tail)
    assert old.requests() == 0


def test_it_is_upgraded_with_a_copy_beside_it(old: Shop) -> None:
    said = old.command("upgrade", "--json")

    assert said.code == 0, said
    assert (said.json["before"], said.json["after"]) == ("0001", schema.REVISION)
    kept = Path(said.json["backup"])
    assert kept.parent == old.store.parent
    assert kept.stat().st_mode & 0o777 == 0o600
    assert content(kept) == content(FIRST / "conversions.db")
    again = old.command("upgrade")
    assert again.code == 0
    assert "already" in again.out


def test_the_log_goes_on_where_it_was(old: Shop) -> None:
    root, size = root_and_size(old)
    bodies = old.sql("SELECT seq, body FROM leaf ORDER BY seq")

    assert old.command("upgrade").code == 0

    assert old.sql("SELECT seq, body FROM leaf WHERE seq < ? ORDER BY seq", size) == bodies
    ((body,),) = old.sql("SELECT body FROM leaf WHERE seq = ?", size)
    assert '"kind":"upgraded"' in body
    assert '"from":"0001"' in body
    assert f'"root":"{root.hex()}"' in old.tail.read_text()
    assert old.command("audit", "verify").code == 0


def test_a_run_after_it_sends_nothing_twice_and_the_unanswered_again(old: Shop) -> None:
    unknown = old.sql("SELECT wire_id FROM delivery WHERE state = 'unknown' ORDER BY wire_id")
    held = old.sql("SELECT e.bytes FROM delivery d JOIN event e ON e.delivery = d.id WHERE d.state = 'unknown'")
    assert len(unknown) == 21
    assert old.command("upgrade").code == 0

    said = old.run()

    assert said.at("google")["already_sent"] == 20
    assert said.at("meta")["sent"] == 20 + 1 - said.at("meta")["quarantined"].get("refused_by_platform", 0)
    assert old.received("google")["events"] == 0
    assert {(sale.reference,) for sale in old.sales("meta")} <= set(unknown)
    assert set(old.events("meta")) <= {event for (event,) in held}
    assert old.command("audit", "verify").code == 0


@pytest.mark.parametrize(("version", "named"), [("7.3.0", "7.3.0"), (None, "a newer version")])
def test_a_store_of_a_newer_version_is_left_alone(shop: Shop, version: str | None, named: str) -> None:
    shop.orders(shop.order())
    assert shop.run().code == 0
    shop.sql("UPDATE alembic_version SET version_num = '0999'")
    shop.sql("UPDATE run SET version = ?", version) if version else shop.sql("ALTER TABLE run RENAME TO turn")
    for command in ("run", "status", "upgrade"):
        stopped(shop.command(command), STORE, "0999", named)


def test_an_upgrade_that_fails_leaves_all_as_it_was(old: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from conversions.ledger import log

    before = content(old.store)
    monkeypatch.setattr(log, "append", lambda *_, **__: 1 / 0)

    assert old.command("upgrade").code == 70

    monkeypatch.undo()
    assert content(old.store) == before


def test_a_store_that_is_behind_is_restored_first(old: Shop) -> None:
    old.tail.write_text(old.tail.read_text() + old.tail.read_text().splitlines()[-1].replace('"size":12', '"size":99'))
    stopped(old.command("upgrade"), STORE, "older copy", "conversions restore FILE")


def test_the_second_release_goes_on_too(shop: Shop) -> None:
    """Everything was sent, one value was restated, somebody has objected: a run sends nothing, and knows its sales."""
    second = FIRST.with_name("second_release")
    shop.clock.now = shop.now.replace(day=24, hour=2)
    shop.secrets(CONVERSIONS_KEY="5e" * 32, CONVERSIONS_META__ACCESS_TOKEN="EAAtest")
    shop.configure(source={"columns": COLUMNS, "settle_seconds": 0})
    shop.file((second / "orders.csv").read_bytes())
    shop.store.parent.mkdir(mode=0o700)
    shutil.copy(second / "conversions.db", shop.store)
    shutil.copy(second / "var-conversions.tail", shop.tail)
    assert shop.command("upgrade").code == 0

    said = shop.run("--since", "2026-11-17")

    assert [said.at(name)["already_sent"] for name in ("google", "meta")] == [24, 24]
    assert shop.received("google")["events"] == shop.received("meta")["events"] == 0
    assert shop.sql("SELECT count(*) FROM sale WHERE purchased_us IS NULL") == [(0,)]
    assert shop.command("audit", "verify").code == 0


def test_no_store_is_nothing_to_upgrade(shop: Shop) -> None:
    stopped(shop.command("upgrade"), USAGE, "no store yet")


def test_rules_that_changed_with_the_upgrade_need_an_approval(old: Shop) -> None:
    assert old.command("upgrade").code == 0
    old.configure(source={"columns": COLUMNS, "settle_seconds": 0}, privacy={"legal_basis": "consent"})
    stopped_by = old.command("run")
    assert (stopped_by.code, old.requests()) == (CONFIG, 0)
    assert '"legitimate_interest" → "consent"' in stopped_by.err
    old.approve()
    assert old.run().code != CONFIG
    assert old.command("audit", "verify").code == 0


def test_another_command_before_the_first_run_after_it_approves_nothing(old: Shop) -> None:
    """``reconcile`` begins a run of its own, with the settings of that moment."""
    assert old.command("upgrade").code == 0
    old.configure(source={"columns": COLUMNS, "settle_seconds": 0}, privacy={"legal_basis": "consent"})
    assert old.command("reconcile").code == 0
    stopped_by = old.command("run")
    assert (stopped_by.code, old.requests()) == (CONFIG, 0)
    assert '"legitimate_interest" → "consent"' in stopped_by.err


def test_the_history_of_an_old_store_names_nobody(old: Shop) -> None:
    assert old.command("upgrade").code == 0
    (_, then) = old.command("policy", "history", "--on", "2026-11-23", "--json").json["allowed"]
    assert (then["version"], then["approved_by"], then["how"]) == ("2026-01", None, "run")
    assert then["rules"]["privacy.legal_basis"]["value"] == "legitimate_interest"
    old.run()
    now = old.command("policy", "show", "--json").json
    assert {rule["how"] for rule in now["rules"].values()} == {"upgrade"}
    assert "taken over from the last run" in old.command("policy", "history").out


MORNING_AFTER = {
    "second_release": datetime(2026, 11, 30, 6, tzinfo=UTC),
    "third_release": datetime(2026, 11, 30, 6, tzinfo=UTC),
    "fourth_release": datetime(2026, 11, 30, 6, tzinfo=UTC),
    "fifth_release": datetime(2026, 12, 4, 6, tzinfo=UTC),
    "fifth_release_rights": datetime(2026, 11, 30, 6, tzinfo=UTC),
    "sixth_release": datetime(2026, 11, 28, 6, tzinfo=UTC),
    "sixth_release_rights": datetime(2026, 12, 2, 6, tzinfo=UTC),
}
"""When each release's store is upgraded. The last runs of the fifth and the sixth were killed between staging and
sending. The second store of the sixth is that of the fifth, upgraded by the sixth.
"""


def in_place(shop: Shop, release: str) -> Path:
    """Put the store of a release, its settings and its orders into the shop; return where they are kept."""
    kept = FIRST.parent / release
    shop.secrets(CONVERSIONS_KEY="5e" * 32, CONVERSIONS_META__ACCESS_TOKEN="EAAtest")
    if (rotated := kept / "secrets.env").exists():
        shop.secrets(**{name: value or "" for name, value in dotenv_values(rotated).items()})
    shop.clock.now = MORNING_AFTER[release]
    for name in ("orders.csv", "privacy-policy.toml", "conversions.toml"):
        shutil.copy(kept / name, shop.home)
    written = shop.now.timestamp() - 7200
    os.utime(shop.home / "orders.csv", (written, written))
    endpoint = re.compile(r'"http://127\.0\.0\.1:\d+"')
    shop.config.write_text(endpoint.sub(f'"{shop.sandbox.url}"', shop.config.read_text()))
    shop.store.parent.mkdir(mode=0o700)
    shutil.copy(kept / "conversions.db", shop.store)
    shutil.copy(kept / "var-conversions.tail", shop.tail)
    return kept


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(connect(path)) as connection:
        return connection.execute(query).fetchall()


def is_sealed(kept: Path) -> bool:
    """Whether the events of the store that is kept there are in batches."""
    ((version,),) = rows(kept / "conversions.db", "SELECT version_num FROM alembic_version")
    return bool(version >= schema.SEALED_SINCE)


def ids_of(kept: Path) -> dict[int, Any]:
    """The id that the platforms know, by the key of the order, for each event whose bytes are in a batch."""
    if not is_sealed(kept):
        return {}
    bodies = ((event.id >> 8, event.body) for event in stored.events(kept / "conversions.db"))
    told = {delivery: json.loads(body) for delivery, body in bodies if body is not None}
    return {delivery: event.get("transactionId") or event["event_id"] for delivery, event in told.items()}


@pytest.mark.parametrize("release", MORNING_AFTER)
def test_a_later_release_goes_on_and_sends_nothing_twice(shop: Shop, release: str) -> None:
    kept = in_place(shop, release)
    ids = ids_of(kept)
    attempted = "SELECT id, wire_id FROM delivery WHERE attempted AND decision IS NULL AND state <> 'pending'"
    known = {wire_id or ids.get(delivery) for delivery, wire_id in rows(kept / "conversions.db", attempted)}
    assert len(known) > 20
    assert shop.command("upgrade").code == 0
    assert shop.command("audit", "verify").code == 0

    said = shop.run()

    assert said.code in {0, 1}, said
    if not is_sealed(kept):
        assert set(said.json["unapproved"]) <= {"policy"}, "the rules are approved by upgrade"
    arrived = {sale.reference for name in ("google", "meta") for sale in shop.sales(name)}
    assert arrived & known == set(), "what was sent or may have been is not sent again"
    assert shop.command("audit", "verify").code == 0
    assert shop.command("status").code == 0


_BODIES = """
    SELECT x.request, e.bytes FROM request_event x JOIN event e ON e.id = x.event ORDER BY x.request, x.position
"""


def bodies_of(kept: Path) -> dict[int, list[bytes | None]]:
    """The events of each request, in the order of the wire."""
    if is_sealed(kept):
        requests = stored.events_of_requests(kept / "conversions.db")
        return {request: [event.body for event in events] for request, events in requests.items()}
    bodies: dict[int, list[bytes | None]] = {}
    for request, body in rows(kept / "conversions.db", _BODIES):
        bodies.setdefault(request, []).append(body)
    return bodies


@pytest.mark.parametrize("release", MORNING_AFTER)
def test_each_request_is_exported_as_it_left(shop: Shop, release: str) -> None:
    kept = in_place(shop, release)
    bodies = bodies_of(kept)
    sent = rows(kept / "conversions.db", "SELECT id, prefix, suffix FROM request")
    around = {request: (prefix, suffix) for request, prefix, suffix in sent}
    assert bodies.keys() == around.keys()
    assert shop.command("upgrade").code == 0

    exported = {line["request_id"]: line for line in shop.exported()}

    for request, events in bodies.items():
        whole = [event for event in events if event is not None]
        prefix, suffix = around[request]
        if len(whole) == len(events):
            assert exported[request]["body"].encode() == prefix + b",".join(whole) + suffix
        else:
            assert exported[request]["body"] is None
            assert exported[request]["events_erased"] == len(events) - len(whole)


@pytest.mark.parametrize("release", ["fifth_release", "sixth_release"])
def test_orders_that_were_staged_and_not_sent_leave_once_with_the_ids_that_they_had(shop: Shop, release: str) -> None:
    kept = in_place(shop, release)
    ids = ids_of(kept)
    staged = "SELECT id, wire_id FROM delivery WHERE state = 'pending' AND NOT attempted AND destination IN (1, 2)"
    postponed = "SELECT id FROM delivery WHERE state = 'pending' AND attempted"
    again = {ids.get(delivery) for (delivery,) in rows(kept / "conversions.db", postponed)}
    waiting = {wire_id or ids.get(delivery) for delivery, wire_id in rows(kept / "conversions.db", staged)}
    assert shop.command("upgrade").code == 0

    assert shop.run().code in {0, 1}

    arrived = [sale.reference for name in ("google", "meta") for sale in shop.sales(name)]
    assert len(waiting) == 16
    assert Counter(wire_id for wire_id in arrived if wire_id not in again) == Counter(waiting)


def test_unanswered_orders_that_a_person_decides_on_are_sent_as_they_were(shop: Shop) -> None:
    kept = in_place(shop, "fifth_release")
    unanswered = """
        SELECT e.bytes FROM delivery d JOIN event e ON e.id = d.id << 8 | d.revision
        WHERE d.state = 'unknown' AND d.day > '2026-11-30'
    """
    held = {body for (body,) in rows(kept / "conversions.db", unanswered)}
    assert shop.command("upgrade").code == 0
    orders = rows(
        shop.store,
        "SELECT order_no FROM sale a JOIN delivery d ON d.sale = a.id WHERE d.state = 'unknown' AND d.day > '2026-11-30'",
    )
    for (order,) in orders:
        assert shop.command("decide", "send", order, "--destination", "meta", "--reason", "asked").code == 0

    assert shop.run().code in {0, 1}

    assert len(held) == 12
    assert held <= set(shop.events("meta"))
    assert shop.command("audit", "verify").code == 0


def test_a_value_that_changed_is_restated_with_the_id_that_was_sent(shop: Shop) -> None:
    kept = in_place(shop, "fifth_release")
    ids = dict(
        rows(
            kept / "conversions.db",
            "SELECT a.order_no, d.wire_id FROM sale a JOIN delivery d ON d.sale = a.id WHERE d.destination = 1",
        )
    )
    assert shop.command("upgrade").code == 0

    assert shop.run("--restate").code in {0, 1}

    assert ids["3309"] in {sale.reference for sale in shop.sales("google")}
    assert shop.command("audit", "verify").code == 0


def test_both_buyers_of_an_order_are_found_and_erased_apart(shop: Shop) -> None:
    """Google got order 3305 under its first buyer's address; Meta, which failed that night, under its second buyer's."""
    in_place(shop, "fifth_release")
    assert shop.command("upgrade").code == 0
    for buyer, events in (("ida.3305", 2), ("other.3305", 1)):
        address = f"{buyer}@kunde.example"
        assert f"Sent: {events} events" in shop.command("privacy", "access", "--reason", "asked", stdin=address).err, (
            buyer
        )
        said = shop.command("privacy", "erase", "--case", buyer, "--yes", "--json", stdin=address)
        assert json.loads(said.out)["events"] == events, buyer
        assert shop.command("audit", "verify").code == 0
    assert rows(shop.store, "SELECT count(*) FROM sale WHERE order_no = '3305' AND subject IS NOT NULL") == [(0,)]


def test_the_copy_is_named_by_an_erasure_and_deleted_after_thirty_days(shop: Shop) -> None:
    in_place(shop, "fifth_release")
    copy = Path(shop.command("upgrade", "--json").json["backup"])

    said = shop.command("privacy", "erase", "--case", "1", "--yes", stdin="ida.3301@kunde.example")

    assert f"{copy.name} (kept until 2027-01-03)" in said.err
    shop.clock.now = datetime(2027, 1, 3, 5, tzinfo=UTC)
    shop.command("run")
    assert copy.exists()
    shop.clock.now = datetime(2027, 1, 3, 7, tzinfo=UTC)
    assert f"deleted {copy.name}" in " ".join(shop.command("run").out.split())
    assert not copy.exists()
