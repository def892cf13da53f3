"""The ledger's statements: PostgreSQL prepares each of them, and only the listed modules use SQLite's own words."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import ClauseElement, Connection, Executable, Function, TextClause, create_engine

from conversions import ledger
from conversions.ledger.schema import tables
from conversions.ledger.schema.views import CREATE_DELIVERY
from conversions.ledger.staging import snapshot, temporary_tables
from tests.e2e.servers import postgresql

NATIVE = {
    "schema/dialect.py": "the constructs of both dialects",
    "schema/definitions.py": "how SQLite describes its own schema",
    "schema/migrations": "stores of earlier releases are SQLite files",
    "staging/snapshot.py": "the bulk load of the snapshot",
    "store/": "begin, checks of the file, and its copy",
}
NATIVE_WORDS = re.compile(
    r"json_each|json_extract|driver_connection|exec_driver_sql|PRAGMA|\biif\(|\binstr\(|INSERT OR|dialects\.sqlite|\btemp\."
)
CREATE_TABLES = (
    "standing/readings.py _TABLE",
    "staging/drift.py _CREATE_COMPARED",
    "staging/order_numbers.py _CREATE_CANDIDATE",
    "subjects/breach_scope.py _COLLECTION",
)
"""Statements that a server executes and does not prepare, in this sequence."""
LISTED, PARAMETER = re.compile(r"__\[POSTCOMPILE_(\w+?)(?:~~.*?)?\]"), re.compile(r"%\((\w+)\)s")


def modules() -> Iterator[tuple[str, ModuleType]]:
    """Every module of the ledger under its path; stores of earlier releases stay SQLite files."""
    for info in pkgutil.walk_packages(ledger.__path__, f"{ledger.__name__}."):
        if ".migration" not in info.name and not info.ispkg:
            path = info.name.removeprefix(f"{ledger.__name__}.").replace(".", "/")
            yield f"{path}.py", importlib.import_module(info.name)


def constants() -> Iterator[tuple[str, Any]]:
    """Every statement that a module holds as a constant, by path and name."""
    for path, module in modules():
        for name, value in vars(module).items():
            yield from ((f"{path} {name}{place}", statement) for place, statement in _statements(value))


def _statements(value: object) -> Iterator[tuple[str, Any]]:
    match value:
        case Function():
            return
        case TextClause():
            yield "", value
        case ClauseElement() if isinstance(value, Executable):
            yield "", value
        case dict():
            yield from ((f"[{key}]{place}", each) for key, child in value.items() for place, each in _statements(child))
        case tuple() | list():
            yield from (
                (f"[{nth}]{place}", each) for nth, child in enumerate(value) for place, each in _statements(child)
            )


STATEMENTS = dict(constants())


@pytest.fixture(scope="module")
def server() -> Iterator[Connection]:
    with postgresql() as address:
        engine = create_engine(address, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            tables.metadata.create_all(connection)
            connection.exec_driver_sql(CREATE_DELIVERY)
            _create_snapshot(connection)
            temporary_tables.create(connection)
            for name in CREATE_TABLES:
                connection.execute(STATEMENTS[name], {"shop": "shop", "since": "2026-11-01"})
            yield connection
        engine.dispose()


def _create_snapshot(connection: Connection) -> None:
    definitions = snapshot._TABLES
    for ours, theirs in ((" STRICT", ""), ("INTEGER", "BIGINT"), ("BLOB", "BYTEA")):
        definitions = definitions.replace(ours, theirs)
    connection.exec_driver_sql(definitions)


def _as_sent(server: Connection, statement: Any) -> str:
    """The statement as the driver sends it: numbered parameters, and each list with two values."""
    sql, numbers = str(statement.compile(dialect=server.dialect)), dict[str, int]()

    def number(name: str) -> str:
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    sql = LISTED.sub(lambda found: f"{number(found[1] + '_1')}, {number(found[1] + '_2')}", sql)
    return PARAMETER.sub(lambda found: number(found[1]), sql)


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - {*CREATE_TABLES}))
def test_postgresql_prepares_every_statement(server: Connection, name: str) -> None:
    server.exec_driver_sql(f"PREPARE tried AS {_as_sent(server, STATEMENTS[name])}")
    server.exec_driver_sql("DEALLOCATE tried")


def test_statements_are_found() -> None:
    assert {path for path, _ in (name.split(" ", 1) for name in STATEMENTS)} >= {
        "late_results/apply.py",
        "log/entries.py",
    }


def test_only_the_listed_modules_use_words_of_sqlite() -> None:
    home = Path(ledger.__file__).parent
    native = {
        path
        for file in home.rglob("*.py")
        if (path := str(file.relative_to(home))) and NATIVE_WORDS.search(file.read_text())
    }
    listed = tuple(NATIVE)
    assert [path for path in sorted(native) if not path.startswith(listed)] == []
    assert {line for line in NATIVE if not any(path.startswith(line) for path in native)} == set()
