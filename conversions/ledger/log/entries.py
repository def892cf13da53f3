"""The log: an append-only RFC 6962 tree of canonical JSON leaves. A leaf commits together with the facts it records."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import rfc8785
from sqlalchemy import Connection, bindparam, insert, select, update

from conversions.errors import LedgerError
from conversions.ledger.log import bound, merkle
from conversions.ledger.log.merkle import leaf_hash, node_hash, root_from
from conversions.ledger.schema import tables

_node = select(tables.node.c.hash).where(
    tables.node.c.level == bindparam("level"), tables.node.c.position == bindparam("position")
)


def append(connection: Connection, kind: str, at_us: int, facts: Mapping[str, Any], *, epoch: int | None = None) -> int:
    """Append a leaf as the last statement of a transaction; return its number.

    *facts* contain no personal data of buyers and no unsalted digest of any; they may name who acted, a case number and
    a reason. The sums of the bound sets that the transaction has changed are added. Raises LedgerError where *epoch* is
    given and another run has taken over the store since.
    """
    if epoch is not None:
        check_epoch(connection, epoch)
    seq, body = _body(connection, kind, at_us, facts)
    connection.execute(insert(tables.leaf).values(seq=seq, body=body.decode()))
    _grow(connection, seq, body)
    return seq


@contextmanager
def entry(
    connection: Connection, kind: str, at_us: int, facts: Mapping[str, Any], *, epoch: int | None = None
) -> Iterator[int]:
    """Append a leaf like ``append`` after the block, which gets its number, for rows that name their leaf."""
    if epoch is not None:
        check_epoch(connection, epoch)
    number = int(connection.execute(select(tables.head.c.tree_size)).scalar_one())
    connection.execute(insert(tables.leaf).values(seq=number, body=""))
    yield number
    seq, body = _body(connection, kind, at_us, facts)
    connection.execute(update(tables.leaf).where(tables.leaf.c.seq == seq).values(body=body.decode()))
    _grow(connection, seq, body)


def _body(connection: Connection, kind: str, at_us: int, facts: Mapping[str, Any]) -> tuple[int, bytes]:
    """Number and content of the next leaf, with the sums of the bound sets that the transaction has changed."""
    size = int(connection.execute(select(tables.head.c.tree_size)).scalar_one())
    return size, rfc8785.dumps({"seq": size, "kind": kind, "t": at_us, **facts, **bound.take_unstated(connection)})


def check_epoch(connection: Connection, epoch: int | None) -> None:
    """Raise LedgerError where another run has taken over the store: this transaction must not commit."""
    if connection.execute(select(tables.head.c.epoch)).scalar_one() != epoch:
        raise LedgerError("Another run has taken over the store; this one stops. `conversions status` shows it.")


def root_at(connection: Connection, size: int) -> bytes:
    """Root of the tree at *size* leaves."""
    return root_from(size, partial(_hash, connection))


def root_with(connection: Connection, newest: Sequence[bytes], size: int) -> bytes:
    """Root of the tree of *size* leaves whose *newest* ones have these hashes, oldest first."""
    before = size - len(newest)
    peaks = [_hash(connection, level, position) for level, position in merkle.peaks(before)]
    return merkle.extended(peaks, before, newest)


def _grow(connection: Connection, position: int, body: bytes) -> None:
    """Store the leaf's hash, the root of every subtree that this leaf completes, and the new tree head."""
    size, level, hashed = position + 1, 0, leaf_hash(body)
    connection.execute(insert(tables.node).values(level=0, position=position, hash=hashed))
    while position % 2:
        hashed = node_hash(_hash(connection, level, position - 1), hashed)
        level, position = level + 1, position // 2
        connection.execute(insert(tables.node).values(level=level, position=position, hash=hashed))
    connection.execute(update(tables.head).values(tree_size=size, root=root_at(connection, size)))


def _hash(connection: Connection, level: int, position: int) -> bytes:
    node = connection.execute(_node, {"level": level, "position": position}).scalar()
    if not isinstance(node, bytes):
        raise LedgerError(f"The log lacks a node of its tree ({level}/{position}); restore the store from a backup.")
    return node
