"""Compares each batch with its events, with the requests that name it, and with the suppression list of its time."""

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from conversions.audit.verify import regular, standing
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory
from conversions.audit.verify.payloads import DAMAGES
from conversions.audit.verify.readings import SealedReadings
from conversions.ledger.batches.contents import BlobRow, Contents, place, position_of, unpack
from conversions.ledger.schema.tables import MAX_DESTINATIONS, MAX_POSITIONS, POSITION_BITS, REVISION_BITS

_BATCHES = """
    SELECT b.id, b.run, b.destination, b.day, b.events, b.objection, b.request, b.state, b.verdicts, b.regular,
    b.attempted, b.first_attempt_us, b.settled_run, f.digests, o.form, o.members, o.amounts, o.sizes, o.salts, o.bytes
    FROM batch b JOIN blob o ON o.batch = b.id LEFT JOIN fingerprint f ON f.batch = b.id ORDER BY b.id
"""
_WITHOUT_BLOB = "SELECT id FROM batch EXCEPT SELECT batch FROM blob"
_PARTS = """
    SELECT x.request, x.place, x.events, r.run, r.leaf, r.outcome, r.intended_us FROM request_part x
    JOIN request r ON r.id = x.request WHERE x.place BETWEEN ? AND ? ORDER BY x.request
"""


class Batch(NamedTuple):
    """A row of the table ``batch``, with its fingerprints."""

    id: int
    run: int
    destination: int
    day: str
    events: int
    objection: int
    request: int | None
    state: str
    verdicts: str | None
    regular: int
    attempted: int
    first_attempt_us: int | None
    settled_run: int | None
    digests: bytes | None


class Part(NamedTuple):
    """A row of the table ``request_part``, with its request."""

    request: int
    place: int
    events: int
    run: int
    leaf: int
    outcome: str | None
    intended_us: int


def compare(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield each way in which a batch differs from what it follows from, and events that are in no batch."""
    for (batch,) in store.execute(_WITHOUT_BLOB):
        yield VerificationFinding(f"batch {batch}", "has no contents")
    yield from standing.without_event(store)
    present, readings, columns = 0, SealedReadings(store), len(Batch._fields)
    for row in store.execute(_BATCHES):
        batch, blob = Batch(*row[:columns]), BlobRow(*row[columns:])
        try:
            contents = unpack(blob)
            parts = [Part(*part) for part in store.execute(_PARTS, (place(batch.id, 0), place(batch.id + 1, 0) - 1))]
            orders = standing.orders_of(store, contents.events)
            here = {position_of(order.place): order for order in orders if order.place >> POSITION_BITS == batch.id}
            present += len(here)
            named = _by_position(parts)
            for difference in _differences(history, batch, blob, contents, parts, here):
                yield VerificationFinding(f"batch {batch.id}", difference)
            for difference in regular.compare(history, readings, batch, contents, named, here):
                yield VerificationFinding(f"batch {batch.id}", difference)
            yield from standing.compare(history, store, contents, batch.day, named, here)
        except DAMAGES as error:
            yield VerificationFinding(f"batch {batch.id}", f"cannot be read ({type(error).__name__})")
    ((events,),) = store.execute("SELECT count(*) FROM event").fetchall()
    if events != present:
        yield VerificationFinding("the events", f"are {events}, and batches have {present} of them in their places")


def _differences(  # noqa: PLR0913 - what is compared
    history: LogHistory,
    batch: Batch,
    blob: BlobRow,
    contents: Contents,
    parts: Sequence[Part],
    here: dict[int, "standing.Order"],
) -> Iterator[str]:
    if not _is_whole(blob, contents):
        yield "has more or less in its columns than its events"
    if batch.events != len(contents.events):
        yield f"counts {batch.events} events and has {len(contents.events)}"
    if any(event >> REVISION_BITS & MAX_DESTINATIONS - 1 != batch.destination for event in contents.events):
        yield "has events of another destination"
    if batch.request != (parts[-1].request if parts else None):
        yield "is not named by the request that it says"
    if parts and batch.run != parts[0].run and not history.restorations:
        yield "was sealed in another run than the one that sent it first"
    if not _is_asked(history, batch, parts):
        yield "was compared with another state of the suppression list than there was"
    named = {position for part in parts for position in _positions(part)}
    gone = [p for p in range(len(contents.events)) if p not in here and (contents.bodies[p] is not None or p in named)]
    if gone or any(contents.events[position] != order.event for position, order in here.items()):
        yield f"has events that are not in their places ({len(gone)})"


def _is_whole(blob: BlobRow, contents: Contents) -> bool:
    """Whether every column has as much as there are events: zeros alone may follow, where an erasure left them."""
    count = len(contents.events)
    lengths = {len(contents.values), len(contents.bodies), len(contents.salts), len(contents.sizes)}
    same = lengths == {count} and len(blob.salts) == _room(contents) and 0 < count <= MAX_POSITIONS
    joined = 0 if blob.bytes is None else len(_unpacked(blob.bytes))
    _unpacked(blob.members), _unpacked(blob.amounts)
    erased_worth = any(v.minor for v, body in zip(contents.values, contents.bodies, strict=True) if body is None)
    return same and not erased_worth and (blob.bytes is None or joined == sum(contents.sizes))


def _room(contents: Contents) -> int:
    return sum(contents.form.room(erased=body is None) for body in contents.bodies)


def _unpacked(packed: bytes) -> bytes:
    """Raises ValueError where the stream is cut, or anything but zeros follows it."""
    stream = zlib.decompressobj()
    content = stream.decompress(packed)
    if not stream.eof or stream.unused_data.strip(b"\0"):
        raise ValueError("the column does not end with its contents")
    return content


def _is_asked(history: LogHistory, batch: Batch, parts: Sequence[Part]) -> bool:
    """Whether *batch* was compared with the suppression list as it was between its run's start and first request.

    Batches that an upgrade sealed were compared with none, so that each of their events is asked about again.
    """
    start, end = history.run_entries(batch.run)
    if batch.objection == 0 and start < history.sealed:
        return True
    end = min([end, *(part.leaf for part in parts)])
    return history.newest_objection(start) <= batch.objection <= history.newest_objection(end)


def _by_position(parts: Sequence[Part]) -> dict[int, list[Part]]:
    named: dict[int, list[Part]] = {}
    for part in parts:
        for position in _positions(part):
            named.setdefault(position, []).append(part)
    return named


def _positions(part: Part) -> range:
    first = position_of(part.place)
    return range(first, first + part.events)
