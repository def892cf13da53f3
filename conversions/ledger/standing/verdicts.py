"""Late results of the orders of a batch: one letter a position, so that a request's results are one change."""

from collections import defaultdict
from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, select, update

from conversions.ledger.schema import tables

NONE = "-"
"""No late result, or an exception."""

_batch = tables.batch.c
_KNOWN = select(_batch.id, _batch.events, _batch.verdicts).where(_batch.id.in_(bindparam("batches", expanding=True)))


def set_letters(
    connection: Connection, places: Iterable[tuple[int, int]], letter: str, *, only_known: bool = False
) -> None:
    """Write *letter* at *places*, pairs of batch and position; with *only_known* where a batch has late results."""
    positions = defaultdict[int, list[int]](list)
    for batch, position in places:
        positions[batch].append(position)
    for row in connection.execute(_KNOWN, {"batches": sorted(positions)}).all():
        if row.verdicts is None and only_known:
            continue
        letters = list(row.verdicts or NONE * row.events)
        for position in positions[row.id]:
            letters[position] = letter
        connection.execute(update(tables.batch).where(_batch.id == row.id).values(verdicts="".join(letters)))
