"""Bringing each release's store to this program's schema: the same tables as a new one, and the same content."""

import hmac
import os
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from sqlalchemy import Connection

from conversions.audit.verify import verify
from conversions.errors import LedgerError, SettingsError
from conversions.ledger import log, open_shared, runs, schema, store
from conversions.ledger.maintenance import backup, migration_totals, restore, schema_copies, upgrade
from conversions.ledger.subjects import erasure
from conversions.settings import Settings, load
from tests.ledger import stored
from tests.ledger.builders import Clock

RELEASES = {
    "0001": "first_release",
    "0002": "second_release",
    "0003": "third_release",
    "0004": "fourth_release",
    "0005": "fifth_release",
    "0008": "sixth_release",
}
"""By schema, where a store of it is kept."""
UNSEALED = [release for release in RELEASES if release < schema.SEALED_SINCE]
"""Those whose events are rows of their own."""


@pytest.fixture(params=RELEASES)
def schema_of(request: pytest.FixtureRequest) -> str:
    """Of a store of each release."""
    return str(request.param)


@pytest.fixture
def kept(schema_of: str) -> Path:
    """That store's directory."""
    return Path(__file__).parents[1] / RELEASES[schema_of]


@pytest.fixture
def old(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Where its release left it."""
    monkeypatch.setenv("CONVERSIONS_KEY", "5e" * 32)
    (tmp_path / "var").mkdir(mode=0o700)
    shutil.copy(kept / "conversions.db", tmp_path / "var")
    for name in ("conversions.toml", "privacy-policy.toml", "var-conversions.tail"):
        shutil.copy(kept / name, tmp_path)
    return load(tmp_path / "conversions.toml")


def tables_of(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
        return {name: sorted(row[1:4] for row in db.execute(f"PRAGMA table_info({name})")) for name in names}


MOVED = {"event", "request_event", "alembic_version", "head", "leaf", "node"}
"""Tables that are gone or have other columns, and those that grow."""
OF_BATCH = {"run", "judged_run", "due_minor", "ready_at"}
"""What a batch says of its orders, one by one in ``schema.test_regular_orders``."""
GONE = {"delivery": {"wire_id", "scheme", "subject", *OF_BATCH}}
"""Columns that are gone, or have less."""


def rows_of(path: Path, columns: dict[str, list[str]]) -> dict[str, list[tuple[object, ...]]]:
    """What a store has in these columns."""
    with closing(sqlite3.connect(path)) as db:
        return {
            name: db.execute(f"SELECT {', '.join(names)} FROM {name} ORDER BY 1").fetchall()
            for name, names in columns.items()
        }


def columns_of(kept: Path) -> dict[str, list[str]]:
    """The columns that a release and this program have, by table."""
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {name: [column[1] for column in db.execute(f"PRAGMA table_info({name})")] for name in names}
    return {
        name: [column for column in columns[name] if column not in GONE.get(name, set())]
        for name in names
        if name not in MOVED
    }


def is_sealed(kept: Path) -> bool:
    """Whether its events are in batches."""
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        return "batch" in {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def committed(salt: bytes, body: bytes | None) -> bytes:
    """The commitment to the bytes of an event, which an erased event keeps in the place of its salt."""
    return salt if body is None else hmac.digest(salt, body, "sha256")


def old_requests(kept: Path) -> list[tuple[int, int]]:
    """Request and event of each position of each request that a release kept."""
    if is_sealed(kept):
        requests = stored.events_of_requests(kept / "conversions.db")
        return [(request, event.id) for request in sorted(requests) for event in requests[request]]
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        return db.execute("SELECT request, event FROM request_event ORDER BY request, position").fetchall()


def old_events(kept: Path) -> dict[int, tuple[bytes | None, bytes | None, bytes | None]]:
    """Buyer, bytes and commitment of each event that a release kept."""
    if is_sealed(kept):
        return {
            event.id: (event.subject, event.body, committed(event.salts[:32], event.body))
            for event in stored.events(kept / "conversions.db")
        }
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        names = {column[1] for column in db.execute("PRAGMA table_info(event)")}
        commitment = "commitment" if "commitment" in names else "NULL"
        rows = db.execute(f"SELECT id, subject, bytes, salt, {commitment} FROM event").fetchall()
    return {
        event: (subject, body, hmac.digest(salt, body, "sha256") if body is not None else commitment)
        for event, subject, body, salt, commitment in rows
    }


def findings(settings: Settings) -> list[str]:
    return [str(finding) for finding in verify.verify(verify.log_location(settings)).findings]


def content(path: Path) -> list[str]:
    """Everything a store holds, as statements."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def without(rows: list[tuple[object, ...]], places: list[int]) -> list[tuple[object, ...]]:
    return sorted((tuple(cell for at, cell in enumerate(row) if at not in places) for row in rows), key=repr)


def test_the_schema_is_a_new_store_s(old: Settings, schema_of: str, tmp_path: Path) -> None:
    new = tmp_path / "new" / "conversions.db"
    store.create(new, tmp_path / "new.tail", rehearsal=True, at=Clock()())

    done = upgrade.upgrade(old, Clock())

    assert (done.before, done.after) == (schema_of, schema.REVISION)
    assert tables_of(old.store_path) == tables_of(new)


CODED = {
    "delivery": ("reason", "detail"),
    "history": ("reason",),
    "row_rejected": ("reason",),
    "judgement_count": ("reason",),
    "told": ("about",),
    "revision": ("detail",),
    "request": ("outcome", "verdict"),
    "task": ("what",),
}
"""Columns that held texts before schema 0004."""
OF_PLATFORM = re.compile(r"[0-9A-Z_/]+( [0-9A-Z_/]+)*(;earlier_unanswered)?")
"""What a platform says stays as it is."""


def test_everything_that_was_there_is_there(old: Settings, kept: Path) -> None:
    names = columns_of(kept)
    log_before = rows_of(old.store_path, LOG)
    before = rows_of(old.store_path, names)

    upgrade.upgrade(old, Clock())

    after = rows_of(old.store_path, names)
    for name in before:
        coded = [names[name].index(column) for column in CODED.get(name, ()) if column in names[name]]
        assert without(after[name], coded) == without(before[name], coded), name
    log_after = rows_of(old.store_path, LOG)
    assert all(set(log_before[name]) < set(log_after[name]) for name in LOG)


LOG = {"leaf": ["seq", "body"], "node": ["level", "position", "hash"]}


def test_each_event_keeps_its_buyer_its_bytes_and_its_commitment(old: Settings, kept: Path) -> None:
    before = old_events(kept)

    upgrade.upgrade(old, Clock())

    after = {event.id: event for event in stored.events(old.store_path)}
    assert after.keys() == before.keys()
    for key, (subject, body, commitment) in before.items():
        event = after[key]
        assert (event.subject, event.body) == (subject, body)
        if event.request_count:
            assert committed(event.salts[:32], body) == commitment


def test_each_request_is_byte_for_byte_what_left(old: Settings, kept: Path) -> None:
    rows = old_requests(kept)

    upgrade.upgrade(old, Clock())

    events = stored.events_of_requests(old.store_path)
    assert rows
    assert [(request, event.id) for request in sorted(events) for event in events[request]] == rows
    assert findings(old) == []


@pytest.mark.parametrize("schema_of", UNSEALED)
def test_events_that_no_request_contains_are_sealed_as_new_ones(old: Settings) -> None:
    upgrade.upgrade(old, Clock())

    with closing(sqlite3.connect(old.store_path)) as db:
        unnamed = db.execute("SELECT form FROM blob JOIN batch b ON b.id = blob.batch WHERE b.request IS NULL")
        assert {form for (form,) in unnamed} <= {2}
    assert all(len(event.salts) == (64 if event.request_count else 32) for event in stored.events(old.store_path))


def test_the_ids_of_orders_whose_bytes_are_gone_are_kept(old: Settings, kept: Path) -> None:
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        ids = dict(db.execute("SELECT id, wire_id FROM delivery WHERE wire_id IS NOT NULL"))
        gone = {event >> 8 for event, (_, body, _) in old_events(kept).items() if body is None}
        gone |= {order for (order,) in db.execute("SELECT id FROM delivery WHERE state = 'erased'")}

    upgrade.upgrade(old, Clock())

    with closing(sqlite3.connect(old.store_path)) as db:
        after = dict(db.execute("SELECT id, wire_id FROM delivery WHERE wire_id IS NOT NULL"))
        rectified = {
            order for (order,) in db.execute("SELECT d.id FROM rectified_order x JOIN delivery d ON d.sale = x.sale")
        }
    assert after == {order: name for order, name in ids.items() if order in after}
    assert (gone & ids.keys()) <= after.keys() <= gone | rectified


@pytest.mark.parametrize("schema_of", UNSEALED)
def test_the_old_tables_leave_nothing_in_the_file(old: Settings, kept: Path) -> None:
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        bodies = [body for (body,) in db.execute("SELECT bytes FROM event WHERE bytes IS NOT NULL")]

    done = upgrade.upgrade(old, Clock())

    files = [path for path in old.store_path.parent.iterdir() if path != done.backup and path.name.startswith("conv")]
    found = b"".join(path.read_bytes() for path in files)
    assert done.wiped
    assert all(body not in found for body in bodies)
    with closing(sqlite3.connect(old.store_path)) as db:
        assert db.execute("PRAGMA freelist_count").fetchone() == (0,)


@pytest.mark.parametrize("schema_of", ["0005", "0008"])
@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("DELETE FROM event WHERE id = (SELECT max(id) FROM event)", "events"),
        (
            "UPDATE exception SET state = 'merged' WHERE id = (SELECT max(id) FROM event) >> 8",
            "orders, events",
        ),
        ("UPDATE exception SET stated_minor = stated_minor + 1 WHERE id = (SELECT max(id) FROM exception)", "orders"),
        ("UPDATE exception SET stated_currency = 'NOK' WHERE id = (SELECT max(id) FROM exception)", "orders"),
        ("DELETE FROM delivery_place WHERE id = (SELECT max(id) FROM event) >> 8", "orders, events"),
        ("DELETE FROM request_part WHERE request = 1", "requests"),
        ("UPDATE request_part SET events = events + 1 WHERE request = 1", "requests"),
        (
            "UPDATE blob SET bytes = NULL WHERE batch = (SELECT max(batch) FROM blob WHERE bytes IS NOT NULL)",
            "payloads",
        ),
        (
            "UPDATE batch SET destination = 9 WHERE id = (SELECT max(batch) FROM blob WHERE bytes IS NOT NULL)",
            "payloads",
        ),
    ],
)
def test_a_migration_that_would_change_a_total_changes_nothing(
    old: Settings, damage: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, migrate = content(old.store_path), schema.migrate

    def damaging(connection: Connection, advance: Callable[[int], None]) -> None:
        migrate(connection, advance)
        connection.exec_driver_sql(damage)

    monkeypatch.setattr(schema, "migrate", damaging)
    with pytest.raises(LedgerError, match=rf"\({named} differ\), so nothing was changed"):
        upgrade.upgrade(old, Clock())

    assert content(old.store_path) == before


def newest_entry(settings: Settings, kind: str) -> dict[str, object]:
    with closing(sqlite3.connect(settings.store_path)) as db:
        bodies = [orjson.loads(body) for (body,) in db.execute("SELECT body FROM leaf ORDER BY seq")]
    return next(body for body in reversed(bodies) if body["kind"] == kind)


@pytest.mark.parametrize("schema_of", UNSEALED)
def test_the_entry_of_the_upgrade_binds_each_event_to_its_order_and_person(old: Settings) -> None:
    upgrade.upgrade(old, Clock())

    done = verify.verify(verify.log_location(old))
    assert done.intact
    entry = newest_entry(old, "upgraded")
    assert [note for note in done.notes if note.startswith(f"Entry {entry['seq']}: the orders and persons")]
    for event in stored.events(old.store_path):
        if event.body is not None and event.request_count:
            assert findings_where(old, event.id) == [
                f"entry {entry['seq']} commits to other orders or persons of the events from before the upgrade"
            ]
            break
    with closing(sqlite3.connect(old.store_path)) as db:
        db.execute("UPDATE sale SET order_no = order_no || 'x'")
        db.commit()
    assert findings(old) != []


def findings_where(settings: Settings, event: int) -> list[str]:
    """The findings while the event has another buyer."""
    with closing(sqlite3.connect(settings.store_path)) as db:
        db.execute("INSERT OR REPLACE INTO earlier_person VALUES (?, randomblob(16))", (event,))
        db.commit()
        found = findings(settings)
        db.execute("DELETE FROM earlier_person WHERE event = ?", (event,))
        db.commit()
    return found


def test_an_erasure_after_the_upgrade_keeps_every_proof(old: Settings) -> None:
    upgrade.upgrade(old, Clock())
    people = {event.subject for event in stored.events(old.store_path) if event.subject is not None}
    for number, subject in enumerate(sorted(people)[:5]):
        with open_shared(old, Clock()) as ledger:
            runs.acquire_epoch(ledger)
            erasure.erase_person(ledger, (subject,), f"E-{number}")
            runs.record_tree_head(ledger)
        assert findings(old) == []
    assert {event.subject for event in stored.events(old.store_path)}.isdisjoint(sorted(people)[:5])


@pytest.mark.parametrize("schema_of", UNSEALED)
def test_an_upgrade_without_the_links_of_older_events_is_found(old: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    append = log.append
    monkeypatch.setattr(
        log,
        "append",
        lambda c, kind, at, facts, **k: append(c, kind, at, {n: v for n, v in facts.items() if n != "links"}, **k),
    )
    upgrade.upgrade(old, Clock())
    assert findings(old) == ["the events from before schema 0007 are bound to no order by an entry of an upgrade"]


@pytest.mark.parametrize("schema_of", ["0008"])
def test_an_altered_row_of_a_store_that_bound_its_rows_is_found_after_the_upgrade(old: Settings) -> None:
    with closing(sqlite3.connect(old.store_path)) as db, db:
        db.execute("UPDATE decision SET reason = 'another' WHERE id = 1")

    upgrade.upgrade(old, Clock())

    assert {"bound", "links"}.isdisjoint(newest_entry(old, "upgraded"))
    assert "the set 'decision'" in str(findings(old))


def test_a_copy_of_an_old_store_is_upgraded_as_it_is_restored(old: Settings, kept: Path) -> None:
    done = upgrade.upgrade(old, Clock())
    assert done.backup is not None
    copy = done.backup.rename(old.store_path.parent.parent / "copy.db")
    old.store_path.unlink()

    restore.restore(old, Clock(), copy, "the disk died")

    assert newest_entry(old, "upgraded")["seq"] == int(str(newest_entry(old, "restored")["seq"])) + 1
    assert [finding for finding in findings(old) if "checkpoint directory" not in finding] == [], "none is kept"
    before = old_events(kept)
    assert {event.id: event.body for event in stored.events(old.store_path)} == {
        e: b for e, (_, b, _) in before.items()
    }


def copies(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.store_path.parent.glob("*.schema-*"))


@pytest.mark.parametrize("schema_of", ["0001", "0005", "0008"])
@pytest.mark.parametrize("steps", [1, 5, 20, 60, 150, 400])
def test_an_upgrade_that_was_killed_begins_again(old: Settings, steps: int, schema_of: str) -> None:
    """Killed after so many thousand steps of SQLite's machine."""
    pid = os.fork()
    if not pid:
        left, connect = [steps], sqlite3.connect

        def count() -> int:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
            return 0

        def counting(*arguments: object, **options: object) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)  # type: ignore[call-overload]
            connection.set_progress_handler(count, 1000)
            return connection

        sqlite3.connect = counting  # type: ignore[assignment]
        try:
            upgrade.upgrade(old, Clock())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)

    done = upgrade.upgrade(old, Clock())

    assert done.before in {schema_of, schema.REVISION}
    assert done.wiped
    assert findings(old) == []
    assert len(copies(old)) == 1
    assert backup.verify(old.store_path.parent / copies(old)[0]).size > 0
    assert upgrade.upgrade(old, Clock()).backup is None


@pytest.mark.parametrize("schema_of", ["0005"])
def test_a_copy_of_an_interrupted_upgrade_is_replaced(old: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migration_totals, "differences", lambda *_: ["orders"])
    for hour in range(3):
        with pytest.raises(LedgerError):
            upgrade.upgrade(old, lambda hour=hour: datetime(2026, 12, 4, hour, tzinfo=UTC))  # type: ignore[misc]
    assert len(copies(old)) == 1
    assert copies(old)[0].endswith("20261204T020000Z")


def test_the_copy_expires_after_thirty_days(tmp_path: Path) -> None:
    at, path = datetime(2026, 11, 30, 12, tzinfo=UTC), tmp_path / "conversions.db"
    copy = schema_copies.new_path(path, "0005", at)
    others = [path, tmp_path / "conversions.db.replaced-20200101T000000Z", tmp_path / "conversions.db.schema-0005-mine"]
    for each in (copy, *others):
        each.touch()

    assert schema_copies.kept_until(copy.name) == at + timedelta(days=30)
    assert [schema_copies.kept_until(each.name) for each in others] == [None, None, None]
    assert schema_copies.delete_expired(path, at + timedelta(days=30)) == []
    assert schema_copies.delete_expired(path, at + timedelta(days=30, seconds=1)) == [copy.name]
    assert not copy.exists()
    assert all(each.exists() for each in others)


def test_each_text_has_become_one_code(old: Settings, kept: Path) -> None:
    names = columns_of(kept)
    before = rows_of(old.store_path, names)

    upgrade.upgrade(old, Clock())

    after = rows_of(old.store_path, names)
    for name, columns in CODED.items():
        for at in (names[name].index(column) for column in columns if name in names and column in names[name]):
            texts = Counter(str(row[at]).split("; ")[0] for row in before[name])
            found = Counter(str(row[at]).split(";")[0] for row in after[name])
            assert sorted(texts.values()) == sorted(found.values()), (name, texts, found)
            codes = {str(row[at]) for row in after[name] if row[at]}
            assert {code for code in codes if " " in code and not OF_PLATFORM.fullmatch(code)} == set()


def test_a_restatement_without_a_certain_end_is_known_by_a_column(old: Settings, schema_of: str) -> None:
    upgrade.upgrade(old, Clock())

    with closing(sqlite3.connect(old.store_path)) as db:
        rows = db.execute("SELECT state, detail FROM revision WHERE unconfirmed ORDER BY id").fetchall()
    maybe = [("withheld", "maybe_received"), ("rejected", "400/INVALID_ARGUMENT/INVALID_EVENT INVALID_EVENT")]
    assert sorted(rows) == (sorted(maybe) if schema_of >= "0003" else [])


def test_a_program_that_is_older_or_newer_than_the_store_opens_nothing(old: Settings) -> None:
    with (
        pytest.raises(SettingsError, match="`conversions upgrade`"),
        store.connect(old.store_path, old.tail_path, Clock(), rehearsal=True),
    ):
        pass


def test_the_older_schemas_are_those_of_releases() -> None:
    """0006 and 0007 are steps to 0008: no release has a store of theirs."""
    versions = Path(schema.__file__).parent / "migrations" / "versions"
    found = sorted(path.name[:4] for path in versions.glob("0*.py"))
    assert found == sorted({*schema.OLDER, "0006", "0007", schema.REVISION})
    assert sorted(RELEASES) == list(schema.OLDER)
