"""Compares the sets that decide what is sent with what the log states of them, before a run claims anything.

It reads the newest leaves only, back to what is before the last run: the leaf that begins a run states every set.
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

LEAVES_PER_QUERY = 200
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
    """Names of the sets that a run compares and whose rows differ from the log.

    Raises LedgerError where the newest entries are not in the log's tree.
    """
    names = {name for name, each in BOUND_SETS.items() if each.before_claim}
    stated: dict[str, Any] = {}
    altered: set[str] = set()
    for facts in reversed(_newest(connection, names)):
        if "altered" in facts:  # `adopt --store` has taken the rows over as they stood
            altered, stated = set(), {}
        now = facts.get("bound", {})
        altered |= {n for n in now.keys() & stated.keys() if now[n].get("was", now[n]["sum"]) != stated[n]["sum"]}
        stated |= now
    nothing = bound.statement(*bound.EMPTY)
    logged = {name: {key: stated.get(name, nothing)[key] for key in nothing} for name in names}
    return sorted({name for name in names if bound.present(connection, name) != logged[name]} | altered & names)


def _newest(connection: Connection, names: set[str]) -> list[Mapping[str, Any]]:
    """The newest leaves, newest first, back to where each set was stated before the last run began."""
    size = connection.execute(select(tables.head.c.tree_size)).scalar() or 0  # a plan before the first run has no head
    leaves: list[Mapping[str, Any]] = []
    hashes: list[bytes] = []
    before_run: set[str] | None = None
    for body in _bodies(connection, size):
        leaves.append(_parsed(body))
        hashes.append(merkle.leaf_hash(body.encode()))
        if before_run is not None:
            before_run |= leaves[-1].get("bound", {}).keys()
        elif leaves[-1].get("kind") == "run":
            before_run = set()
        if before_run is not None and names <= before_run:
            break
    if log.root_with(connection, hashes[::-1], size) != log.root_at(connection, size):
        raise LedgerError(f"The newest entries of the log were changed by hand: nothing is sent. {REMEDY}")
    return leaves


def _bodies(connection: Connection, size: int) -> Iterator[str]:
    """The leaves, newest first; a leaf that is gone is an empty one."""
    seq = tables.leaf.c.seq
    for end in range(size, 0, -LEAVES_PER_QUERY):
        numbers = range(max(end - LEAVES_PER_QUERY, 0), end)
        query = select(seq, tables.leaf.c.body).where(seq.between(numbers[0], numbers[-1]))
        bodies = {row.seq: row.body for row in connection.execute(query)}
        for number in reversed(numbers):
            yield bodies.get(number, "{}")


def _parsed(body: str) -> Mapping[str, Any]:
    try:
        facts: dict[str, Any] = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}  # altered, so the root differs
    return facts
