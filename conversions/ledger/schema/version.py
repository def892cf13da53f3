"""The schema version of a store. Only `conversions upgrade` and `conversions restore` migrate it."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from conversions.errors import LedgerError, SettingsError

REVISION = "0009"
"""The schema of this program."""
OLDER = ("0001", "0002", "0003", "0004", "0005", "0008")
"""Schemas that this program can migrate."""
BOUND_SINCE = "0006"
"""The schema since which leaves state the sums of rows."""
SEALED_SINCE = "0007"
"""The schema since which events are in batches, and parts of batches in requests."""


def current(connection: Connection) -> str:
    """The schema of the store."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar())


def check_version(connection: Connection, path: Path) -> None:
    """Raise SettingsError where the store needs an upgrade, LedgerError where this program is too old for the store."""
    version = current(connection)
    if version in OLDER:
        raise SettingsError(
            f"The store {path} has schema {version}, this version of conversions works on {REVISION}: migrate it with "
            "`conversions upgrade`, which keeps a copy."
        )
    check_not_newer(connection, path)


def check_not_newer(connection: Connection, path: Path) -> None:
    """Raise LedgerError where this program is too old for the store."""
    version = current(connection)
    if version not in (*OLDER, REVISION):
        raise LedgerError(
            f"The store {path} has schema {version}, this version of conversions works on {REVISION}: use "
            f"{_last_used_with(connection)}; nothing was changed."
        )


def migrate(connection: Connection, advance: Callable[[int], None] = lambda _events: None) -> None:
    """Migrate the store to ``REVISION`` inside the open transaction; call *advance* for the events that are moved."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "conversions.ledger.schema:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes |= {"connection": connection, "advance": advance}
    command.upgrade(config, REVISION)


def _last_used_with(connection: Connection) -> str:
    """The program version of the newest run, if the newer schema still has that column."""
    newest = text("SELECT version FROM run ORDER BY id DESC LIMIT 1")
    try:
        version = connection.execute(newest).scalar()
    except DBAPIError:
        version = None
    return f"version {version} or a newer one, with which it was last used" if version else "a newer version"
