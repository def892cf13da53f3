"""Retention: remove old payloads, and reduce finished old orders to counts (GDPR art. 5(1)(e)).

The data of a person who asked for restriction stay as they are (art. 18(2)).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import Connection, insert, text

from conversions.ledger import log
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import DELIVERIES_OF, EVENTS_OF
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS
from conversions.ledger.store import Ledger, microseconds
from conversions.ledger.subjects import access_log, order_mentions, records, redaction, suppressions

ROWS_PER_PAGE = 5_000
"""Deliveries (one order at one destination) in one transaction."""
MAX_SUM_MINOR_UNITS = (1 << 63) - 1
"""Limit of a stored sum: the sum of a misread column may not fit 64 bits."""
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
"""The newest sale always stays, because its key must not be reused. A sale that a run has read since stays, too: later
runs would read and count it again."""
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
    text("DELETE FROM rectified_order WHERE sale IN (SELECT value FROM json_each(:sales))"),
    text(f"DELETE FROM decision WHERE delivery >> {DESTINATION_BITS} IN (SELECT value FROM json_each(:sales))"),
    text("DELETE FROM sale WHERE id IN (SELECT value FROM json_each(:sales))"),
)
_ORDER_NUMBERS = text("SELECT a.order_no FROM json_each(:sales) j JOIN sale a ON a.id = j.value")
_FORGET_CORRECTED = text("""
    UPDATE rectification SET corrected = NULL WHERE corrected IS NOT NULL AND orders > 0
    AND NOT EXISTS (SELECT 1 FROM rectified_order x WHERE x.rectification = rectification.id)
""")


@dataclass(slots=True)
class PurgeResult:
    """Counts of one purge."""

    before: date
    """First day of purchase that is kept."""
    events: int = 0
    """Removed payloads; their commitments stay."""
    orders: int = 0
    """Deliveries (one order at one destination) that were reduced to counts."""


def first_kept_day(ledger: Ledger, zone: ZoneInfo, days: int) -> date:
    """The day that is *days* before today in the shop's *zone*."""
    return ledger.clock().astimezone(zone).date() - timedelta(days=days)


def purge(ledger: Ledger, before: date) -> PurgeResult:
    """Purge orders of days before *before*. The caller holds the run lock, and calls ``redaction.wipe`` afterwards.

    *before* is older than every platform's window, so a purged order is too old to be sent again. An order that still
    waits for an answer or a decision keeps its row and loses its payload.
    """
    purged, after = PurgeResult(before), 0
    with _foreign_keys_off(ledger):
        while sales := _old(ledger, before, after):
            after = sales[-1] << DESTINATION_BITS | MAX_DESTINATIONS - 1
            _redact_payloads(ledger, purged, sales)
            _shrink(ledger, purged, sales)
    order_mentions.forget_before(ledger, _midnight_us(before))
    access_log.purge_looks(ledger, before, _midnight_us(before))
    return purged


def _midnight_us(day: date) -> int:
    return microseconds(datetime.combine(day, time.min, UTC))


def _old(ledger: Ledger, before: date, after: int) -> list[int]:
    """The next page of sales with a purchase day before *before*, ascending."""
    parameters = {"bits": DESTINATION_BITS, "before": before.isoformat(), "after": after, "page": ROWS_PER_PAGE}
    with ledger.transaction() as connection:
        return sorted(set(connection.execute(_OLD, parameters).scalars()))


def _redact_payloads(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        events = list(connection.execute(_PAYLOADS, _free(connection, sales)).scalars())
        if events:
            redaction.redact(connection, events)
            covered = redaction.ranges(connection, events)
            facts = {"basis": "retention", "events": covered, "count": len(events), "before": purged.before.isoformat()}
            log.append(connection, "purge", ledger.now_us, facts, epoch=ledger.epoch)
            purged.events += len(events)


def _shrink(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        limits = {"before": purged.before.isoformat(), "before_us": _midnight_us(purged.before)}
        finished = list(connection.execute(_FINISHED, _free(connection, sales) | limits).scalars())
        if finished:
            finished_sales = {"sales": orjson.dumps(finished).decode()}
            orders = _count(connection, finished_sales)
            order_mentions.forget_orders(connection, connection.execute(_ORDER_NUMBERS, finished_sales).scalars().all())
            _delete(connection, finished)
            facts = {"orders": orders, "sales": len(finished), "before": purged.before.isoformat()}
            log.append(connection, "shrink", ledger.now_us, facts, epoch=ledger.epoch)
            purged.orders += orders


def _delete(connection: Connection, sales: Sequence[int]) -> None:
    """Delete *sales* and what the store has of them."""
    decided = tables.decision.c.delivery
    with (
        bound.changed(connection, "rectified_order", tables.rectified_order.c.sale.in_(sales)),
        bound.changed(connection, "rectification", tables.rectification.c.corrected.is_not(None)),
        bound.changed(connection, "decision", decided.op(">>")(DESTINATION_BITS).in_(sales)),
    ):
        for statement in _SHRINK:
            connection.execute(statement, {"sales": orjson.dumps(sales).decode()})
        connection.execute(_FORGET_CORRECTED)


def _free(connection: Connection, sales: Sequence[int]) -> dict[str, Any]:
    """The statements' parameter with *sales*, but for those of people whose data may only be stored."""
    people = tuple(suppressions.restricted(connection))
    kept = {*records.sales_of(connection, people), *records.rectified_away(connection, people)} if people else set()
    return {"sales": orjson.dumps([sale for sale in sales if sale not in kept]).decode()}


def _count(connection: Connection, parameters: dict[str, str]) -> int:
    """Add the deliveries that are deleted next to the history; return their number."""
    counts, sums = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for *key, minor in connection.execute(_ROWS_TO_COUNT, parameters):
        counts[tuple(key)] += 1
        sums[tuple(key)] = min(sums[tuple(key)] + minor, MAX_SUM_MINOR_UNITS)
    names = ("day", "destination", "state", "reason", "currency", "exponent")
    rows = [dict(zip(names, key, strict=True), orders=count, minor=sums[key]) for key, count in counts.items()]
    connection.execute(insert(tables.history), rows)
    return counts.total()


@contextmanager
def _foreign_keys_off(ledger: Ledger) -> Iterator[None]:
    """Switch off foreign keys: SQLite would read every delivery per deleted sale. Deliveries are deleted first."""
    driver = ledger.connection.connection.driver_connection
    assert driver is not None
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")
