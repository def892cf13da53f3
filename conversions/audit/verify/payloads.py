"""Compares what was sent with the commitments logged before: the salted hash of every event, and every envelope."""

import os
import sqlite3
import zlib
from array import array
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.open_store import open_store
from conversions.ledger.batches.contents import BlobRow, Contents, batch_of, place, position_of, unpack
from conversions.ledger.batches.form import Form, erased_value, leaf_value, link
from conversions.ledger.batches.links import NUMBER_OF_EVENT
from conversions.ledger.log.merkle import root_of
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import POSITION_BITS, SALE_OF_EVENT

EVENTS_WITHOUT_WORKERS = 100_000
"""Up to this many events one process checks alone, because worker processes need a second to start."""
DAMAGES = (ValueError, TypeError, LookupError, AttributeError, OverflowError, zlib.error, sqlite3.Error)
"""What reading an altered batch can raise."""
REQUESTS_PER_CHUNK = 64
"""Requests that one task checks."""

_REQUESTS = """
    SELECT r.id, r.leaf, r.headers, r.prefix, r.suffix, l.body
    FROM request r LEFT JOIN leaf l ON l.seq = r.leaf WHERE r.id BETWEEN ? AND ? ORDER BY r.id
"""
_PARTS = "SELECT first, place, events FROM request_part WHERE request = ? ORDER BY first"
_BLOB = "SELECT form, members, amounts, sizes, salts, bytes FROM blob WHERE batch = ?"
_LINKS = f"""
    SELECT e.id, e.place, {NUMBER_OF_EVENT}, {PERSON_OF_EVENT}, b.day
    FROM event e JOIN batch b ON b.id = e.place >> {POSITION_BITS}
    JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT} LEFT JOIN earlier_person p ON p.event = e.id
    WHERE e.id IN ({{}})
"""  # noqa: S608


@dataclass(slots=True)
class CheckedRequests:
    """The result for one chunk of requests."""

    events: int = 0
    erased: "array[int]" = field(default_factory=lambda: array("q"))
    """Ids of the events without payload."""
    findings: list[VerificationFinding] = field(default_factory=list)


def check_payloads(path: Path, store: sqlite3.Connection, since: int = 0) -> Iterator[CheckedRequests]:
    """Check the requests from entry *since* on, chunk by chunk; for a large store, worker processes start at once."""
    ((events,),) = store.execute("SELECT coalesce(sum(events), 0) FROM request WHERE leaf >= ?", (since,))
    numbers = store.execute("SELECT id FROM request WHERE leaf >= ? ORDER BY id", (since,))
    chunks = _chunks([number for (number,) in numbers])
    if events <= EVENTS_WITHOUT_WORKERS or (os.cpu_count() or 1) == 1:
        return (check_requests(store, *chunk) for chunk in chunks)
    return _by_workers(path, chunks)


def _chunks(numbers: list[int]) -> list[tuple[int, int]]:
    """First and last request of each chunk; only existing numbers count, since a damaged store may have huge ones."""
    return [
        (chunk[0], chunk[-1])
        for chunk in (numbers[at : at + REQUESTS_PER_CHUNK] for at in range(0, len(numbers), REQUESTS_PER_CHUNK))
    ]


def _by_workers(path: Path, chunks: list[tuple[int, int]]) -> Iterator[CheckedRequests]:
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"))
    results = [pool.submit(check_file, path, *chunk) for chunk in chunks]

    def collect() -> Iterator[CheckedRequests]:
        with pool:
            for result in results:
                yield result.result()

    return collect()


def check_file(path: Path, first: int, last: int) -> CheckedRequests:
    """Check requests in a worker process, over its own read-only connection."""
    with open_store(path) as store:
        return check_requests(store, first, last)


def check_requests(store: sqlite3.Connection, first: int, last: int) -> CheckedRequests:
    """Check the requests numbered *first* to *last*."""
    checked = CheckedRequests()
    for request in store.execute(_REQUESTS, (first, last)):
        number, leaf = request[:2]
        try:
            difference = _check_request(store, request, checked)
        except DAMAGES as error:
            difference = f"cannot be checked against request {number} ({type(error).__name__})"
        if difference:
            checked.findings.append(VerificationFinding(f"entry {leaf}", difference))
    return checked


def _check_request(
    store: sqlite3.Connection, request: tuple[int, int, str, bytes, bytes, str], checked: CheckedRequests
) -> str | None:
    """Return how one request differs from its entry, or None."""
    number, _, headers, prefix, suffix, body = request
    facts = orjson.loads(body)
    if sha256(b"\0".join([headers.encode(), prefix, suffix])).hexdigest() != facts["envelope"]:
        return f"commits to another envelope than request {number} has"
    parts = store.execute(_PARTS, (number,)).fetchall()
    count = sum(events for *_, events in parts)
    checked.events += count
    in_place = all(first == at for (first, *_), at in zip(parts, _firsts(parts), strict=False))
    if count != facts["events"] or not in_place:
        return f"commits to {facts['events']} events, request {number} has {count}, or they are not where they were"
    events = [event for _, first, length in parts for event in _events(store, first, length)]
    checked.erased.extend(event.id for event in events if event.body is None)
    if root_of([event.leaf_value for event in events]).hex() != facts["commitments"]:
        return f"commits to other events than request {number} has, or to other orders or persons"
    sizes = [len(event.body) for event in events if event.body is not None]
    size = len(prefix) + sum(sizes) + max(count - 1, 0) + len(suffix)
    if len(sizes) == count and size != facts["bytes"]:
        return f"commits to {facts['bytes']} bytes, request {number} has {size}"
    return None


def _firsts(parts: Iterable[tuple[int, int, int]]) -> Iterator[int]:
    """The position in the request at which each part must begin."""
    return accumulate((events for *_, events in parts), initial=0)


class _Event(NamedTuple):
    id: int
    body: bytes | None
    leaf_value: bytes


def _events(store: sqlite3.Connection, first: int, length: int) -> Iterator[_Event]:
    """The events of one part. Raises ValueError or another error where the batch is damaged."""
    batch = batch_of(first)
    contents = stored_contents(store, batch)
    positions = range(position_of(first), position_of(first) + length)
    # Requests from before schema 0007 commit to the bytes alone; ``verify.old_links`` checks whose orders theirs are.
    linked = {} if contents.form is Form.BYTES else stored_links(store, contents, batch, positions)
    for position in positions:
        event, body, salts = contents.events[position], contents.bodies[position], contents.salts[position]
        if body is None:
            value = erased_value(contents.form, salts)
        else:
            value = leaf_value(contents.form, salts, body, linked[event] if linked else b"")
        yield _Event(event, body, value)


def stored_contents(store: sqlite3.Connection, batch: int) -> Contents:
    """Return the contents of *batch*. Raises ValueError or another error where it is missing or damaged."""
    return unpack(BlobRow(*store.execute(_BLOB, (batch,)).fetchone()))


def stored_links(
    store: sqlite3.Connection, contents: Contents, batch: int, positions: Iterable[int]
) -> dict[int, bytes]:
    """The link of each event that is not erased, from the rows as they are now."""
    kept = {contents.events[p]: p for p in positions if contents.bodies[p] is not None}
    rows = store.execute(_LINKS.format(",".join("?" * len(kept))), [*kept])
    return {
        event: link(number, subject or b"", day, contents.values[kept[event]])
        for event, at, number, subject, day in rows
        if at == place(batch, kept[event])
    }
