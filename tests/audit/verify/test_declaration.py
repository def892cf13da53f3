"""Every column says how far ``audit verify`` vouches for it, and the verifier keeps what the declaration promises."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from conversions.audit.verify import scope
from conversions.audit.verify.declaration import DECLARATIONS, ROWS, Cover
from conversions.audit.verify.verify import log_location, verify
from conversions.ledger.schema.tables import metadata
from conversions.settings import Settings
from tests.audit import schema_tampering
from tests.audit.rich_store import rich_store
from tests.audit.tampering import whole

SCHEMA = {name: {column.name for column in table.columns} for name, table in metadata.tables.items()}


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = rich_store(tmp_path_factory.mktemp("rich") / "shop")
    whole(settings.store_path.parents[1])
    return settings


def test_every_column_of_the_schema_is_declared_and_no_other() -> None:
    declared = {table: set(columns) - {ROWS} for table, columns in DECLARATIONS.items()}

    assert declared == SCHEMA | {"alembic_version": {"version_num"}}
    assert [table for table, columns in DECLARATIONS.items() if ROWS not in columns] == []
    assert [each for columns in DECLARATIONS.values() for each in columns.values() if not each.by] == []


def test_what_is_not_altered_is_intact(rich: Settings) -> None:
    result = verify(log_location(rich))

    assert result.intact, result.findings


def test_the_declaration_is_kept(rich: Settings, tmp_path: Path) -> None:
    """The middle row of each column, all of its rows, and rows deleted, emptied or added."""
    listed = list(schema_tampering.alterations(rich.store_path))
    promised = [each for each in listed if each.column and cover(each) in {Cover.BOUND, Cover.DERIVED}]
    chosen = [each for each in promised if each.how in {"row 1", "all rows", "row 1 deleted", "emptied", "row added"}]

    outcomes = [schema_tampering.trial(rich, tmp_path / "altered.db", each) for each in chosen]

    missed = [(e.alteration.table, e.alteration.column, e.alteration.how) for e in outcomes if e.missed]
    assert missed == []
    assert len([each for each in outcomes if each.result == "found"]) > 150


def cover(alteration: schema_tampering.Alteration) -> Cover:
    return DECLARATIONS[alteration.table][alteration.column].cover


def test_the_sum_of_a_set_that_has_no_row_any_more_is_kept(rich: Settings, tmp_path: Path) -> None:
    emptied = schema_tampering.Alteration(
        "bound", ROWS, "emptied sets deleted", lambda store: store.execute("DELETE FROM bound WHERE rows = 0")
    )
    assert schema_tampering.trial(rich, tmp_path / "altered.db", emptied).result == "found"


def definitions(settings: Settings) -> Iterator[schema_tampering.Alteration]:
    chosen = {"run", "objection", "exception", "delivery", "alembic_version", "request_part", "sqlite_schema", "event"}
    for each in schema_tampering.alterations(settings.store_path):
        if not each.column and each.table in chosen:
            yield each


def test_a_schema_that_is_not_this_program_s_is_found(rich: Settings, tmp_path: Path) -> None:
    outcomes = [schema_tampering.trial(rich, tmp_path / "altered.db", each) for each in definitions(rich)]

    assert [each.alteration for each in outcomes if each.result == "not found"] == []
    assert len(outcomes) > 35


def test_the_verifier_says_what_it_checks_and_what_it_does_not() -> None:
    *sentences, past_the_log = scope.sentences()

    assert len(sentences) == 4
    assert "`conversions audit compare`" in past_the_log
    named = {table for table in SCHEMA if any(f" {table}" in sentence for sentence in sentences)}
    assert named == set(SCHEMA)
    assert sum(len(columns) for columns in scope.json().values()) == sum(map(len, SCHEMA.values())) + 1
    assert "exception.stated_minor" in scope.json()["unbound"]
