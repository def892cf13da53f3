"""Binds rows by sums that leaves state: one sum per set of ``schema.bound_sets``, over the commitments of its rows.

A sum is AdHash over 4096 bits: each commitment is stretched by SHAKE-256 to a number, and the numbers are added modulo
2**4096, so that a change costs the same in a small and in a large table. A leaf has the SHA-256 of the sum, and of the
one that it replaces (``was``, where they differ): a sum that was altered in the store breaks the chain of the leaves.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256, shake_256
from hmac import digest
from secrets import token_bytes
from typing import Any

import rfc8785
from sqlalchemy import ColumnElement, Connection, Select, bindparam, insert, select, tuple_, update

from conversions.ledger.schema import tables
from conversions.ledger.schema.bound_sets import BOUND_SETS, BoundSet

SUM_BYTES = 512
SALT_BYTES = 16
_MODULUS = 1 << 8 * SUM_BYTES
_UNSTATED = "bound sets that changed"
"""Key in the connection's ``info``: for each set that the next leaf states, the digest of its sum before."""


@contextmanager
def changed(connection: Connection, name: str, *where: ColumnElement[bool]) -> Iterator[int]:
    """Bind anew what this block does to the rows of the table of set *name* that match *where* before it.

    The block gets how many of them the set had. Rows that it deletes, or takes out of the set, are bound no more. The
    transaction appends a leaf afterwards.
    """
    bound, keys = BOUND_SETS[name], list(BOUND_SETS[name].table.primary_key)
    rows = _rows(connection, select(*_columns(bound), bound.rows.label("in_set")).where(*where))
    before = [row for row in rows if row["in_set"]]
    _add(connection, name, -len(before), -_total(name, before))
    yield len(before)
    for page in _batched([tuple(row[key.name] for key in keys) for row in rows]):
        bind(connection, name, tuple_(*keys).in_(page))


def bind(connection: Connection, name: str, *where: ColumnElement[bool]) -> None:
    """Bind the new rows of the set *name* that match *where*. The transaction appends a leaf afterwards."""
    bound = BOUND_SETS[name]
    rows = [dict(row) for row in _rows(connection, select(*_columns(bound)).where(bound.rows, *where))]
    if bound.salted:
        _salt(connection, name, rows)
    _add(connection, name, len(rows), _total(name, rows))


def bind_everything(connection: Connection) -> None:
    """Bind every row of a store whose rows were not bound until now; the next leaf states every set."""
    connection.execute(tables.bound.delete())
    for name in BOUND_SETS:
        bind(connection, name)
    state_everything(connection)


def state_everything(connection: Connection) -> None:
    """Let the next leaf of the transaction state every set, so that later checks need not read what is before it."""
    for name in BOUND_SETS:
        _unstated(connection).setdefault(name, sha256(_stored(connection, name)[1]).hexdigest())


def take_unstated(connection: Connection) -> dict[str, Any]:
    """Return the facts ``bound`` of the leaf that is being appended; empty where the transaction changed no set."""
    stated = {}
    for name, was in sorted(_unstated(connection).items()):
        stated[name] = statement(*_stored(connection, name))
        if stated[name]["sum"] != was:
            stated[name]["was"] = was
    _unstated(connection).clear()
    return {"bound": stated} if stated else {}


def begin(connection: Connection) -> None:
    """Forget what a transaction that was rolled back has left."""
    _unstated(connection).clear()


def check_stated(connection: Connection) -> None:
    """Assert, before a commit, that a leaf of the transaction states every set that it changed."""
    assert not _unstated(connection), f"no leaf states the change of {sorted(_unstated(connection))}"


def statement(rows: int, total: bytes) -> dict[str, Any]:
    """What a leaf says of a set."""
    return {"rows": rows, "sum": sha256(total).hexdigest()}


def present(connection: Connection, name: str) -> dict[str, Any]:
    """What a leaf would say of the rows that the set *name* has now."""
    bound = BOUND_SETS[name]
    rows = _rows(connection, select(*_columns(bound)).where(bound.rows))
    return statement(len(rows), _bytes(_total(name, rows)))


def _bytes(total: int) -> bytes:
    return (total % _MODULUS).to_bytes(SUM_BYTES)


EMPTY = (0, _bytes(0))
_KEYS_PER_STATEMENT = 5_000


def _batched(keys: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    return (keys[at : at + _KEYS_PER_STATEMENT] for at in range(0, len(keys), _KEYS_PER_STATEMENT))


def _unstated(connection: Connection) -> dict[str, str]:
    names: dict[str, str] = connection.info.setdefault(_UNSTATED, {})
    return names


def _stored(connection: Connection, name: str) -> tuple[int, bytes]:
    """Number and sum of the rows of the set *name*, as the store keeps them."""
    query = select(tables.bound.c.rows, tables.bound.c.sum).where(tables.bound.c.name == name)
    row = connection.execute(query).one_or_none()
    return (row.rows, row.sum) if row else EMPTY


def _columns(bound: BoundSet) -> Sequence[ColumnElement[Any]]:
    return [bound.table.c[name] for name in (*bound.columns, *(("salt",) if bound.salted else ()))]


def _salt(connection: Connection, name: str, rows: Sequence[dict[Any, Any]]) -> None:
    """Give each of *rows* a new salt, and store it with the commitment."""
    table, keys = BOUND_SETS[name].table, list(BOUND_SETS[name].table.primary_key)
    for row in rows:
        row["salt"] = token_bytes(SALT_BYTES)
    drawn = [
        {f"of_{key.name}": row[key.name] for key in keys} | {"new": row["salt"], "over": commitment(name, row)}
        for row in rows
    ]
    if drawn:
        salted = update(table).where(*(key == bindparam(f"of_{key.name}") for key in keys))
        connection.execute(salted.values(salt=bindparam("new"), commitment=bindparam("over")), drawn)


def _rows(connection: Connection, query: Select[Any]) -> Sequence[Mapping[Any, Any]]:
    return connection.execute(query).mappings().all()


def _total(name: str, rows: Sequence[Mapping[Any, Any]]) -> int:
    numbers = (shake_256(commitment(name, row)).digest(SUM_BYTES) for row in rows)
    return sum(int.from_bytes(number) for number in numbers)


def commitment(name: str, row: Mapping[Any, Any]) -> bytes:
    """HMAC-SHA256 over the set's name and the row's columns; the key is the row's salt, or empty."""
    bound = BOUND_SETS[name]
    content = {column: _plain(row[column]) for column in bound.columns}
    return digest((row["salt"] if bound.salted else None) or b"", rfc8785.dumps({"set": name, **content}), "sha256")


def _plain(value: Any) -> Any:
    """*value* for JSON; a number that JSON cannot hold, which only an altered row has, becomes a text."""
    if isinstance(value, bytes):
        return value.hex()
    return str(value) if isinstance(value, int) and abs(value) >= 1 << 53 else value


def _add(connection: Connection, name: str, rows: int, total: int) -> None:
    if not rows:
        return
    counted, added = _stored(connection, name)
    _unstated(connection).setdefault(name, sha256(added).hexdigest())
    values = {"rows": counted + rows, "sum": _bytes(int.from_bytes(added) + total)}
    if not connection.execute(update(tables.bound).where(tables.bound.c.name == name).values(**values)).rowcount:
        connection.execute(insert(tables.bound).values(name=name, **values))
