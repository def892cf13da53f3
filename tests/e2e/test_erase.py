"""A person asks to be forgotten, and old payloads go by themselves: through the command line, and on the far side."""

import json
from pathlib import Path

import pytest

from tests.e2e.said import DOMAIN, TRY_AGAIN, USAGE, Json, Said
from tests.e2e.sales import digest
from tests.e2e.shop import NAMES, Shop
from tests.ledger import stored
from tests.ledger.subjects.traces_in_files import held, left

IDA, ASTA = f"ida@{DOMAIN}", f"asta@{DOMAIN}"


def erase(shop: Shop, *addresses: str, case: str = "2026-17") -> Said:
    """Piped in, one a line."""
    return shop.command("privacy", "erase", "--case", case, "--json", stdin="\n".join(addresses or (IDA,)))


def in_files(shop: Shop, address: str) -> list[str]:
    """The files of the store's directory, even those of a reader, that hold the digest in any form, also compressed."""
    files = [path for path in (shop.home / "var").rglob("*") if path.is_file()]
    return [path.name for path in files if holds(path, digest(address))]


def holds(path: Path, sought: str) -> bool:
    data = path.read_bytes() if path.exists() else b""  # to look into a store empties its WAL
    return (
        sought.encode() in data
        or bytes.fromhex(sought) in data
        or (
            data.startswith(b"SQLite format 3") and any(sought.encode() in (e.body or b"") for e in stored.events(path))
        )
    )


def subject_of(shop: Shop, address: str) -> bytes:
    """The keyed pseudonym of a person who bought."""
    found = {e.subject for e in stored.events(shop.store) if digest(address).encode() in (e.body or b"")}
    [subject] = found
    assert subject
    return subject


def bought(shop: Shop) -> None:
    """Two orders of one person and one of another, sent to both."""
    shop.orders(
        shop.order("1", billing_email=IDA, total="123.00"),
        shop.order("2", billing_email=ASTA),
        shop.order("3", billing_email=IDA.upper(), total="77.00"),
    )
    assert shop.run().code == 0


def test_a_person_is_erased_from_every_file_and_export_and_the_orders_never_leave_again(shop: Shop) -> None:
    bought(shop)
    assert in_files(shop, IDA)
    gone = held(shop.store, subject_of(shop, IDA))
    said = erase(shop)
    assert said.code == 0, said
    assert json.loads(said.out) == {"persons": 1, "orders": 2, "events": 4, "tasks": 2, "wiped": True, "copies": []}
    assert in_files(shop, IDA) == left(shop.store, gone) == []
    assert in_files(shop, ASTA) == ["conversions.db"]
    sent = shop.requests()
    again = shop.run()
    assert again.code == 0, again
    for name in NAMES:
        assert again.counts(name) == {"already_sent": 1, "withheld": {"erased": 2}}
        assert again.at(name)["difference"] == 0
        value = again.at(name)["value"]["DKK"]
        assert (value["read"], value["withheld"], value["already_sent"]) == ("300.00", "200.00", "100.00")
    assert shop.requests() == sent
    assert shop.states() == {name: {"erased": 2, "received": 1} for name in NAMES}
    assert in_files(shop, IDA) == []
    assert shop.sql("SELECT count(*) FROM delivery WHERE state = 'erased' AND stated_minor <> 0") == [(0,)]


def test_a_request_that_held_the_person_exports_no_body_and_no_digest_of_it(shop: Shop) -> None:
    bought(shop)
    shop.orders(shop.order("9", billing_email=ASTA, purchased_at=f"{shop.day(2)} 13:00:00"))
    shop.run()
    erase(shop)
    held = [line for line in shop.exported() if line["events"] == 3]
    others = [line for line in shop.exported() if line["events"] == 1]
    assert [(line["events_erased"], line["body"], line["body_sha256"]) for line in held] == [(2, None, None)] * 2
    assert [(line["events_erased"], line["body_sha256"] is None) for line in others] == [(0, False)] * 2
    for form in ("csv", "jsonl"):
        assert digest(IDA) not in shop.command("audit", "export", "--format", form).out


def test_the_log_is_intact_before_and_after_and_its_checkpoints_still_hold(shop: Shop) -> None:
    bought(shop)
    assert shop.command("audit", "verify").code == 0
    erase(shop)
    assert shop.command("audit", "verify").code == 0
    shop.run()
    assert shop.command("audit", "verify").code == 0
    shop.sql("UPDATE blob SET bytes = NULL WHERE bytes IS NOT NULL")
    assert shop.command("audit", "verify").code == 74


def test_whatever_the_person_orders_next_is_withheld_and_the_case_is_listed(shop: Shop) -> None:
    bought(shop)
    erase(shop)
    shop.orders(shop.order("8", billing_email=IDA), shop.order("9"))
    said = shop.run()
    assert [said.counts(name) for name in NAMES] == [{"sent": 1, "withheld": {"objection": 1}}] * 2
    listed = shop.command("privacy", "object", "--list", "--json")
    [entry] = json.loads(listed.out)
    assert (entry["kind"], entry["case"], entry["removed_at"]) == ("erasure", "2026-17", None)


def test_orders_that_wait_or_were_never_answered_are_closed_first(shop: Shop) -> None:
    shop.orders(shop.order("1", billing_email=IDA), shop.order("2", billing_email=ASTA))
    shop.sandbox.use_faults(["lost"])
    shop.run()
    assert shop.states() == {name: {"unknown": 2} for name in NAMES}
    erase(shop)
    shop.sandbox.use_faults([])
    before = {name: len(shop.events(name)) for name in NAMES}
    shop.run()
    assert shop.states() == {name: {"erased": 1, "received": 1} for name in NAMES}
    for name in NAMES:
        assert {sale.digest for sale in shop.sales(name)[before[name] :]} == {digest(ASTA)}


def test_what_a_killed_run_left_in_flight_is_unanswered_before_it_is_closed(shop: Shop) -> None:
    shop.orders(shop.order("1", billing_email=IDA), shop.order("2", billing_email=ASTA))
    shop.run()
    shop.sql("UPDATE request SET outcome = NULL, outcome_leaf = NULL, answered_us = NULL")
    shop.sql("UPDATE delivery SET state = 'in_flight'")
    erase(shop)
    assert shop.states() == {name: {"erased": 1, "unknown": 1} for name in NAMES}
    assert shop.run().code == 0
    assert shop.states() == {name: {"erased": 1, "received": 1} for name in NAMES}


def test_a_backup_that_is_put_back_forgets_the_person_again(shop: Shop) -> None:
    bought(shop)
    backup = shop.home / "backup.db"
    assert shop.command("backup", backup).code == 0
    erase(shop)
    for path in (shop.home / "var").iterdir():
        path.unlink()
    assert shop.command("restore", backup, "--yes", "--reason", "the disk broke").code == 0
    assert holds(backup, digest(IDA))
    assert in_files(shop, IDA) == []
    assert shop.states() == {name: {"erased": 2, "received": 1} for name in NAMES}


def test_recipients_are_told_and_each_task_is_closed_with_a_reason(shop: Shop) -> None:
    bought(shop)
    known = {name: {sale.reference for sale in shop.sales(name) if sale.digest == digest(IDA)} for name in NAMES}
    erase(shop)
    google, meta = _tasks(shop)
    assert (google["recipient"], meta["recipient"]) == ("Google Ireland Limited", "Meta Platforms Ireland Limited")
    assert (set(google["references"]), set(meta["references"])) == (known["google"], known["meta"])
    assert "retraction" in google["how"]
    assert shop.command("privacy", "tasks", "--close", 1).code == USAGE
    assert shop.command("privacy", "tasks", "--close", 1, "--reason", "retraction uploaded").code == 0
    assert shop.command("privacy", "tasks", "--close", 1, "--reason", "once more").code == USAGE
    google, meta = _tasks(shop)
    assert (google["reason"], google["references"], meta["closed_at"]) == ("retraction uploaded", [], None)
    table = shop.command("privacy", "tasks")
    assert "closed" in table.out
    assert "Write to Meta" in table.err
    assert "Google Ireland Limited:" not in table.err


def _tasks(shop: Shop) -> list[Json]:
    said = shop.command("privacy", "tasks", "--json")
    assert said.code == 0, said
    found: list[Json] = json.loads(said.out)
    return found


def test_several_at_once_unusable_lines_named_and_a_second_time_changes_nothing(shop: Shop) -> None:
    bought(shop)
    said = erase(shop, IDA, "nobody", ASTA, IDA)
    assert (said.code, json.loads(said.out)["persons"], json.loads(said.out)["events"]) == (65, 2, 6)
    assert "line 2: unusable e-mail address" in said.err
    again = json.loads(erase(shop, IDA, ASTA).out)
    assert again == {"persons": 2, "orders": 0, "events": 0, "tasks": 0, "wiped": True, "copies": []}


def test_a_case_is_needed_and_holds_no_address(shop: Shop) -> None:
    assert shop.command("privacy", "erase", stdin=IDA).code == USAGE
    assert erase(shop, case=IDA).code == USAGE
    shop.assert_untouched()


def test_copies_beside_the_store_are_named_since_they_hold_what_they_held(shop: Shop) -> None:
    bought(shop)
    copy = shop.store.with_name("conversions.db.replaced-20261122T051500Z")
    copy.write_bytes(shop.store.read_bytes())
    said = shop.command("privacy", "erase", "--case", "2026-17", stdin=IDA)
    assert said.code == 0
    assert copy.name in said.err
    assert in_files(shop, IDA) == [copy.name]


@pytest.mark.parametrize("after", ["retention", "erase", "run"])
def test_files_that_hold_traces_are_exit_75_and_every_command_tries_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    bought(shop)
    with monkeypatch.context() as busy:
        busy.setattr("conversions.ledger.store.remnants.Remnants.empty_wal", lambda _: False)
        said = shop.command("privacy", "erase", "--case", "2026-17", stdin=IDA)
        assert said.code == TRY_AGAIN
        assert "`conversions privacy retention`" in said.err
    assert shop.states() == {name: {"erased": 2, "received": 1} for name in NAMES}
    assert "`conversions privacy retention`" in shop.command("status").out
    [left] = json.loads(shop.command("status", "--json").out)["unscrubbed"]
    assert left["why"] == "erasure"
    if after == "retention":
        assert shop.command("privacy", "retention").code == 0
    elif after == "erase":
        assert erase(shop, ASTA).code == 0
    else:
        assert shop.run().code == 0
    assert json.loads(shop.command("status", "--json").out)["unscrubbed"] == []
    assert in_files(shop, IDA) == []


def test_to_a_person_who_asks_again_there_is_nothing_left_to_say(shop: Shop) -> None:
    bought(shop)
    erase(shop)
    said = shop.command("privacy", "access", "--format", "json", "--lang", "en", stdin=IDA)
    assert said.code == 0, said
    assert json.loads(said.out)["sent"] == []
    assert '"2026-17"' in said.out


def test_never_beside_a_run(shop: Shop) -> None:
    from filelock import FileLock

    bought(shop)
    with FileLock(shop.store.with_name("conversions.db.lock")):
        assert erase(shop).code == TRY_AGAIN
    assert shop.states() == {name: {"received": 3} for name in NAMES}


class TestRetention:
    def test_a_run_purges_what_is_older_than_the_setting_and_counts_stay(self, shop: Shop) -> None:
        shop.configure(privacy={"retention_days": 100})
        bought(shop)
        shop.wait(days=101)
        shop.orders(shop.order("9"))
        said = shop.run()
        assert said.code == 0, said
        for name in NAMES:
            assert (said.counts(name), said.at(name)["difference"]) == ({"sent": 1}, 0)
        assert in_files(shop, IDA) == in_files(shop, ASTA) == []
        assert shop.states() == {name: {"received": 1} for name in NAMES}
        history = shop.sql("SELECT state, sum(orders), sum(minor), currency, exponent FROM history GROUP BY 1, 4, 5")
        assert history == [("received", 6, 60000, "DKK", 2)]
        [(leaf,)] = shop.sql("""SELECT body FROM leaf WHERE body LIKE '%"kind":"purge"%'""")
        assert (json.loads(leaf)["count"], json.loads(leaf)["basis"]) == (6, "retention")
        assert shop.command("audit", "verify").code == 0

    def test_an_order_that_was_purged_and_is_read_again_is_too_old_to_be_sent(self, shop: Shop) -> None:
        shop.configure(privacy={"retention_days": 70}, destinations={"google": {"max_age_days": 63}})
        bought(shop)
        day, sent = shop.day(2), shop.requests()
        shop.wait(days=71)
        assert shop.command("privacy", "retention").code == 0
        shop.orders(*[shop.order(str(n), billing_email=IDA, purchased_at=f"{day} 12:00:00") for n in range(1, 5)])
        for _ in range(2):
            said = shop.run("--since", day, "--until", day)
            for name in NAMES:  # the newest of all orders keeps its row, so that no key is given twice
                assert said.counts(name) == {"already_sent": 1, "withheld": {"too_old": 3}}
        assert shop.requests() == sent
        assert shop.command("audit", "verify").code == 0

    def test_the_command_does_the_same_by_hand_and_says_what_it_did(self, shop: Shop) -> None:
        shop.configure(privacy={"retention_days": 100})
        bought(shop)
        said = shop.command("privacy", "retention", "--json")
        assert json.loads(said.out) == {"before": shop.day(100), "events": 0, "orders": 0, "wiped": True}
        shop.wait(days=101)
        said = shop.command("privacy", "retention", "--json")
        assert json.loads(said.out) == {"before": shop.day(100), "events": 6, "orders": 4, "wiped": True}
        assert in_files(shop, IDA) == []
        assert "0 payloads purged" in shop.command("privacy", "retention").out

    @pytest.mark.parametrize("days", [69, 3651, "for ever"])
    def test_never_shorter_than_a_platforms_window_and_never_for_ever(self, shop: Shop, days: object) -> None:
        shop.configure(privacy={"retention_days": days})
        assert shop.run().code == 78


@pytest.mark.parametrize("language", ["da", "en"])
def test_the_record_of_processing_is_written_from_the_settings(shop: Shop, language: str) -> None:
    shop.configure(privacy={"controller": "Butik ApS, Vestergade 1"})
    said = shop.command("privacy", "record", "--lang", language, "--out", shop.home / "record.html")
    assert said.code == 0, said
    assert "Butik ApS, Vestergade 1" in (shop.home / "record.html").read_text()
    assert "privacy.contact" in said.err
    document = json.loads(shop.command("privacy", "record", "--lang", language, "--json").out)
    assert [one["destination"] for one in document["recipients"]] == list(NAMES)
    assert (document["controller"], document["retention_days"]) == ("Butik ApS, Vestergade 1", 400)
    shop.assert_untouched()
