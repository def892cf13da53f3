"""Nothing is kept for ever: old payloads leave the store, and what is over shrinks to counts (GDPR art. 5(1)(e))."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, insert, text

from conversions.ledger import log
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.store import Ledger, microseconds
from conversions.ledger.subjects import redaction
from conversions.ledger.subjects.erasure import DELIVERIES_OF, EVENTS_OF

ROWS_PER_PAGE = 5_000
"""Orders at destinations, in one transaction."""
MAX_SUM_MINOR_UNITS = (1 << 63) - 1
"""A misread column may hold numbers whose sum does not fit 64 bits."""
_OLD = text("""
    SELECT id >> :bits FROM delivery WHERE id > :after AND day < :before ORDER BY id LIMIT :page
""")
_PAYLOADS = text(f"""
    SELECT e.id FROM json_each(:sales) j JOIN event e ON e.id {EVENTS_OF} WHERE e.bytes IS NOT NULL ORDER BY e.id
""")
_FINISHED = text(f"""
    SELECT j.value FROM json_each(:sales) j WHERE j.value < (SELECT max(id) FROM sale) AND NOT EXISTS (
        SELECT 1 FROM delivery d WHERE d.id {DELIVERIES_OF}
        AND (d.day >= :before OR d.state IN ('pending', 'deferred', 'in_flight', 'unknown')
        OR d.run >= (SELECT coalesce(min(r.id), 1 << 62) FROM run r WHERE r.started_us >= :before_us))
    ) AND NOT EXISTS (
        SELECT 1 FROM revision v WHERE v.id {EVENTS_OF} AND v.state IN ('pending', 'in_flight', 'unknown')
    ) ORDER BY j.value
""")
"""The newest sale stays, whatever its age: its key must never be given again. So does one that was read since: read
again and again, it would be counted each time."""
_ROWS_TO_COUNT = text(f"""
    SELECT d.day, d.destination, d.state, d.reason, d.stated_currency, d.stated_exponent, d.stated_minor
    FROM json_each(:sales) j JOIN delivery d ON d.id {DELIVERIES_OF}
""")
_SHRINK = (
    text(f"""
        DELETE FROM revision WHERE id IN (SELECT v.id FROM json_each(:sales) j JOIN revision v ON v.id {EVENTS_OF})
    """),
    text(f"""
        DELETE FROM delivery WHERE id IN (SELECT d.id FROM json_each(:sales) j JOIN delivery d ON d.id {DELIVERIES_OF})
    """),
    text("DELETE FROM former_number WHERE sale IN (SELECT value FROM json_each(:sales))"),
    text("DELETE FROM latest_amount WHERE sale IN (SELECT value FROM json_each(:sales))"),
    text("DELETE FROM sale WHERE id IN (SELECT value FROM json_each(:sales))"),
)


@dataclass(slots=True)
class PurgeResult:
    """What one pass took out."""

    before: date
    """Days of purchase before this one."""
    events: int = 0
    """Payloads; their commitments stay."""
    orders: int = 0
    """Rows, of one order at one destination each, that became counts."""


def first_kept_day(ledger: Ledger, zone: ZoneInfo, days: int) -> date:
    """The first day that is kept: *days* before today in the shop's *zone*."""
    return ledger.clock().astimezone(zone).date() - timedelta(days=days)


def purge(ledger: Ledger, before: date) -> PurgeResult:
    """Take out what was purchased before that day, under the run lock; empty the files with ``redaction.wipe``.

    *before* lies beyond every platform's window: such an order, read again, is too old to be sent. One that still
    waits for an answer or a decision keeps its row and loses its payload.
    """
    purged, after = PurgeResult(before), 0
    with _foreign_keys_off(ledger):
        while sales := _old(ledger, before, after):
            after = sales[-1] << DESTINATION_BITS | MAX_DESTINATIONS - 1
            _redact_payloads(ledger, purged, sales)
            _shrink(ledger, purged, sales)
    return purged


def _old(ledger: Ledger, before: date, after: int) -> list[int]:
    """The next sales with a purchase day before that one, rising."""
    asked = {"bits": DESTINATION_BITS, "before": before.isoformat(), "after": after, "page": ROWS_PER_PAGE}
    with ledger.transaction() as connection:
        return sorted(set(connection.execute(_OLD, asked).scalars()))


def _redact_payloads(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        events = list(connection.execute(_PAYLOADS, {"sales": orjson.dumps(sales).decode()}).scalars())
        if events:
            redaction.redact(connection, events)
            covered = redaction.ranges(connection, events)
            facts = {"basis": "retention", "events": covered, "count": len(events), "before": purged.before.isoformat()}
            log.append(connection, "purge", ledger.now_us, facts, epoch=ledger.epoch)
            purged.events += len(events)


def _shrink(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        midnight = microseconds(datetime.combine(purged.before, time.min, UTC))
        asked = {"sales": orjson.dumps(sales).decode(), "before": purged.before.isoformat(), "before_us": midnight}
        over = list(connection.execute(_FINISHED, asked).scalars())
        if over:
            gone = {"sales": orjson.dumps(over).decode()}
            orders = _count(connection, gone)
            for statement in _SHRINK:
                connection.execute(statement, gone)
            facts = {"orders": orders, "sales": len(over), "before": purged.before.isoformat()}
            log.append(connection, "shrink", ledger.now_us, facts, epoch=ledger.epoch)
            purged.orders += orders


def _count(connection: Connection, asked: dict[str, str]) -> int:
    """Add to the history what is about to go; how many rows."""
    counts, sums = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for *key, minor in connection.execute(_ROWS_TO_COUNT, asked):
        counts[tuple(key)] += 1
        sums[tuple(key)] = min(sums[tuple(key)] + minor, MAX_SUM_MINOR_UNITS)
    names = ("day", "destination", "state", "reason", "currency", "exponent")
    rows = [dict(zip(names, key, strict=True), orders=count, minor=sums[key]) for key, count in counts.items()]
    connection.execute(insert(tables.history), rows)
    return counts.total()


@contextmanager
def _foreign_keys_off(ledger: Ledger) -> Iterator[None]:
    """A sale goes after all its deliveries; SQLite would read every delivery to see that, once for each sale."""
    driver = ledger.connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
