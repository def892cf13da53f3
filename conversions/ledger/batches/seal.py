"""Seal events into batches: one destination and one purchase day each, at most one request's worth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from secrets import token_bytes
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, text

from conversions.ledger.batches.contents import Contents, place
from conversions.ledger.batches.form import Form
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import MAX_DESTINATIONS, MAX_POSITIONS, REVISION_BITS
from conversions.ledger.schema.views import DIGEST_BYTES
from conversions.model.conversion import Money

_STAND = text("""
    INSERT INTO delivery_place(id, place) VALUES (:id, :place) ON CONFLICT (id) DO UPDATE SET place = excluded.place
""")


class Terms(NamedTuple):
    """What decides when a new event is sent, and whether its order has changed since."""

    ready_at: int
    """Unix seconds, like ``expires_at``."""
    expires_at: int
    fingerprint: bytes


class NewEvent(NamedTuple):
    """An event that is to leave."""

    id: int
    day: str
    """Of purchase, in the shop's zone."""
    value: Money
    body: bytes
    terms: Terms | None = None
    """Of an order that stands as its batch says; None: its order has an exception."""


def seal(connection: Connection, run: int, events: Iterable[NewEvent], limits: Mapping[int, int]) -> list[NewEvent]:
    """Write *events*, in the caller's transaction; *limits* are the events of a request, by destination.

    None of the events may have a place already. Return those whose terms are not those of their batch: their orders
    need exceptions.
    """
    groups = defaultdict[tuple[int, str], list[NewEvent]](list)
    for event in events:
        groups[_destination(event.id), event.day].append(event)
    other = list[NewEvent]()
    if groups:
        asked = connection.execute(select(func.coalesce(func.max(tables.objection.c.id), 0))).scalar_one()
        for (destination, day), group in groups.items():
            shared = {"run": run, "read_run": run, "destination": destination, "day": day, "objection": asked}
            most = min(limits.get(destination, MAX_POSITIONS), MAX_POSITIONS)
            for at in range(0, len(group), most):
                other += _write(connection, shared, group[at : at + most])
    return other


def _write(connection: Connection, shared: dict[str, object], events: Sequence[NewEvent]) -> list[NewEvent]:
    terms = [event.terms for event in events if event.terms is not None]
    standing = {"regular": len(terms), **_common(terms)}
    new = insert(tables.batch).values(**shared, **standing, events=len(events)).returning(tables.batch.c.id)
    batch = int(connection.execute(new).scalar_one())
    connection.execute(insert(tables.blob).values(batch=batch, **_contents(events).columns()))
    places = [{"id": event.id, "place": place(batch, position)} for position, event in enumerate(events)]
    connection.execute(insert(tables.event), places)
    if terms:
        digests = b"".join(event.terms.fingerprint if event.terms else bytes(DIGEST_BYTES) for event in events)
        connection.execute(insert(tables.fingerprint).values(batch=batch, digests=digests))
        regular = (row for row, event in zip(places, events, strict=True) if event.terms)
        connection.execute(_STAND, [row | {"id": row["id"] >> REVISION_BITS} for row in regular])
    expires_at = standing.get("expires_at")
    return [event for event in events if event.terms and event.terms.expires_at != expires_at]


def _common(terms: Sequence[Terms]) -> dict[str, int]:
    """Return the least time from which the events are ready, and when most of them expire."""
    if not terms:
        return {}
    ((expires_at, _),) = Counter(each.expires_at for each in terms).most_common(1)
    return {"ready_at": min(each.ready_at for each in terms), "expires_at": expires_at}


def _contents(events: Sequence[NewEvent]) -> Contents:
    """Return the contents of a batch, with fresh seeds."""
    room = Form.SEEDED.room(erased=False)
    drawn = token_bytes(room * len(events))
    return Contents(
        Form.SEEDED,
        [event.id for event in events],
        [event.value for event in events],
        [event.body for event in events],
        [drawn[at : at + room] for at in range(0, len(drawn), room)],
        [len(event.body) for event in events],
    )


def _destination(event: int) -> int:
    return (event >> REVISION_BITS) & MAX_DESTINATIONS - 1
