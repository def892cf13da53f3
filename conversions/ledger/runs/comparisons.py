"""Comparisons of the log with a platform's own totals: each is an entry of the log, and has no row."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, select

from conversions.ledger import log
from conversions.ledger.schema import tables
from conversions.ledger.store import Ledger, instant
from conversions.process.operator import operator

KIND = "comparison"


@dataclass(frozen=True, slots=True)
class ComparisonEntry:
    """One comparison, as the log has it."""

    seq: int
    at: datetime
    """Aware, UTC."""
    facts: Mapping[str, Any]


def record(ledger: Ledger, facts: Mapping[str, Any]) -> int:
    """Append a comparison, with its operator; return the number of its entry. *facts* are totals, of no person."""
    with ledger.transaction() as connection:
        return log.append(connection, KIND, ledger.now_us, {"operator": operator(), **facts})


def entries(connection: Connection) -> list[ComparisonEntry]:
    """Return every comparison, the newest last."""
    leaf = tables.leaf.c
    query = select(leaf.seq, leaf.body).where(leaf.body.contains(f'"kind":"{KIND}"')).order_by(leaf.seq)
    found = ((seq, orjson.loads(body)) for seq, body in connection.execute(query))
    return [ComparisonEntry(seq, instant(facts["t"]), facts) for seq, facts in found if facts["kind"] == KIND]
