"""Recomputes the sum of each bound set from its rows, and compares it with the newest one in the log.

It shares the list of sets with the writer, and nothing else.
"""

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import rfc8785
from sqlalchemy.dialects import sqlite

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.schema.bound_sets import BOUND_SETS, BoundSet

MAX_ROWS_NAMED = 20
_BITS, _LONGEST_INTEGER = 4096, 1 << 53


def compare(store: sqlite3.Connection, stated: Mapping[str, Any]) -> Iterator[VerificationFinding]:
    """Yield the sets whose rows differ from what the log has *stated* last, by the name of the set."""
    for name, bound in BOUND_SETS.items():
        rows, total = _rows_and_sum(store, name, bound)
        logged = stated.get(name, {"rows": 0, "sum": _digest(0)})
        if rows != logged["rows"]:
            yield VerificationFinding(f"the set {name!r}", f"has {rows} rows, the log {logged['rows']}")
        elif _digest(total) != logged["sum"]:
            yield VerificationFinding(f"the set {name!r}", f"has other rows in {bound.table} than the log states")
        if bound.salted and _digest(total) != logged["sum"]:
            yield from islice(_altered(store, name, bound), MAX_ROWS_NAMED)
    for name in sorted(stated.keys() - BOUND_SETS.keys()):
        yield VerificationFinding(f"the set {name!r}", "is stated by the log and unknown to this program")


def _rows_and_sum(store: sqlite3.Connection, name: str, bound: BoundSet) -> tuple[int, int]:
    rows = total = 0
    for commitment, _ in _commitments(store, name, bound):
        rows, total = rows + 1, total + int.from_bytes(hashlib.shake_256(commitment).digest(_BITS // 8))
    return rows, total % (1 << _BITS)


def _altered(store: sqlite3.Connection, name: str, bound: BoundSet) -> Iterator[VerificationFinding]:
    """Name the rows that were altered, but for those whose commitment was, too."""
    for commitment, row in _commitments(store, name, bound):
        if row["commitment"] != commitment:
            key = " ".join(str(row[column.name]) for column in bound.table.primary_key)
            yield VerificationFinding(f"{bound.table} {key}", "was altered")


def _commitments(store: sqlite3.Connection, name: str, bound: BoundSet) -> Iterator[tuple[bytes, Mapping[str, Any]]]:
    """Commitment and content of each row of the set."""
    columns = [*bound.columns, *(("salt", "commitment") if bound.salted else ())]
    condition = bound.rows.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    for values in store.execute(f"SELECT {', '.join(columns)} FROM {bound.table} WHERE {condition}"):  # noqa: S608
        row = dict(zip(columns, values, strict=True))
        content = {column: _for_json(row[column]) for column in bound.columns}
        text = rfc8785.dumps({"set": name} | content)
        yield hmac.new(row.get("salt") or b"", text, hashlib.sha256).digest(), row


def _digest(total: int) -> str:
    return hashlib.sha256(total.to_bytes(_BITS // 8)).hexdigest()


def _for_json(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case int() if abs(value) >= _LONGEST_INTEGER:
            return str(value)
    return value
