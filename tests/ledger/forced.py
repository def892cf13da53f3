"""States that only a test gives an order: a connection on which the view ``delivery`` can be written to."""

from typing import Any

from conversions.ledger.schema import tables

_NAMES = [column.name for column in tables.exception.columns]
_OWN = f"""
    INSERT OR IGNORE INTO exception({", ".join(_NAMES)}) SELECT {", ".join(_NAMES)} FROM delivery WHERE id = OLD.id;
    UPDATE batch SET regular = regular - 1 WHERE id = OLD.place >> 12;
    UPDATE delivery_place SET place = NULL WHERE id = OLD.id;
"""
_IS_VIEW = "SELECT 1 FROM sqlite_schema WHERE type = 'view' AND name = 'delivery'"
_TRIGGERS = (
    f"""
    CREATE TEMP TRIGGER IF NOT EXISTS force INSTEAD OF UPDATE ON main.delivery BEGIN {_OWN}
    UPDATE exception SET {", ".join(f"{name} = NEW.{name}" for name in _NAMES)} WHERE id = OLD.id; END
    """,
    f"""
    CREATE TEMP TRIGGER IF NOT EXISTS forget INSTEAD OF DELETE ON main.delivery BEGIN {_OWN}
    DELETE FROM exception WHERE id = OLD.id; DELETE FROM delivery_place WHERE id = OLD.id; END
    """,
)


def allow(connection: Any) -> None:
    """Let statements of this SQLite connection update and delete rows of ``delivery``, as if it were a table.

    In a store of an earlier release it is one.
    """
    execute = getattr(connection, "exec_driver_sql", connection.execute)
    for trigger in _TRIGGERS if execute(_IS_VIEW).fetchone() else ():
        execute(trigger)
