"""Erase events from their batches: size and commitment stay, so that the log's proofs stay valid."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import replace

from sqlalchemy import Connection, bindparam, delete, select, update

from conversions.ledger.batches.contents import Contents, batch_of, position_of, read
from conversions.ledger.batches.form import erased_salts
from conversions.ledger.batches.links import links
from conversions.ledger.batches.traces import traces
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of
from conversions.ledger.schema.views import DIGEST_BYTES

_PLACES = select(tables.event.c.id, tables.event.c.place).where(
    tables.event.c.id.in_(bindparam("events", expanding=True))
)


def blank(connection: Connection, events: Collection[int]) -> set[bytes]:
    """Erase the bytes, salts and values of *events*, whose buyers are still known, and keep their commitments.

    Return the traces that no file may hold afterwards.
    """
    gone = set[bytes]()
    for batch, positions in _by_batch(connection, events).items():
        contents = read(connection, [batch])[batch]
        left = [p for p in positions if contents.bodies[p] is not None]
        if left:
            old, new = _overwrite(connection, batch, _erased(connection, batch, contents, left))
            _forget_digests(connection, batch, left)
            gone |= {trace for trace in traces(contents, old, left) if trace not in new}
    return gone


def kept_payloads(connection: Connection, events: Collection[int]) -> list[int]:
    """Return those of *events* whose bytes are still there, in this order."""
    kept = set[int]()
    for batch, positions in _by_batch(connection, events).items():
        contents = read(connection, [batch])[batch]
        kept.update(contents.events[p] for p in positions if contents.bodies[p] is not None)
    return [event for event in events if event in kept]


def move_out(connection: Connection, events: Collection[int]) -> None:
    """Take unsent *events* out of their batches: a batch that no request has named goes with its last event."""
    for batch, positions in _by_batch(connection, events).items():
        contents = read(connection, [batch])[batch]
        left = [p for p in positions if contents.bodies[p] is not None]
        named = connection.execute(select(tables.batch.c.request).where(tables.batch.c.id == batch)).scalar_one()
        if named is None and len(positions) == _present(connection, batch, contents):
            for table in (tables.blob, tables.fingerprint):
                connection.execute(delete(table).where(table.c.batch == batch))
            connection.execute(delete(tables.batch).where(tables.batch.c.id == batch))
        elif left:
            _overwrite(connection, batch, _erased(connection, batch, contents, left))
            _forget_digests(connection, batch, left)
    for page in pages_of([*events]):
        connection.execute(delete(tables.event).where(tables.event.c.id.in_(page)))
        connection.execute(delete(tables.earlier_person).where(tables.earlier_person.c.event.in_(page)))


def _present(connection: Connection, batch: int, contents: Contents) -> int:
    """Count the events that are still in *batch*, erased ones, too."""
    present = 0
    for page in pages_of(contents.events):
        present += sum(batch_of(at) == batch for _, at in connection.execute(_PLACES, {"events": page}))
    return present


def _by_batch(connection: Connection, events: Iterable[int]) -> dict[int, list[int]]:
    positions = defaultdict[int, list[int]](list)
    for page in pages_of([*events]):
        for _, at in connection.execute(_PLACES, {"events": page}):
            positions[batch_of(at)].append(position_of(at))
    return positions


def _erased(connection: Connection, batch: int, contents: Contents, positions: Collection[int]) -> Contents:
    linked = links(connection, [contents.events[p] for p in positions], {batch: contents})
    values, bodies, salts = [*contents.values], [*contents.bodies], [*contents.salts]
    for p in positions:
        content = bodies[p] or b""
        salts[p] = erased_salts(contents.form, salts[p], content, linked[contents.events[p]])
        values[p], bodies[p] = values[p]._replace(minor=0), None
    return replace(contents, values=values, bodies=bodies, salts=salts)


def _overwrite(connection: Connection, batch: int, contents: Contents) -> tuple[bytes, bytes]:
    """Write zeros in the lengths that the row has, so that SQLite overwrites it where it is, then its new contents.

    Amounts and bytes are made as long; they are longer where equal values compressed better. Return the joined bytes
    before and after.
    """
    table = tables.blob
    row = update(table).where(table.c.batch == batch)
    old = connection.execute(select(table.c.amounts, table.c.salts, table.c.bytes).where(table.c.batch == batch)).one()
    connection.execute(row.values(**{name: bytes(len(value)) for name, value in old._asdict().items()}))
    new = contents.columns()
    amounts, packed = new["amounts"].ljust(len(old.amounts), b"\0"), new["bytes"]
    packed = packed and packed.ljust(len(old.bytes), b"\0")
    connection.execute(row.values(amounts=amounts, bytes=packed, salts=new["salts"]))
    return old.bytes, packed or bytes(len(old.bytes))


def _forget_digests(connection: Connection, batch: int, positions: Collection[int]) -> None:
    """Write zeros over the fingerprints of the events at *positions*."""
    table = tables.fingerprint
    packed = connection.execute(select(table.c.digests).where(table.c.batch == batch)).scalar()
    if packed is not None:
        digests = bytearray(packed)
        for position in positions:
            digests[position * DIGEST_BYTES : (position + 1) * DIGEST_BYTES] = bytes(DIGEST_BYTES)
        connection.execute(update(table).where(table.c.batch == batch).values(digests=bytes(digests)))
