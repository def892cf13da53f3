"""What the store's file says of itself must be what its rows say."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conversions.audit.verify import verify
from conversions.ledger import open_shared
from conversions.ledger.subjects import suppressions
from tests.audit.shop import Shop


@pytest.fixture
def shop(past: Shop, tmp_path: Path) -> Shop:
    return past.copy(tmp_path / "shop")


def findings(shop: Shop) -> list[str]:
    return [str(each) for each in verify.verify(verify.log_location(shop.settings)).findings]


def test_an_index_that_overlooks_an_objection_is_found(shop: Shop) -> None:
    """The row stays, its definition stays, and only the index that a run asks does not have it any more."""
    subject, name = bytes(16), "uq_objection_in_force"
    with open_shared(shop.settings, shop.clock) as ledger:
        suppressions.add(ledger, (subject,), "by telephone")
    path = shop.settings.store_path
    asked = "SELECT count(*) FROM objection INDEXED BY uq_objection_in_force WHERE subject = ? AND removed_us IS NULL"
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        row = store.execute("SELECT * FROM sqlite_schema WHERE name = ?", (name,)).fetchone()
        store.execute("PRAGMA writable_schema = ON")
        store.execute("DELETE FROM sqlite_schema WHERE name = ?", (name,))
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        store.execute("UPDATE objection SET subject = x'01'")
        store.execute("PRAGMA writable_schema = ON")
        store.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        assert store.execute(asked, (b"\x01",)).fetchone() == (0,)

    assert any("the store's file is damaged" in each and name in each for each in findings(shop)), findings(shop)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "the schema's version is not"),
        ("CREATE VIEW copies AS SELECT * FROM event", "the view 'copies' does not belong in the store"),
        ("DROP INDEX uq_objection_in_force", "the index 'uq_objection_in_force' is missing"),
        ("ALTER TABLE look RENAME COLUMN subject TO person", "the table 'look' has another definition"),
    ],
)
def test_a_schema_that_is_not_this_program_s_is_named(shop: Shop, sql: str, expected: str) -> None:
    with shop.tampered() as store:
        store.execute(sql)

    assert any(expected in each for each in findings(shop)), findings(shop)


def test_a_schema_that_cannot_be_read_stops_nothing(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.settings.store_path, isolation_level=None)) as store:
        store.execute("PRAGMA writable_schema = ON")
        store.execute("UPDATE sqlite_schema SET sql = 'CREATE TABLE look (' WHERE name = 'look'")

    assert findings(shop)
