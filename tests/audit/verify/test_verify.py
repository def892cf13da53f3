"""``audit verify``: one sentence that names what is wrong, whatever that is."""

import base64
import sqlite3
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import orjson
import pytest

from conversions.audit.verify import payloads, verify
from conversions.audit.verify.open_store import open_store
from conversions.audit.verify.result import VerificationResult
from conversions.audit.verify.rows import RowVerifier
from conversions.ledger import checkpoints, open_shared, runs
from conversions.ledger.log.merkle import EMPTY, leaf_hash, root_of
from conversions.ledger.runs import bindings
from conversions.ledger.subjects import erasure, recipient_notices
from tests.audit.erasing import erase
from tests.audit.shop import SATURDAY, SUNDAY, Shop, new_shop
from tests.ledger import stored

Alteration = Callable[[sqlite3.Connection], object]


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    """Two nights, to be altered."""
    return past.copy(tmp_path / "shop")


def verdict(shop: Shop) -> VerificationResult:
    return verify.verify(verify.log_location(shop.settings))


def said(shop: Shop) -> list[str]:
    return [str(finding) for finding in verdict(shop).findings]


def bodies(store: sqlite3.Connection) -> list[tuple[int, bytes]]:
    """Every event and its bytes, by key."""
    return [(event.id, event.body) for event in stored.events(file_of(store)) if event.body is not None]


def file_of(store: sqlite3.Connection) -> Path:
    (path,) = (file for _, name, file in store.execute("PRAGMA database_list") if name == "main")
    return Path(path)


def leaves(store: sqlite3.Connection) -> list[dict[str, object]]:
    return [orjson.loads(body) for (body,) in store.execute("SELECT body FROM leaf ORDER BY seq")]


def of_kind(store: sqlite3.Connection, kind: str) -> int:
    """The number of the first entry of a kind."""
    return next(seq for seq, facts in enumerate(leaves(store)) if facts["kind"] == kind)


def rewrite(store: sqlite3.Connection) -> None:
    """What an insider who knows the format does: every node and the head fit the entries again."""
    bodies = [body.encode() for (body,) in store.execute("SELECT body FROM leaf ORDER BY seq")]
    store.execute("DELETE FROM node")
    for level in range(len(bodies).bit_length()):
        for position in range(len(bodies) >> level):
            part = bodies[position << level : (position + 1) << level]
            store.execute("INSERT INTO node VALUES (?, ?, ?)", (level, position, root_of(part)))
    store.execute("UPDATE head SET tree_size = ?, root = ?", (len(bodies), root_of(bodies)))


def test_two_nights_are_intact(past: Shop) -> None:
    found = verdict(past)

    assert found.intact
    assert found.sentence.startswith(
        f"The log is intact: {found.entries} entries, {found.events} events, 2 checkpoints"
    )
    assert found.covered == found.entries
    assert found.events == 3 + 3 + 3 + 2 + 2


def test_looking_changes_nothing(shop: Shop) -> None:
    content = (shop.home / "var" / "conversions.db").read_bytes()

    verdict(shop)

    assert (shop.home / "var" / "conversions.db").read_bytes() == content


def altered_entry(store: sqlite3.Connection) -> str:
    seq = next(seq for seq, facts in enumerate(leaves(store)) if facts.get("outcome") == "received")
    store.execute("UPDATE leaf SET body = replace(body, '\"received\"', '\"refused\"') WHERE seq = ?", (seq,))
    return f"entry {seq} was altered"


def missing_entry(store: sqlite3.Connection) -> str:
    store.execute("PRAGMA foreign_keys = OFF")
    store.execute("DELETE FROM leaf WHERE seq = 4")
    return "entry 4 is missing"


def last_entry_missing(store: sqlite3.Connection) -> str:
    last = len(leaves(store)) - 1
    store.execute("DELETE FROM leaf WHERE seq = ?", (last,))
    return f"entry {last} is missing"


def entry_added(store: sqlite3.Connection) -> str:
    size = len(leaves(store))
    store.execute("INSERT INTO leaf VALUES (?, ?)", (size, f'{{"kind":"objection","seq":{size},"t":1,"entry":9}}'))
    return f"entry {size} is beyond the end of the log"


def altered_node(store: sqlite3.Connection) -> str:
    store.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 1 AND position = 2")
    return "node 1/2 of the tree was altered"


def altered_lowest_node(store: sqlite3.Connection) -> str:
    store.execute("UPDATE node SET hash = zeroblob(32) WHERE level = 0 AND position = 2")
    return "node 0/2 of the tree was altered"


def altered_head(store: sqlite3.Connection) -> str:
    store.execute("UPDATE head SET root = zeroblob(32)")
    return "the head's root is not that of the entries"


def altered_event(store: sqlite3.Connection) -> str:
    for event, body in bodies(store):
        if event % 2 == 0:
            stored.alter(store, event, body=body.replace(b"100.5", b"900.5"))
    return f"entry {of_kind(store, 'intent')} commits to other events than request 1 has"


def altered_salt(store: sqlite3.Connection) -> str:
    event, body = bodies(store)[0]
    stored.alter(store, event, body=body, salts=bytes(32))
    return "commits to other events than request 1 has"


def altered_order(store: sqlite3.Connection) -> str:
    store.execute("UPDATE sale SET order_no = 'another' WHERE id = 1")
    return "commits to other events than request 1 has, or to other orders or persons"


def altered_buyer(store: sqlite3.Connection) -> str:
    store.execute("UPDATE sale SET subject = zeroblob(16) WHERE id = 1")
    return "commits to other events than request 1 has, or to other orders or persons"


def another_buyer(store: sqlite3.Connection) -> str:
    store.execute("INSERT INTO earlier_person SELECT min(id), zeroblob(16) FROM event")
    return "commits to other events than request 1 has, or to other orders or persons"


def altered_day(store: sqlite3.Connection) -> str:
    store.execute("UPDATE batch SET day = '2026-11-01' WHERE id = 1")
    return "commits to other events than request 1 has, or to other orders or persons"


def altered_value(store: sqlite3.Connection) -> str:
    (amounts,) = store.execute("SELECT amounts FROM blob WHERE batch = 1").fetchone()
    values = zlib.decompress(amounts).replace(b"10050 DKK", b"90050 DKK")
    store.execute("UPDATE blob SET amounts = ? WHERE batch = 1", (zlib.compress(values),))
    return "commits to other events than request 1 has, or to other orders or persons"


def lost_payload(store: sqlite3.Connection) -> str:
    event, _ = bodies(store)[0]
    stored.alter(store, event, body=None, salts=stored.by_key(file_of(store))[event].leaf_value)
    return f"event {event} has lost its payload, and no entry says why"


def lost_commitment(store: sqlite3.Connection) -> str:
    event, _ = bodies(store)[0]
    stored.alter(store, event, body=None, salts=b"")
    return "batch 1 has more or less in its columns than its events"


def half_erased(store: sqlite3.Connection) -> str:
    event, _ = bodies(store)[0]
    stored.alter(store, event, body=None)
    return "commits to other events than request 1 has"


def cut_bytes(store: sqlite3.Connection) -> str:
    store.execute("UPDATE blob SET bytes = substr(bytes, 1, 20) WHERE batch = 1")
    return "commits to other events than request 1 has"


def other_bytes(store: sqlite3.Connection) -> str:
    store.execute("UPDATE blob SET bytes = CAST('not compressed' AS BLOB) WHERE batch = 1")
    return "cannot be checked against request 1 (error)"


def batch_missing(store: sqlite3.Connection) -> str:
    store.execute("DELETE FROM blob WHERE batch = 1")
    return "cannot be checked against request 1"


def event_of_another_place(store: sqlite3.Connection) -> str:
    store.execute("UPDATE request_part SET place = place + 1, events = events - 1 WHERE request = 5")
    return "commits to 2 events, request 5 has 1, or they are not where they were"


def event_left_out(store: sqlite3.Connection) -> str:
    store.execute("UPDATE request_part SET first = 1 WHERE request = 5 AND first = 0")
    return "commits to 2 events, request 5 has 2, or they are not where they were"


def altered_envelope(store: sqlite3.Connection) -> str:
    store.execute("UPDATE request SET suffix = CAST('],\"x\":1}' AS BLOB) WHERE id = 2")
    return "commits to another envelope than request 2 has"


def altered_outcome(store: sqlite3.Connection) -> str:
    store.execute("UPDATE request SET outcome = 'received' WHERE id = 2")
    return "differs from request 2 in outcome"


def altered_recipient(store: sqlite3.Connection) -> str:
    store.execute("UPDATE destination SET name = 'elsewhere' WHERE name = 'meta'")
    return "differs from request 2 in destination"


def request_added(store: sqlite3.Connection) -> str:
    columns = [name for _, name, *_ in store.execute("PRAGMA table_info(request)") if name != "id"]
    these = ", ".join(f'"{name}"' for name in columns)
    store.execute(f"INSERT INTO request (id, {these}) SELECT 99, {these} FROM request WHERE id = 1")
    return "request 99 has no entry of kind 'intent'"


def request_removed(store: sqlite3.Connection) -> str:
    seq = next(seq for seq, facts in enumerate(leaves(store)) if facts.get("request") == 3)
    store.execute("DELETE FROM request WHERE id = 3")
    return f"entry {seq} has no request 3"


def altered_operator(store: sqlite3.Connection) -> str:
    store.execute("UPDATE run SET operator = 'somebody else' WHERE id = 2")
    return "differs from run 2 in operator"


def altered_policy(store: sqlite3.Connection) -> str:
    store.execute("UPDATE document SET body = body || ' ' WHERE kind = 'policy'")
    return "was altered"


def policy_missing(store: sqlite3.Connection) -> str:
    store.execute("DELETE FROM document WHERE kind = 'policy'")
    return "is missing"


def altered_pin(store: sqlite3.Connection) -> str:
    store.execute("UPDATE pin SET value = 'another' WHERE name = 'shop'")
    return "the pin 'shop' is not what the log says"


def rules_missing(store: sqlite3.Connection) -> str:
    store.execute("DELETE FROM document WHERE kind = 'rules'")
    return "is missing"


def other_rules(store: sqlite3.Connection) -> str:
    store.execute("UPDATE pin SET value = 'another' WHERE name = 'rules'")
    return "the pin 'rules' is not what the log says"


def approved_something_else(store: sqlite3.Connection) -> str:
    """An entry with other values, in a tree that fits it."""
    seq = of_kind(store, "rules recorded")
    store.execute("UPDATE leaf SET body = replace(body, 'legitimate_interest', 'consent') WHERE seq = ?", (seq,))
    rewrite(store)
    return f"entry {seq} states other rules than its document"


def no_table(store: sqlite3.Connection) -> str:
    store.execute("DROP TABLE request_part")
    return "no such table: request_part"


@pytest.mark.parametrize(
    "alter",
    [
        altered_entry,
        missing_entry,
        last_entry_missing,
        entry_added,
        altered_node,
        altered_lowest_node,
        altered_head,
        altered_event,
        altered_salt,
        altered_order,
        altered_buyer,
        another_buyer,
        altered_day,
        altered_value,
        lost_payload,
        lost_commitment,
        half_erased,
        cut_bytes,
        other_bytes,
        batch_missing,
        event_of_another_place,
        event_left_out,
        altered_envelope,
        altered_outcome,
        altered_recipient,
        request_added,
        request_removed,
        altered_operator,
        altered_policy,
        policy_missing,
        altered_pin,
        rules_missing,
        other_rules,
        approved_something_else,
        no_table,
    ],
)
def test_what_was_altered_is_named(shop: Shop, alter: Callable[[sqlite3.Connection], str]) -> None:
    with shop.tampered() as store:
        expected = alter(store)

    found = said(shop)
    assert any(expected in finding for finding in found), found


@pytest.mark.parametrize(
    "alter",
    [
        "UPDATE request SET id = 10000000 WHERE id = (SELECT max(id) FROM request)",
        "UPDATE leaf SET body = replace(body, '\"events\":2', '\"events\":10000000')",
    ],
)
def test_a_number_out_of_all_proportion_is_a_finding_and_takes_no_memory(shop: Shop, alter: str) -> None:
    with shop.tampered() as store:
        assert store.execute(alter).rowcount
    verdict(shop)
    tracemalloc.start()

    found = verdict(shop)

    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not found.intact
    assert most < 5_000_000


def test_a_log_that_was_rewritten_as_a_whole_contradicts_what_was_kept(shop: Shop) -> None:
    with shop.tampered() as store:
        altered_entry(store)
        rewrite(store)

    found = said(shop)
    assert [f for f in found if "checkpoint" in f and "its first entries were others" in f]
    assert [f for f in found if f.startswith("line ") and "its first entries were others" in f]


def rewrite_anchors(shop: Shop) -> None:
    """What an insider with the key does besides: tail file and checkpoints fit the rewritten log."""
    with shop.tampered() as store:
        bodies = [body.encode() for (body,) in store.execute("SELECT body FROM leaf ORDER BY seq")]
    lines = [orjson.loads(line) for line in shop.settings.tail_path.read_bytes().splitlines()]
    new = [orjson.dumps(line | {"root": root_of(bodies[: line["size"]]).hex()}) for line in lines]
    shop.settings.tail_path.write_bytes(b"\n".join(new) + b"\n")
    for path in checkpoints.checkpoint_files(shop.settings.checkpoints_path):
        size, store_id = int(path.stem), checkpoints.parse(path.read_text()).store_id
        seed = checkpoints.signing_seed(shop.settings)
        path.write_text(checkpoints.sign(store_id, size, root_of(bodies[:size]), seed))


def test_a_log_rewritten_with_its_anchors_is_found_by_a_checkpoint_from_outside_only(shop: Shop) -> None:
    mailed = shop.home / "mailed"
    mailed.write_bytes(next(checkpoints.checkpoint_files(shop.settings.checkpoints_path)).read_bytes())
    with shop.tampered() as store:
        store.execute("UPDATE leaf SET body = replace(body, 'window', 'widow')")
        rewrite(store)
    rewrite_anchors(shop)

    assert verdict(shop).intact, verdict(shop).findings
    with_mail = verify.verify(verify.log_location(shop.settings, [mailed]))
    assert "its first entries were others" in with_mail.sentence


def test_an_older_copy_is_told_from_the_newest(tmp_path: Path) -> None:
    shop = new_shop(tmp_path / "shop")
    shop.sells(1, date(2026, 11, 19))
    shop.sends(SATURDAY)
    store = shop.home / "var" / "conversions.db"
    older = store.read_bytes()
    shop.sends(SUNDAY)
    store.write_bytes(older)
    for beside in ("-wal", "-shm"):
        store.with_name(f"{store.name}{beside}").unlink(missing_ok=True)

    assert "the store is an older copy" in verdict(shop).sentence


def test_a_store_that_is_gone_is_remembered(shop: Shop) -> None:
    shop.settings.store_path.unlink()

    assert "is gone" in verdict(shop).sentence


def test_where_there_never_was_a_store_there_is_nothing_wrong(tmp_path: Path) -> None:
    found = verdict(new_shop(tmp_path / "shop"))

    assert found.intact
    assert found.notes == ["There is no store yet."]


@pytest.mark.parametrize("content", [b"", b"no database at all" * 300, b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_store_is_a_finding(shop: Shop, content: bytes) -> None:
    shop.settings.store_path.write_bytes(content)
    for beside in ("-wal", "-shm"):
        shop.settings.store_path.with_name(f"conversions.db{beside}").unlink(missing_ok=True)

    assert not verdict(shop).intact


# checkpoints and the tail file


def forged(shop: Shop, **changes: object) -> None:
    path = list(checkpoints.checkpoint_files(shop.settings.checkpoints_path))[-1]
    told = checkpoints.parse(path.read_text())
    signed = {"store_id": told.store_id, "size": told.size, "root": told.root, "seed": bytes(32)} | changes
    path.write_text(checkpoints.sign(**signed))  # type: ignore[arg-type]


def test_a_checkpoint_that_a_stranger_signed_is_found(shop: Shop) -> None:
    forged(shop)

    assert any("not signed by a key that the log knows" in finding for finding in said(shop))


def test_a_checkpoint_of_another_store_is_found(shop: Shop) -> None:
    forged(shop, store_id="0" * 32)

    assert any("is of another store" in finding for finding in said(shop))


def test_a_checkpoint_that_cannot_be_read_is_found(shop: Shop) -> None:
    next(checkpoints.checkpoint_files(shop.settings.checkpoints_path)).write_bytes(b"\xff")

    assert any("cannot be read" in finding for finding in said(shop))


@pytest.mark.parametrize("content", [b"", b"no time stamp", bytes(3000)])
def test_a_time_stamp_that_is_not_of_its_checkpoint_is_found(shop: Shop, content: bytes) -> None:
    next(checkpoints.checkpoint_files(shop.settings.checkpoints_path)).with_suffix(".tsr").write_bytes(content)

    assert any(finding.startswith("the time stamp") for finding in said(shop))


def test_a_line_of_the_tail_file_that_a_crash_cut_short_is_no_finding(shop: Shop) -> None:
    with shop.settings.tail_path.open("ab") as tail:
        tail.write(b'{"store":"4f')

    assert verdict(shop).intact


def test_a_line_of_the_tail_file_that_says_something_else_is_found(shop: Shop) -> None:
    lines = shop.settings.tail_path.read_bytes().splitlines()
    lines[1] = orjson.dumps(orjson.loads(lines[1]) | {"root": EMPTY.hex()})
    shop.settings.tail_path.write_bytes(b"\n".join(lines))

    assert any(finding.startswith("line 2 of the tail file") for finding in said(shop))


def test_checkpoints_of_a_key_that_was_rotated_stay_good(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from conversions.ledger.checkpoints import signed_note

    monkeypatch.setenv("CONVERSIONS_LOG_KEY", "ab" * 32)
    settings = shop.settings
    with open_shared(settings, shop.clock) as ledger:
        public = signed_note.public_key(checkpoints.signing_seed(settings)).hex()
        bindings.change(ledger, checkpoints.PIN, public, "a test")
        assert runs.record_tree_head(ledger)

    found = verdict(shop)
    assert found.intact, found.findings
    assert found.checkpoints == 3


# what is gone for a reason


def test_a_payload_that_was_erased_is_no_finding(shop: Shop) -> None:
    erase(shop)

    found = verdict(shop)
    assert (found.intact, found.erased) == (True, 1), found.findings


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        ("UPDATE erasure SET case_no = 'another'", "differs from erasure 1 in case"),
        ("UPDATE erasure SET operator = 'somebody else'", "differs from erasure 1 in operator"),
        ("UPDATE erasure SET events = events + 1", "differs from erasure 1 in count"),
        ("UPDATE objection SET case_no = 'another'", "differs from objection 1 in case"),
        ("UPDATE objection SET kind = 'other'", "differs from objection 1 in kind"),
        ("UPDATE task SET closed_reason = 'never' WHERE id = 1", "differs from task 1 in reason"),
        ("UPDATE task SET closed_us = 1 WHERE id = 2", "task 2 has no entry of kind 'task closed'"),
    ],
)
def test_what_was_altered_of_an_erasure_is_named(shop: Shop, alter: str, expected: str) -> None:
    with open_shared(shop.settings, shop.clock) as ledger:
        with ledger.transaction() as connection:
            subject = connection.exec_driver_sql("SELECT subject FROM sale ORDER BY id").scalars().first()
        assert subject
        erasure.erase_person(ledger, (subject,), "2026-17")
        recipient_notices.close(ledger, 1, "by letter")
    assert verdict(shop).intact
    with shop.tampered() as store:
        store.execute(alter)

    found = said(shop)
    assert any(expected in finding for finding in found), found


def test_an_erased_event_still_proves_what_it_was(shop: Shop) -> None:
    erase(shop)
    with shop.tampered() as store:
        (event,) = store.execute("SELECT min(id) FROM event").fetchone()
        stored.alter(store, event, body=None, salts=bytes(32))

    assert any("commits to other events" in finding for finding in said(shop))


def test_ranges_of_erased_events_cover_what_lies_in_them() -> None:
    row_verifier = RowVerifier(sqlite3.connect(":memory:"))
    row_verifier.erased_ranges = [(30, 40), (1, 9), (5, 6), (35, 37), (20, 20)]

    assert list(row_verifier.unexplained([0, 1, 7, 9, 10, 20, 21, 30, 38, 40, 41])) == [0, 10, 21, 41]


def test_a_clock_that_was_set_back_is_noted_and_no_finding(shop: Shop) -> None:
    shop.sends(SUNDAY - timedelta(seconds=30))

    found = verdict(shop)
    assert found.intact, found.findings
    assert any("clock was set back" in note for note in found.notes)


# how it goes about it


def test_helpers_find_what_one_process_finds(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    with shop.tampered() as store:
        altered_event(store)
    alone = verdict(shop)
    monkeypatch.setattr(payloads, "EVENTS_WITHOUT_WORKERS", 0)
    monkeypatch.setattr(payloads, "REQUESTS_PER_CHUNK", 2)

    together = verdict(shop)

    assert (together.events, together.findings) == (alone.events, alone.findings)


def test_a_store_that_grows_meanwhile_is_looked_at_again(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    real = payloads.check_payloads

    def erased_meanwhile(path: Path, store: sqlite3.Connection, since: int) -> Iterator[payloads.CheckedRequests]:
        """As a helper process sees it, whose store is newer than that of the process that asked."""
        looks.append(1)
        if len(looks) == 1:
            erase(shop)
            with open_store(path) as newer:
                return iter(list(real(path, newer, since)))
        return real(path, store, since)

    monkeypatch.setattr(payloads, "check_payloads", erased_meanwhile)

    assert verdict(shop).intact
    assert len(looks) == 2


def test_the_root_of_a_checkpoint_is_that_over_the_entries(past: Shop) -> None:
    with past.tampered() as store:
        bodies = [body.encode() for (body,) in store.execute("SELECT body FROM leaf ORDER BY seq")]

    newest = list(checkpoints.checkpoint_files(past.settings.checkpoints_path))[-1].read_text().splitlines()
    assert (int(newest[1]), base64.b64decode(newest[2])) == (len(bodies), root_of(bodies))
    assert leaf_hash(bodies[0]) != root_of(bodies)


@pytest.mark.parametrize("kind", ["policy recorded", "policy approved", "rules recorded", "rules approved"])
def test_an_approval_that_forgets_the_one_before_it_is_a_fault(kind: str) -> None:
    """Who deletes the binding by hand makes the next run a first run, and its entry replaces nothing."""
    store = sqlite3.connect(":memory:")
    store.execute("CREATE TABLE document(sha256, body)")
    rows = RowVerifier(store, bindings={kind.split(maxsplit=1)[0]: "a" * 64})
    body = {"seq": 9, "t": 1, "kind": kind, "old": None, "new": "b" * 64, "policy": "b" * 64, "changed": {}}
    rows.read(9, orjson.dumps(body).decode())
    assert "replaces another" in str(rows.findings)
