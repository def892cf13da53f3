"""Compares the definitions of the store's tables, indexes, views and triggers with this program's schema.

An index with other content than its table would make runs overlook rows, such as an objection.
"""

import sqlite3
from collections.abc import Iterator

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.schema import REVISION
from conversions.ledger.schema.definitions import SELECT_OBJECTS, SchemaObject, definitions, differences


def compare(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield what does not belong in the store, is missing, or has another definition."""
    stored = [SchemaObject(*row) for row in store.execute(SELECT_OBJECTS)]
    for item, difference in differences(stored, definitions()):
        yield VerificationFinding(f"the {item.type} {item.name!r}", difference)
    if store.execute("SELECT version_num FROM alembic_version").fetchall() != [(REVISION,)]:
        yield VerificationFinding("the schema's version", f"is not {REVISION}")


def check_file(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield damaged pages, and indexes that do not have the rows of their tables."""
    for (message,) in store.execute("PRAGMA integrity_check"):
        if message != "ok":
            yield VerificationFinding("the store's file", f"is damaged: {str(message).splitlines()[0]}")
