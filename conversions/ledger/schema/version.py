"""Which schema a store has, and how it is brought to this program's; only `conversions upgrade` and `restore` do."""

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from conversions.errors import LedgerError, SettingsError

REVISION = "0004"
"""The schema this program works on."""
OLDER = ("0001", "0002", "0003")
"""Those that it can bring here."""


def current(connection: Connection) -> str:
    """The store's schema."""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def check(connection: Connection, path: Path) -> None:
    """Raise SettingsError where the store is to be upgraded first, LedgerError where this program is too old for it."""
    found = current(connection)
    if found in OLDER:
        raise SettingsError(
            f"The store {path} has schema {found}, this version of conversions works on {REVISION}: bring it here with "
            "`conversions upgrade`, which keeps a copy."
        )
    check_not_newer(connection, path)


def check_not_newer(connection: Connection, path: Path) -> None:
    """Raise LedgerError where this program is too old for the store."""
    found = current(connection)
    if found not in (*OLDER, REVISION):
        raise LedgerError(
            f"The store {path} has schema {found}, this version of conversions works on {REVISION}: use "
            f"{_last_used_with(connection)}; nothing was touched."
        )


def migrate(connection: Connection) -> None:
    """Bring the store to ``REVISION`` inside the transaction that is open."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "conversions.ledger.schema:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, REVISION)


def _last_used_with(connection: Connection) -> str:
    """The version that wrote the newest run, where a newer schema still says so."""
    newest = "SELECT version FROM run ORDER BY id DESC LIMIT 1"
    try:
        version = connection.exec_driver_sql(newest).scalar()
    except DBAPIError:
        version = None
    return f"version {version} or a newer one, with which it was last used" if version else "a newer version"
