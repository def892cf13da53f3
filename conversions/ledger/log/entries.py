"""The log: an append-only RFC 6962 tree of canonical JSON leaves, in the transaction of what it records."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import rfc8785
from sqlalchemy import Connection, bindparam, insert, select, update

from conversions.errors import LedgerError
from conversions.ledger.log import merkle
from conversions.ledger.log.merkle import leaf_hash, node_hash, root_from
from conversions.ledger.schema import tables

_node = select(tables.node.c.hash).where(
    tables.node.c.level == bindparam("level"), tables.node.c.position == bindparam("position")
)


def append(connection: Connection, kind: str, at_us: int, facts: Mapping[str, Any], *, epoch: int | None = None) -> int:
    """Append a leaf as the last thing of a transaction and return its number.

    *facts* hold no personal data and no unsalted digest of any. With *epoch*, the commit is refused where another run
    has taken the store over since: raises LedgerError.
    """
    if epoch is not None:
        check_epoch(connection, epoch)
    size = connection.execute(select(tables.head.c.tree_size)).scalar_one()
    body = rfc8785.dumps({"seq": size, "kind": kind, "t": at_us, **facts})
    connection.execute(insert(tables.leaf).values(seq=size, body=body.decode()))
    _grow(connection, size, leaf_hash(body))
    root = root_at(connection, size + 1)
    connection.execute(update(tables.head).values(tree_size=size + 1, root=root))
    return int(size)


def check_epoch(connection: Connection, epoch: int | None) -> None:
    """Raise LedgerError where another run has taken the store over: nothing of this transaction may stay."""
    if connection.execute(select(tables.head.c.epoch)).scalar_one() != epoch:
        raise LedgerError("Another run has taken over the store; this one stops. `conversions status` shows it.")


def root_at(connection: Connection, size: int) -> bytes:
    """The tree's root when it had *size* leaves."""
    return root_from(size, partial(_hash, connection))


def inclusion(connection: Connection, position: int, size: int) -> list[bytes]:
    """What proves that the leaf at *position* is in the tree of *size* leaves; see ``merkle.included``."""
    return merkle.inclusion(position, size, partial(_hash, connection))


def consistency(connection: Connection, old: int, new: int) -> list[bytes]:
    """What proves that the tree of *old* leaves grew into that of *new*; see ``merkle.consistent``."""
    return merkle.consistency(old, new, partial(_hash, connection))


def _grow(connection: Connection, position: int, hashed: bytes) -> None:
    """Store the leaf's hash and every subtree that it completes."""
    level = 0
    connection.execute(insert(tables.node).values(level=0, position=position, hash=hashed))
    while position % 2:
        hashed = node_hash(_hash(connection, level, position - 1), hashed)
        level, position = level + 1, position // 2
        connection.execute(insert(tables.node).values(level=level, position=position, hash=hashed))


def _hash(connection: Connection, level: int, position: int) -> bytes:
    found = connection.execute(_node, {"level": level, "position": position}).scalar()
    if not isinstance(found, bytes):
        raise LedgerError(f"The log lacks a node of its tree ({level}/{position}); restore the store from a backup.")
    return found
