"""Broken promises of the batches: where an event is, and what a request has of them."""

import sqlite3
from contextlib import closing
from importlib import import_module
from typing import Any

from conversions.ledger import outbox
from conversions.ledger.batches import blank, parts
from conversions.ledger.batches.contents import batch_of, members, place, read
from conversions.ledger.batches.form import Form
from conversions.ledger.outbox import Attempt, ClaimedEvent, EventPlace
from conversions.ledger.schema import tables, views
from tests.faults.variants.breaking import swap

claim = import_module("conversions.ledger.outbox.claim")


def blob_not_synced() -> None:
    """The bytes of a batch are written when its request is logged, and not synced before it leaves."""

    def intend(ledger: Any, *more: Any) -> Any:
        attempt = real(ledger, *more)
        if isinstance(attempt, Attempt):
            with ledger.transaction() as connection:
                file = connection.exec_driver_sql("PRAGMA database_list").first()[2]
            with closing(sqlite3.connect(file)) as store, store:
                store.execute("PRAGMA synchronous=OFF")
                blobs = store.execute("SELECT bytes, batch FROM blob").fetchall()
                store.executemany("UPDATE blob SET bytes = ? WHERE batch = ?", [(b + b"\0", n) for b, n in blobs])
        return attempt

    real = swap(outbox, "intend", intend)


def position_off_by_one() -> None:
    """Where an event of a batch is left out, those behind it are taken to be one place before their own."""

    def write(connection: Any, request: int, places: Any) -> None:
        real(connection, request, [place(batch_of(at), (places[0] + i) % (1 << 12)) for i, at in enumerate(places)])

    real = swap(parts, "write", write)


def place_named_twice() -> None:
    """A request has its first event once more, as its last."""

    def pending(*arguments: Any) -> Any:
        found = real(*arguments)
        return [*found, found[0]] if len(found) > 1 else found

    real = swap(claim, "_pending", pending)


def blanked_position_sent() -> None:
    """What was taken out of a batch stays readable there, and is sent from there."""

    def pending_in(connection: Any, run: Any, batch: Any) -> Any:
        events, found = members(batch.members), {event for event, _ in real(connection, run, batch)}
        waiting = views.delivery.c.state == "pending", views.delivery.c.run == run.id
        keys = {event >> tables.REVISION_BITS: event for event in events}
        rows = connection.execute(views.delivery.select().where(views.delivery.c.id.in_(keys), *waiting)).all()
        found |= {keys[row.id] for row in rows if keys[row.id] == tables.event_key(row.id, row.revision)}
        return [EventPlace(event, place(batch.id, at)) for at, event in enumerate(events) if event in found]

    def contents_of(connection: Any, places: Any) -> list[ClaimedEvent]:
        contents = read(connection, {batch_of(at) for _, at in places})
        bodies = [(event, at, contents[batch_of(at)].bodies[at & 4095]) for event, at in places]
        return [ClaimedEvent(event, at, Form.LINKED, bytes(32), body, b"") for event, at, body in bodies if body]

    swap(blank, "_overwrite", lambda *_: None)
    swap(claim, "contents_of", contents_of)
    real = swap(claim, "_pending_in", pending_in)
