"""The objects that belong in a store, by their definitions: a trigger or a view could change what a run reads.

The migrations are the one place of the definitions. SQLite's own objects, such as the index of a primary key, have a
reserved name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from conversions.ledger.schema.tables import metadata
from conversions.ledger.schema.version import migrate
from conversions.ledger.schema.views import delivery

SELECT_OBJECTS = "SELECT type, name, sql FROM sqlite_schema"
_OWN = re.compile(r"sqlite_(autoindex_\w+|sequence|stat[14])")
_VERSION_TABLE = "alembic_version"


class SchemaObject(NamedTuple):
    """A table, index, view or trigger of a store, as SQLite describes it."""

    type: str
    name: str
    sql: str | None


def foreign_objects(connection: Connection) -> list[str]:
    """Name the triggers of a store, and its objects that no table of this program has; fast enough for each run."""
    tables = metadata.tables.values()
    known = {("view", delivery.name)} | {("table", name) for name in (*metadata.tables, _VERSION_TABLE)}
    known |= {("index", str(index.name)) for table in tables for index in table.indexes}
    stored = [SchemaObject(*row) for row in connection.exec_driver_sql(SELECT_OBJECTS)]
    return [f"{each.type} {each.name!r}" for each in stored if each[:2] not in known and not _is_own(each)]


@cache
def definitions() -> dict[tuple[str, str], str]:
    """The text that defines each object of a store of this program's schema, by type and name."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection, connection.begin():
        migrate(connection)
        stored = [SchemaObject(*row) for row in connection.exec_driver_sql(SELECT_OBJECTS)]
    engine.dispose()
    return {(each.type, each.name): _plain(each.sql) for each in stored if not _is_own(each)}


def differences(
    stored: Iterable[SchemaObject], expected: Mapping[tuple[str, str], str]
) -> Iterator[tuple[SchemaObject, str]]:
    """Yield the objects that do not belong in the store, have another definition, or are missing."""
    missing = dict(expected)
    for item in stored:
        definition = missing.pop((item.type, item.name), None)
        if definition is None and not _is_own(item):
            yield item, "does not belong in the store"
        elif definition is not None and definition != _plain(item.sql):
            yield item, "has another definition than this program gave it"
    for kind, name in missing:
        yield SchemaObject(kind, name, None), "is missing"


def _is_own(item: SchemaObject) -> bool:
    return item.type in {"table", "index"} and _OWN.fullmatch(item.name) is not None


def _plain(sql: str | None) -> str:
    """A definition with single spaces, because libraries break lines at other places from version to version."""
    return " ".join((sql or "").split())
