"""Seal events into batches: one destination and one purchase day each, at most one request's worth."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_bytes
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select

from conversions.ledger.batches.contents import Contents, place
from conversions.ledger.batches.form import Form
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import MAX_DESTINATIONS, MAX_POSITIONS, REVISION_BITS
from conversions.model.conversion import Money


class NewEvent(NamedTuple):
    """An event that is to leave."""

    id: int
    day: str
    """Of purchase, in the shop's zone."""
    value: Money
    body: bytes


def seal(connection: Connection, run: int, events: Iterable[NewEvent], limits: Mapping[int, int]) -> None:
    """Write *events*, in the caller's transaction; *limits* are the events of a request, by destination.

    None of the events may have a place already.
    """
    groups = defaultdict[tuple[int, str], list[NewEvent]](list)
    for event in events:
        groups[_destination(event.id), event.day].append(event)
    if groups:
        asked = connection.execute(select(func.coalesce(func.max(tables.objection.c.id), 0))).scalar_one()
        for (destination, day), group in groups.items():
            shared = {"run": run, "read_run": run, "destination": destination, "day": day, "objection": asked}
            most = min(limits.get(destination, MAX_POSITIONS), MAX_POSITIONS)
            for at in range(0, len(group), most):
                _write(connection, shared, group[at : at + most])


def _write(connection: Connection, shared: dict[str, object], events: Sequence[NewEvent]) -> None:
    new = insert(tables.batch).values(**shared, events=len(events)).returning(tables.batch.c.id)
    batch = int(connection.execute(new).scalar_one())
    connection.execute(insert(tables.blob).values(batch=batch, **_contents(events).columns()))
    places = [{"id": event.id, "place": place(batch, position)} for position, event in enumerate(events)]
    connection.execute(insert(tables.event), places)


def _contents(events: Sequence[NewEvent]) -> Contents:
    """Return the contents of a batch, with fresh salts."""
    room = Form.LINKED.room
    drawn = token_bytes(room * len(events))
    return Contents(
        Form.LINKED,
        [event.id for event in events],
        [event.value for event in events],
        [event.body for event in events],
        [drawn[at : at + room] for at in range(0, len(drawn), room)],
        [len(event.body) for event in events],
    )


def _destination(event: int) -> int:
    return (event >> REVISION_BITS) & MAX_DESTINATIONS - 1
