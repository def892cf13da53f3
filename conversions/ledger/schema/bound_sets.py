"""The sets of rows that the log binds, so that no row of them can be altered, added or deleted unseen.

Each leaf states the sum of every set that its transaction changed (``ledger.log.bound``); ``audit verify`` recomputes
the sums by itself. The commitment of a row is HMAC-SHA256(salt, RFC 8785 JSON of the set's name and the columns; bytes
as hex). Rows that may hold personal data have a random salt, which is drawn anew with every change: after an erasure or
retention has cleared a column, no guess about its former value can be tested, and the leaf of that transaction, which
states the new sum, explains the change without naming the row. The commitment is kept beside the salt, so that the
verifier can name a row that was altered; nothing else relies on it.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, Table, func, or_, true

from conversions.ledger.schema import tables

_decided = or_(*(tables.destination.c[name].is_not(None) for name in ("read_until", "decided_us", "scored_us")))


class BoundSet(NamedTuple):
    """Rows of one table, and their columns that the log binds."""

    table: Table
    columns: tuple[str, ...]
    rows: ColumnElement[bool] = true()
    """Which rows belong to the set."""
    salted: bool = True
    """Whether the table has ``salt`` and ``commitment`` of these columns; without a salt they hold no personal data."""
    before_claim: bool = True
    """Whether a run compares the set before its first claim; if not, only ``audit verify`` does."""


def _all_columns(table: Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.columns if column.name not in {"salt", "commitment"})


BOUND_SETS = {
    "objection": BoundSet(tables.objection, _all_columns(tables.objection)),
    "erasure": BoundSet(tables.erasure, _all_columns(tables.erasure)),
    "rectification": BoundSet(tables.rectification, _all_columns(tables.rectification)),
    "rectified_order": BoundSet(tables.rectified_order, _all_columns(tables.rectified_order)),
    "pin": BoundSet(tables.pin, ("name", "value", "since_us"), salted=False),
    "destination": BoundSet(tables.destination, _all_columns(tables.destination), _decided, salted=False),
    "waiting": BoundSet(tables.run, ("id", "waiting"), func.coalesce(tables.run.c.waiting, 1) != 0, salted=False),
    "ask": BoundSet(tables.request, ("id", "ask_at", "asked"), tables.request.c.ask_at.is_not(None), salted=False),
    "day_read": BoundSet(tables.day_read, ("day", "orders", "run"), salted=False),
    "acceptance": BoundSet(
        tables.told, ("code", "destination", "about", "accepted"), tables.told.c.accepted.is_not(None), salted=False
    ),
    "decision": BoundSet(tables.decision, _all_columns(tables.decision)),
    "run": BoundSet(tables.run, tuple(n for n in _all_columns(tables.run) if n != "waiting"), before_claim=False),
    "task": BoundSet(tables.task, _all_columns(tables.task), before_claim=False),
    "look": BoundSet(tables.look, _all_columns(tables.look), before_claim=False),
}
"""By the name that leaves have for the set."""
