"""Which orders of schema 0008 stand as the batch of their event says, and need no row of their own in schema 0009.

An order does where this loses nothing: its only event is of revision 0 and in the batch, it was sent with the value
that the source states, nothing else is known of it, and its attempt and its end are those of most such orders there.
"""

import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise
from typing import Any

import sqlalchemy as sa

from conversions.ledger.batches import varints
from conversions.ledger.standing import readings

_LETTERS = {"recorded": "c", "unmatched": "u", "duplicate": "d"}
_DIGEST_BYTES = 8
_NO_FACTS = ("reason", "detail", "wire_id", "decision", "acknowledged_us", "accepted_minor")
_MONEY = ("minor", "currency", "exponent")
_BATCHES = sa.text("SELECT id FROM batch ORDER BY id")
_BLOB = sa.text("SELECT members, sizes, bytes FROM blob WHERE batch = :batch")
_CANDIDATES = sa.text(f"""
    SELECT e.place & 4095 AS position, d.id, d.state, d.fingerprint, d.ready_at, d.expires_at, d.first_attempt_us,
    d.settled_run
    FROM event e JOIN delivery d ON d.id = e.id >> 8 JOIN batch b ON b.id = e.place >> 12
    JOIN sale a ON a.id = d.id >> 6
    WHERE e.id IN :events AND b.id = :batch AND e.id & 255 = 0 AND d.revision = 0 AND d.day = b.day AND d.attempted = 1
    AND d.state IN ('received', 'recorded', 'unmatched', 'duplicate') AND length(d.fingerprint) = {_DIGEST_BYTES}
    AND {" AND ".join(f"d.{name} IS NULL" for name in _NO_FACTS)}
    AND {" AND ".join(f"d.value_{name} = d.stated_{name}" for name in _MONEY)}
    AND (d.due_minor IS NULL OR d.due_minor = d.stated_minor)
    AND NOT EXISTS (SELECT 1 FROM event n WHERE n.id BETWEEN e.id + 1 AND e.id | 255)
    AND NOT EXISTS (
        SELECT 1 FROM delivery o WHERE o.id BETWEEN d.id >> 6 << 6 AND d.id | 63
        AND (o.state = 'erased' OR {" OR ".join(f"o.stated_{name} <> d.stated_{name}" for name in _MONEY)})
    )
""").bindparams(sa.bindparam("events", expanding=True))
"""The sale states one value: that of each of its orders. An order of another value would say otherwise of it."""
_PARTS = sa.text("""
    SELECT x.place, x.events, r.id, r.intended_us, r.run, r.outcome
    FROM request_part x JOIN request r ON r.id = x.request WHERE x.place BETWEEN :first AND :last ORDER BY r.id
""")
_SET_PLACE = sa.text("UPDATE delivery_place SET place = :place WHERE id = :id")
_SET_BATCH = sa.text("""
    UPDATE batch SET verdicts = :verdicts, regular = :regular, ready_at = :ready_at, expires_at = :expires_at,
    attempted = 1, first_attempt_us = :first_attempt_us, settled_run = :settled_run WHERE id = :batch
""")
_INSERT_FINGERPRINTS = sa.text("INSERT INTO fingerprint(batch, digests) VALUES (:batch, :digests)")
_INSERT_READING = sa.text("""
    INSERT INTO reading SELECT b.run, b.id, :everywhere, :sales FROM batch b WHERE b.id = :batch
""")
_SET_VALUES = """
    UPDATE sale SET (minor, currency, exponent) = (
        SELECT d.stated_minor, d.stated_currency, d.stated_exponent FROM delivery_place k JOIN delivery d ON d.id = k.id
        WHERE k.id BETWEEN sale.id << 6 AND sale.id << 6 | 63 AND k.place IS NOT NULL LIMIT 1
    )
"""


def place_orders(connection: sa.Connection) -> Iterator[int]:
    """Give regular orders the place of their event, batch by batch; yield the number of events in each."""
    for batch in connection.execute(_BATCHES).scalars().all():
        row = connection.execute(_BLOB, {"batch": batch}).one_or_none()
        if row is not None:
            members = varints.unpack_steps(zlib.decompress(row.members))
            _place_orders(connection, batch, members, _kept(row.bytes, varints.unpack(row.sizes)))
            yield len(members)
    connection.execute(sa.text(_SET_VALUES))


def _place_orders(connection: sa.Connection, batch: int, members: Sequence[int], kept: Sequence[bool]) -> None:
    found = connection.execute(_CANDIDATES, {"events": members, "batch": batch}).all()
    candidates = [row for row in found if kept[row.position] and members[row.position] == row.id << 8]
    if not candidates:
        return
    newest = _newest_requests(connection, batch)
    answered = [row for row in candidates if _is_of(row, newest.get(row.position))]
    if not answered:
        return
    terms = {row.id: (row.expires_at, newest[row.position].id) for row in answered}
    ((common, _),) = Counter(terms.values()).most_common(1)
    regular = [row for row in answered if terms[row.id] == common]
    connection.execute(_SET_PLACE, [{"id": row.id, "place": batch << 12 | row.position} for row in regular])
    connection.execute(_SET_BATCH, {"batch": batch, **_standing(regular, len(members))})
    _record_reading(connection, batch, [row.id >> 6 for row in regular])
    digests = bytearray(_DIGEST_BYTES * len(members))
    for row in regular:
        digests[row.position * _DIGEST_BYTES : (row.position + 1) * _DIGEST_BYTES] = row.fingerprint
    connection.execute(_INSERT_FINGERPRINTS, {"batch": batch, "digests": bytes(digests)})


def _newest_requests(connection: sa.Connection, batch: int) -> dict[int, sa.Row[Any]]:
    """Return the newest request that has each position."""
    by_position = dict[int, sa.Row[Any]]()
    for row in connection.execute(_PARTS, {"first": batch << 12, "last": batch << 12 | 4095}):
        first = row.place & 4095
        by_position |= dict.fromkeys(range(first, first + row.events), row)
    return by_position


def _is_of(order: sa.Row[Any], request: sa.Row[Any] | None) -> bool:
    """Whether the order was first sent by *request*, and settled by its answer: a batch says no more of its orders."""
    of_order = order.first_attempt_us, order.settled_run, "received"
    return request is not None and of_order == (request.intended_us, request.run, request.outcome)


def _record_reading(connection: sa.Connection, batch: int, sales: Sequence[int]) -> None:
    """The run that sealed a batch has read its orders."""
    spans = readings.pack(readings.spans_of(sorted({*sales})))
    connection.execute(_INSERT_READING, {"batch": batch, "everywhere": (1 << 62) - 1, "sales": spans})


def _standing(regular: Sequence[sa.Row[Any]], events: int) -> dict[str, Any]:
    """Return what the batch says of its regular orders. When they were ready no longer matters: they were sent."""
    letters = ["-"] * events
    for row in regular:
        letters[row.position] = _LETTERS.get(row.state, "-")
    return {
        "verdicts": "".join(letters) if any(letter != "-" for letter in letters) else None,
        "regular": len(regular),
        "ready_at": min((row.ready_at for row in regular if row.ready_at is not None), default=None),
        "expires_at": regular[0].expires_at,
        "first_attempt_us": regular[0].first_attempt_us,
        "settled_run": regular[0].settled_run,
    }


def _kept(packed: bytes | None, sizes: Sequence[int]) -> list[bool]:
    """Return whether the bytes of each event are there; those of an erased one are zeros."""
    if packed is None:
        return [False] * len(sizes)
    whole = zlib.decompressobj().decompress(packed)
    return [start < end <= len(whole) and whole[start] != 0 for start, end in pairwise([0, *accumulate(sizes)])]
