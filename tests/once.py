"""What every test would make again and find the same: made once in a process.

A new store gets its objects from the definitions that the migrations left in a store before it; a statement is compiled
once, not once for each store that is opened; so are the command line and the list of time zones. What a test proves is
the same: each is a function of the program alone.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import typer.main
from sqlalchemy import Connection, Engine, create_engine, util
from sqlalchemy.pool import StaticPool
from typer import Typer
from typer.models import CommandInfo

from conversions.ledger import schema
from conversions.ledger.schema.version import migrate
from conversions.ledger.store import sqlite
from conversions.settings import values

STATEMENTS = 5000
"""More than the program has."""


def install() -> None:
    """From now on in this process."""
    schema.migrate = _migrate
    build_once()


def build_once() -> None:
    """All but new stores: those are migrated."""
    vars(sqlite)["create_engine"] = _sharing(create_engine)
    vars(typer.main)["get_command"] = _remembering(typer.main.get_command)
    vars(values)["available_timezones"] = cache(available_timezones)


def _migrate(connection: Connection, advance: Callable[[int], None] | None = None) -> None:
    """The migrations themselves where there is something to migrate."""
    if advance is not None:
        migrate(connection, advance)
        return
    assert connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema").scalar() == 0
    for statement in new_store():
        connection.exec_driver_sql(statement)


@cache
def new_store() -> tuple[str, ...]:
    """The statements that make what the migrations make of an empty store."""
    with closing(sqlite3.connect(":memory:")) as store:
        engine = create_engine("sqlite://", creator=lambda: store, poolclass=StaticPool)
        with engine.connect() as connection, connection.begin():
            migrate(connection)
        dump = tuple(store.iterdump())
    return dump[1:-1]  # not BEGIN and COMMIT


def _remembering(build: Callable[[Typer], Any]) -> Callable[[Typer], Any]:
    """The command line as it was built of the same commands: a test may add one."""

    @cache
    def built(app: Typer, *_commands: CommandInfo) -> Any:
        return build(app)

    return lambda app: built(app, *app.registered_commands)


def _sharing(create: Callable[..., Engine]) -> Callable[..., Engine]:
    """Engines of one dialect and one cache of compiled statements."""
    with (first := create("sqlite://")).connect():
        dialect = first.dialect
    statements = util.LRUCache[Any, Any](STATEMENTS)

    def create_sharing(*arguments: Any, **options: Any) -> Engine:
        engine = create(*arguments, execution_options={"compiled_cache": statements}, **options)
        engine.dialect = dialect
        return engine

    return create_sharing
