"""Recomputes the sum of each bound set from its rows, and compares it with the newest one in the log.

It shares the list of sets with the writer, and nothing else.
"""

import hashlib
import hmac
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

import rfc8785
from sqlalchemy.dialects import sqlite

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.schema.bound_sets import BOUND_SETS, BoundSet

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
    for name in sorted(stated.keys() - BOUND_SETS.keys()):
        yield VerificationFinding(f"the set {name!r}", "is stated by the log and unknown to this program")


def _rows_and_sum(store: sqlite3.Connection, name: str, bound: BoundSet) -> tuple[int, int]:
    columns = [*bound.columns, "salt"] if bound.salted else list(bound.columns)
    condition = bound.rows.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    rows = total = 0
    for row in store.execute(f"SELECT {', '.join(columns)} FROM {bound.table} WHERE {condition}"):  # noqa: S608
        content = {column: _for_json(value) for column, value in zip(bound.columns, row, strict=False)}
        key = row[-1] or b"" if bound.salted else b""
        commitment = hmac.new(key, rfc8785.dumps({"set": name} | content), hashlib.sha256).digest()
        rows, total = rows + 1, total + int.from_bytes(hashlib.shake_256(commitment).digest(_BITS // 8))
    return rows, total % (1 << _BITS)


def _digest(total: int) -> str:
    return hashlib.sha256(total.to_bytes(_BITS // 8)).hexdigest()


def _for_json(value: Any) -> Any:
    match value:
        case bytes():
            return value.hex()
        case int() if abs(value) >= _LONGEST_INTEGER:
            return str(value)
    return value
