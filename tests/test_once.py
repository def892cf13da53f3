"""What tests make once is what the program makes each time."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conversions.ledger import schema, store
from conversions.ledger.schema.version import migrate

NOW = datetime(2026, 11, 22, 5, 15, tzinfo=UTC)


def _created(directory: Path) -> list[str]:
    """Everything in a new store but its id."""
    path = directory / "var" / "conversions.db"
    store.create(path, directory / "tail", rehearsal=False, at=NOW)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE head SET store_id = ''")
        settings = [f"{name} {db.execute(f'PRAGMA {name}').fetchone()}" for name in ("page_size", "encoding")]
        return [*settings, *db.iterdump()]


def test_a_new_store_is_the_one_that_the_migrations_make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert schema.migrate is not migrate
    copied = _created(tmp_path / "copied")
    monkeypatch.setattr(schema, "migrate", migrate)

    assert copied == _created(tmp_path / "migrated")
