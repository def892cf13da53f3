"""Compares what was sent with the commitments logged before: the salted hash of every event, and every envelope."""

import hmac
import os
import sqlite3
from array import array
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import repeat
from multiprocessing import get_context
from pathlib import Path

import orjson

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.open_store import open_store
from conversions.ledger.log.merkle import root_of

EVENTS_WITHOUT_WORKERS = 100_000
"""Up to this many events one process checks alone, because worker processes need a second to start."""
REQUESTS_PER_CHUNK = 64
"""Requests that one task checks."""

_REQUESTS = """
    SELECT r.id, r.leaf, r.headers, r.prefix, r.suffix, l.body
    FROM request r LEFT JOIN leaf l ON l.seq = r.leaf WHERE r.id BETWEEN ? AND ? ORDER BY r.id
"""
_EVENTS = """
    SELECT x.position, x.event, e.delivery << 8 | e.revision, e.salt, e.bytes, e.commitment
    FROM request_event x LEFT JOIN event e ON e.id = x.event WHERE x.request = ? ORDER BY x.position
"""


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
        except (ValueError, TypeError, KeyError, AttributeError, sqlite3.Error) as error:
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
    rows = store.execute(_EVENTS, (number,)).fetchall()
    checked.events += len(rows)
    if sha256(b"\0".join([headers.encode(), prefix, suffix])).hexdigest() != facts["envelope"]:
        return f"commits to another envelope than request {number} has"
    in_place = all(at == position and event == own for at, (position, event, own, *_) in enumerate(rows))
    if len(rows) != facts["events"] or not in_place:
        return f"commits to {facts['events']} events, request {number} has {len(rows)}, or they are not where they were"
    events, salts, bodies = [row[1] for row in rows], [row[3] for row in rows], [row[4] for row in rows]
    if None in bodies:
        checked.erased.extend(event for event, content in zip(events, bodies, strict=True) if content is None)
        commitments = [_commitment(*row[3:]) for row in rows]
    else:
        commitments = list(map(hmac.digest, salts, bodies, repeat("sha256")))
        size = len(prefix) + sum(map(len, bodies)) + max(len(bodies) - 1, 0) + len(suffix)
        if size != facts["bytes"]:
            return f"commits to {facts['bytes']} bytes, request {number} has {size}"
    if root_of(commitments).hex() != facts["commitments"]:
        return f"commits to other events than request {number} has"
    return None


def _commitment(salt: bytes | None, content: bytes | None, commitment: bytes | None) -> bytes:
    """The commitment to one event: computed, or stored where the event is erased. Raises TypeError otherwise."""
    match salt, content, commitment:
        case None, None, bytes():
            return commitment
        case bytes(), bytes(), _:
            return hmac.digest(salt, content, "sha256")
        case _:
            raise TypeError
