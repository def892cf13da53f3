"""Bringing each release's store to this program's schema: the same tables as a new one, and the same content."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from conversions.errors import SettingsError
from conversions.ledger import schema, store
from conversions.ledger.maintenance import upgrade
from conversions.settings import Settings, load
from tests.ledger.builders import Clock

RELEASES = {"0001": "first_release", "0002": "second_release"}
"""By schema, where a store of it is kept."""


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


def rows_of(kept: Path, path: Path) -> dict[str, list[tuple[object, ...]]]:
    """What the release kept, in its own columns."""
    with closing(sqlite3.connect(kept / "conversions.db")) as first, closing(sqlite3.connect(path)) as db:
        names = [name for (name,) in first.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        columns = {n: ", ".join(c[1] for c in first.execute(f"PRAGMA table_info({n})")) for n in names}
        return {n: db.execute(f"SELECT {columns[n]} FROM {n} ORDER BY 1").fetchall() for n in names}


def test_the_schema_is_a_new_store_s(old: Settings, schema_of: str, tmp_path: Path) -> None:
    new = tmp_path / "new" / "conversions.db"
    store.create(new, tmp_path / "new.tail", rehearsal=True, at=Clock()())

    done = upgrade.upgrade(old, Clock())

    assert (done.before, done.after) == (schema_of, schema.REVISION)
    assert tables_of(old.store_path) == tables_of(new)


def test_everything_that_was_there_is_there(old: Settings, kept: Path) -> None:
    before = rows_of(kept, old.store_path)

    upgrade.upgrade(old, Clock())

    after = rows_of(kept, old.store_path)
    for name in set(before) - {"alembic_version", "head", "leaf", "node"}:
        assert after[name] == before[name], name
    assert set(before["leaf"]) < set(after["leaf"])
    assert set(before["node"]) < set(after["node"])


def test_a_program_that_is_older_or_newer_than_the_store_opens_nothing(old: Settings) -> None:
    with (
        pytest.raises(SettingsError, match="`conversions upgrade`"),
        store.connect(old.store_path, old.tail_path, Clock(), rehearsal=True),
    ):
        pass


def test_the_older_schemas_are_those_of_the_migrations() -> None:
    versions = Path(schema.__file__).parent / "migrations" / "versions"
    assert sorted(path.name[:4] for path in versions.glob("0*.py")) == [*schema.OLDER, schema.REVISION]
    assert sorted(RELEASES) == list(schema.OLDER)
