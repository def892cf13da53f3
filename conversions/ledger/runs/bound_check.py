"""Compares the sets that decide what is sent with what the log states of them, before a run claims anything.

It reads the newest leaves only, back to the one that began the last run and states every set.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, select

from conversions.errors import LedgerError
from conversions.ledger import log
from conversions.ledger.log import bound, merkle
from conversions.ledger.schema import tables
from conversions.ledger.schema.bound_sets import BOUND_SETS
from conversions.ledger.store import Ledger

REMEDY = (
    "`conversions audit verify` says what differs. Then restore the newest copy of the store with `conversions restore "
    "FILE`; or, if the rows are right, `conversions adopt --store --reason TEXT`, and tell your auditor why."
)


def check(ledger: Ledger) -> None:
    """Raise LedgerError where rows that decide what is sent are not those that the log states."""
    with ledger.transaction() as connection:
        names = differing(connection)
    if names:
        raise LedgerError(
            f"The store's rows of {', '.join(names)} are not what its log says, so the store was changed by hand: "
            f"nothing is sent. {REMEDY}"
        )


def differing(connection: Connection) -> list[str]:
    """Names of the sets that a run compares and whose rows differ from the log."""
    names = {name for name, each in BOUND_SETS.items() if each.before_claim}
    stated = _stated(connection, names)
    nothing = bound.statement(*bound.EMPTY)
    return sorted(name for name in names if bound.present(connection, name) != stated.get(name, nothing))


def _stated(connection: Connection, names: set[str]) -> dict[str, Any]:
    """What the newest leaves state of the sets with these *names*."""
    stated: dict[str, Any] = {}
    for facts in _newest_first(connection):
        stated = dict(facts.get("bound", {})) | stated
        if names <= stated.keys():
            break
    return stated


def _newest_first(connection: Connection) -> Iterator[Mapping[str, Any]]:
    """Every leaf, newest first. Raises LedgerError at a leaf that is missing or is not in the tree."""
    size = connection.execute(select(tables.head.c.tree_size)).scalar() or 0  # a plan before the first run has no head
    root = log.root_at(connection, size)
    for seq in range(size - 1, -1, -1):
        body = connection.execute(select(tables.leaf.c.body).where(tables.leaf.c.seq == seq)).scalar()
        path = log.inclusion(connection, seq, size)
        if body is None or not merkle.included(merkle.leaf_hash(body.encode()), seq, size, path, root):
            raise LedgerError(f"Entry {seq} of the log was changed by hand: nothing is sent. {REMEDY}")
        yield orjson.loads(body)
