"""Bringing each release's store to this program's schema: the same tables as a new one, and the same content."""

import re
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from conversions.errors import SettingsError
from conversions.ledger import schema, store
from conversions.ledger.maintenance import upgrade
from conversions.settings import Settings, load
from tests.ledger.builders import Clock

RELEASES = {
    "0001": "first_release",
    "0002": "second_release",
    "0003": "third_release",
    "0004": "fourth_release",
    "0005": "fifth_release",
}
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


def columns_of(kept: Path) -> dict[str, list[str]]:
    with closing(sqlite3.connect(kept / "conversions.db")) as db:
        names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: [column[1] for column in db.execute(f"PRAGMA table_info({name})")] for name in names}


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
    before, names = rows_of(kept, old.store_path), columns_of(kept)

    upgrade.upgrade(old, Clock())

    after = rows_of(kept, old.store_path)
    for name in set(before) - {"alembic_version", "head", "leaf", "node"}:
        coded = [names[name].index(column) for column in CODED.get(name, ()) if column in names[name]]
        assert without(after[name], coded) == without(before[name], coded), name
    assert set(before["leaf"]) < set(after["leaf"])
    assert set(before["node"]) < set(after["node"])


def test_each_text_has_become_one_code(old: Settings, kept: Path) -> None:
    before, names = rows_of(kept, old.store_path), columns_of(kept)

    upgrade.upgrade(old, Clock())

    after = rows_of(kept, old.store_path)
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
    assert sorted(rows) == (sorted(maybe) if schema_of in {"0003", "0004"} else [])


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
