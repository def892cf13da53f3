"""Compares the history of judgements with the entries that have its roots, and with where each order stands now."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.ledger.judgements.commitment import commitment
from conversions.ledger.judgements.record import AGAINST_SENDING, LEAF
from conversions.ledger.log.merkle import root_of

_ENTRIES = "SELECT seq, body FROM leaf WHERE body LIKE ? ORDER BY seq"
_ROWS = """
    SELECT j.id, a.order_no, j.delivery & 63, j.from_state, j.from_reason, j.to_state, j.to_reason, j.rules,
    j.policy_version, j.run, j.at_us, j.salt, j.commitment, j.delivery >> 6
    FROM judgement j LEFT JOIN sale a ON a.id = j.delivery >> 6 WHERE j.id BETWEEN ? AND ? ORDER BY j.id
"""
_FORMER = "SELECT order_no FROM former_number WHERE sale = ?"
_AGAINST = ", ".join(f"'{state}'" for state in sorted(AGAINST_SENDING))
_UNEXPLAINED = f"""
    SELECT x.id FROM exception x LEFT JOIN judgement j ON j.id = (
        SELECT max(k.id) FROM judgement k WHERE k.delivery = x.id
    ) WHERE CASE WHEN x.state IN ({_AGAINST}) OR (x.reason IS NOT NULL AND x.state <> 'erased')
        THEN j.id IS NULL OR j.to_state <> x.state OR coalesce(j.to_reason, '') <> coalesce(x.reason, '')
        ELSE coalesce(j.to_state IN ({_AGAINST}), 0) OR j.to_reason IS NOT NULL
    END
    UNION SELECT k.id FROM judgement j JOIN delivery_place k ON k.id = j.delivery
    WHERE k.place IS NOT NULL AND (j.to_state IN ({_AGAINST}) OR j.to_reason IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM judgement l WHERE l.delivery = j.delivery AND l.id > j.id)
"""  # noqa: S608
"""Orders that stand otherwise than their newest judgement says, or against sending without one.

An order without an exception never stands against sending.
"""


def check(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield every judgement that differs from its entry, has none or is gone, and every standing without one."""
    covered = 0
    blanked = [range(first, last + 1) for first, last in _blanked(store)]
    for seq, facts in _entries(store, LEAF):
        first, count = facts["first"], facts["count"]
        rows = store.execute(_ROWS, (first, first + count - 1)).fetchall()
        yield from _check_entry(store, seq, facts, rows)
        covered += len(rows)
        for row in rows:
            if row[11] is None and not any(row[0] in numbers for numbers in blanked):
                yield VerificationFinding(f"judgement {row[0]}", "was blanked, and no entry says why")
            if _contradicts(row) or row[10] != facts["t"]:
                yield VerificationFinding(f"judgement {row[0]}", "is blanked in part, or of another time")
    ((stored,),) = store.execute("SELECT count(*) FROM judgement").fetchall()
    if stored != covered:
        yield VerificationFinding("the judgements", f"are {stored}, and the entries have {covered}")
    for (delivery,) in store.execute(_UNEXPLAINED):
        yield VerificationFinding(
            f"order {delivery >> 6} at destination {delivery & 63}", "stands as no judgement says"
        )


def _check_entry(
    store: sqlite3.Connection, seq: int, facts: dict[str, Any], rows: Sequence[tuple[Any, ...]]
) -> Iterator[VerificationFinding]:
    if len(rows) != facts["count"]:
        yield VerificationFinding(f"entry {seq}", f"has {facts['count']} judgements, and the store has {len(rows)}")
        return
    if _root(rows) == facts["root"]:
        return
    former = [[row[1], *(number for (number,) in store.execute(_FORMER, (row[13],)))] for row in rows]
    if not _matches(rows, former, facts["root"]):
        yield VerificationFinding(f"entry {seq}", "has other judgements than the store")


def _root(rows: Sequence[tuple[Any, ...]]) -> str:
    return root_of([_value(row) for row in rows]).hex()


def _matches(rows: Sequence[tuple[Any, ...]], former: Sequence[Sequence[str]], root: str) -> bool:
    """Whether the rows fit with order numbers that the orders had before; numbers are adopted for all at a time."""
    most = max(map(len, former), default=0)
    tried = ([(row[0], names[min(at, len(names) - 1)], *row[2:]) for row, names in zip(rows, former, strict=True)]
             for at in range(most))  # fmt: skip
    return any(_root(each) == root for each in tried)


def _value(row: tuple[Any, ...]) -> bytes:
    *facts, salt, kept, _ = row
    if salt is None:
        return bytes(kept)
    return commitment(salt, tuple(facts))


def _contradicts(row: tuple[Any, ...]) -> bool:
    """Whether a row has a salt and a commitment, or a blanked row still has what it was about."""
    _, _, destination, *standing, _, _, run, _, salt, kept, _ = row
    if salt is not None:
        return kept is not None
    return kept is None or [destination, *standing, run] != [None, None, None, "", None, None]


def _entries(store: sqlite3.Connection, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for seq, body in store.execute(_ENTRIES, (f'%"kind":"{kind}"%',)).fetchall():
        facts = orjson.loads(body)
        if facts["kind"] == kind:
            yield seq, facts


def _blanked(store: sqlite3.Connection) -> Iterator[Sequence[int]]:
    for kind in ("erasure", "shrink"):
        for _, facts in _entries(store, kind):
            yield from facts.get("judgements", ())
