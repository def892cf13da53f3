"""The parts of a request: which places of which batches it has, in the order of the wire."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from sqlalchemy import Connection, bindparam, insert, select, update

from conversions.ledger.batches.contents import batch_of, members, position_of
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import POSITION_BITS

_PARTS = (
    select(tables.request_part.c.request, tables.request_part.c.place, tables.request_part.c.events)
    .where(tables.request_part.c.request.in_(bindparam("requests", expanding=True)))
    .order_by(tables.request_part.c.request, tables.request_part.c.first)
)
_MEMBERS = select(tables.blob.c.batch, tables.blob.c.members).where(
    tables.blob.c.batch.in_(bindparam("batches", expanding=True))
)


def has_place(part: str, at: str) -> str:
    """Return the SQL condition that the row *part* of ``request_part`` has the place *at*, an expression."""
    of_batch = f"({at} >> {POSITION_BITS} << {POSITION_BITS})"
    return f"({part}.place BETWEEN {of_batch} AND {at} AND {part}.place + {part}.events > {at})"


def write(connection: Connection, request: int, places: Sequence[int]) -> None:
    """Record that *request* has the events at *places*, in this order."""
    if not places:
        return
    rows = [{"request": request, "first": 0, "place": places[0], "events": 1}]
    for number, (before, at) in enumerate(pairwise(places), 1):
        if at == before + 1 and batch_of(at) == batch_of(before):
            rows[-1]["events"] += 1
        else:
            rows.append({"request": request, "first": number, "place": at, "events": 1})
    connection.execute(insert(tables.request_part), rows)
    batches = {batch_of(row["place"]) for row in rows}
    connection.execute(update(tables.batch).where(tables.batch.c.id.in_(batches)).values(request=request))


def places(connection: Connection, requests: Collection[int]) -> dict[int, list[int]]:
    """Return the places of each of *requests*, in the order of the wire."""
    by_request = defaultdict[int, list[int]](list)
    for request, first, events in connection.execute(_PARTS, {"requests": [*requests]}):
        by_request[request].extend(range(first, first + events))
    return by_request


def events(connection: Connection, requests: Collection[int]) -> dict[int, list[int]]:
    """Return the keys of the events of each of *requests*, in the order of the wire."""
    by_request = places(connection, requests)
    keys = events_of(connection, {batch_of(at) for request in by_request.values() for at in request})
    return {request: [keys[batch_of(at)][position_of(at)] for at in by_request[request]] for request in requests}


def events_of(connection: Connection, batches: Iterable[int]) -> dict[int, list[int]]:
    """Return the keys of the events of each of *batches*, by position."""
    rows = connection.execute(_MEMBERS, {"batches": sorted({*batches})})
    return {batch: members(packed) for batch, packed in rows}
