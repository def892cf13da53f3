"""Retention: remove old payloads, and reduce finished old orders to counts (GDPR art. 5(1)(e)).

The data of a person who asked for restriction stay as they are (art. 18(2)).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, text

from conversions.ledger import judgements, log
from conversions.ledger.batches import parts
from conversions.ledger.batches.blank import kept_payloads
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.keys import deliveries_of, event_spans, events_of
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, SALE_OF_EVENT
from conversions.ledger.standing import readings, remove_orders
from conversions.ledger.store import Ledger, microseconds
from conversions.ledger.subjects import access_log, order_mentions, records, redaction, suppressions
from conversions.ledger.subjects.scrub import Deletion, demand
from conversions.ledger.subjects.wire_ids import keep_wire_ids

ROWS_PER_PAGE = 2_500
"""Orders in one transaction."""
BATCHES_PER_PAGE = 5
"""Batches in one transaction, with all other events of their orders."""
MAX_SUM_MINOR_UNITS = (1 << 63) - 1
"""Limit of a stored sum: the sum of a misread column may not fit 64 bits."""
_OLD_BATCHES = text("""
    SELECT b.id FROM batch b WHERE b.day < :before AND EXISTS (
        SELECT 1 FROM blob x WHERE x.batch = b.id AND x.bytes IS NOT NULL
    ) ORDER BY b.day, b.id
""")
_RUNS_OF_OLD_DAYS = text("""
    SELECT DISTINCT r.id, r.started_us >= :before_us AS is_kept FROM run r JOIN reading o ON o.run = r.id
    WHERE r.since < :before ORDER BY r.id
""")
"""An order is found by the runs that read it, so that the orders of other runs are not looked at."""
_ORDERS_OF_OLD_DAYS = text("""
    SELECT DISTINCT d.sale FROM delivery d WHERE d.id > :after AND d.id <= :last AND d.day < :before
    ORDER BY d.sale LIMIT :page
""")
_ANY_SALE = text("SELECT 1 FROM sale WHERE id BETWEEN :first AND :last LIMIT 1")
_FINISHED = text_with_lists(
    f"""
    SELECT s.id FROM sale s WHERE s.id IN :sales AND s.id < (SELECT max(id) FROM sale) AND NOT EXISTS (
        SELECT 1 FROM delivery d
        WHERE d.id BETWEEN s.id << {DESTINATION_BITS} AND s.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
        AND (d.day >= :before OR d.state IN ('pending', 'deferred', 'in_flight', 'unknown'))
    ) AND NOT EXISTS (
        SELECT 1 FROM revision v
        WHERE v.id BETWEEN s.id << {SALE_OF_EVENT} AND s.id << {SALE_OF_EVENT} | {(1 << SALE_OF_EVENT) - 1}
        AND v.state IN ('pending', 'in_flight', 'unknown')
    ) ORDER BY s.id
""",
    "sales",
)
"""The newest sale always stays, because its key must not be reused. A sale that a run has read since stays, too: later
runs would read and count it again."""
_ROWS_TO_COUNT = text_with_lists(
    """
    SELECT d.day, d.destination, d.state, d.reason, d.stated_currency, d.stated_exponent, d.stated_minor
    FROM delivery d WHERE d.id IN :deliveries
""",
    "deliveries",
)
_DELETE_REVISIONS = text("DELETE FROM revision WHERE id BETWEEN :first AND :last")
_DELETE_DECISIONS = text_with_lists("DELETE FROM decision WHERE delivery IN :deliveries", "deliveries")
_DELETE_OF_SALES = tuple(
    text_with_lists(f"DELETE FROM {table} WHERE {key} IN :sales", "sales")
    for table, key in (
        ("former_number", "sale"),
        ("latest_amount", "sale"),
        ("rectified_order", "sale"),
        ("sale", "id"),
    )
)
_BUYERS = text_with_lists("SELECT DISTINCT subject FROM sale WHERE id IN :sales AND subject IS NOT NULL", "sales")
_ORDER_NUMBERS = text_with_lists("SELECT order_no FROM sale WHERE id IN :sales", "sales")
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
    """Purge orders of days before *before*. The caller holds the run lock, and calls ``scrub`` afterwards.

    *before* is older than every platform's window, so a purged order is too old to be sent again. An order that still
    waits for an answer or a decision keeps its row and loses its payload.
    """
    purged = PurgeResult(before)
    for sales in _old_sales(ledger, before):
        _redact_payloads(ledger, purged, sales)
    if runs := _runs_of_old_days(ledger, before):
        read_lately = _spans(ledger, [run for run, is_kept in runs.items() if is_kept])
        for sales in _orders_of_old_days(ledger, before, [*runs]):
            _forget_buyers(ledger, sales)
            _shrink(ledger, purged, [sale for sale in sales if not readings.contains(read_lately, sale)])
        _forget_readings(ledger, [*runs])
    order_mentions.forget_before(ledger, _midnight_us(before))
    access_log.purge_looks(ledger, before, _midnight_us(before))
    return purged


def _midnight_us(day: date) -> int:
    return microseconds(datetime.combine(day, time.min, UTC))


def _old_sales(ledger: Ledger, before: date) -> Iterator[Sequence[int]]:
    """Yield the sales with payloads of days before *before*, page by page."""
    with ledger.transaction() as connection:
        batches = connection.execute(_OLD_BATCHES, {"before": before.isoformat()}).scalars().all()
    for page in (batches[at : at + BATCHES_PER_PAGE] for at in range(0, len(batches), BATCHES_PER_PAGE)):
        with ledger.transaction() as connection:
            events = parts.events_of(connection, page)
        yield sorted({event >> SALE_OF_EVENT for by_batch in events.values() for event in by_batch})


def _runs_of_old_days(ledger: Ledger, before: date) -> dict[int, bool]:
    """Return the runs that may have read orders of days before *before*, and whether each has run since."""
    limits = {"before": before.isoformat(), "before_us": _midnight_us(before)}
    with ledger.transaction() as connection:
        return {row.id: bool(row.is_kept) for row in connection.execute(_RUNS_OF_OLD_DAYS, limits)}


def _spans(ledger: Ledger, runs: Sequence[int]) -> list[readings.Span]:
    with ledger.transaction() as connection:
        return readings.spans(connection, runs)


def _orders_of_old_days(ledger: Ledger, before: date, runs: Sequence[int]) -> Iterator[Sequence[int]]:
    """Yield the sales of days before *before* that *runs* read, page by page, also those without an event."""
    for first, last in _spans(ledger, runs):
        limits = {"before": before.isoformat(), "page": ROWS_PER_PAGE, "last": _last_delivery(last)}
        after = _last_delivery(first - 1)
        while sales := _page(ledger, {**limits, "after": after}):
            yield sales
            after = _last_delivery(sales[-1])


def _last_delivery(sale: int) -> int:
    return sale << DESTINATION_BITS | MAX_DESTINATIONS - 1


def _forget_readings(ledger: Ledger, runs: Sequence[int]) -> None:
    """Forget what each run read of which no order is left."""
    with ledger.transaction() as connection:
        for run in runs:
            spans = ({"first": first, "last": last} for first, last in readings.spans(connection, [run]))
            if not any(connection.execute(_ANY_SALE, span).first() for span in spans):
                connection.execute(delete(tables.reading).where(tables.reading.c.run == run))


def _page(ledger: Ledger, parameters: Mapping[str, object]) -> Sequence[int]:
    with ledger.transaction() as connection:
        return connection.execute(_ORDERS_OF_OLD_DAYS, parameters).scalars().all()


def _forget_buyers(ledger: Ledger, sales: Sequence[int]) -> None:
    """Forget the buyers of orders without a payload: the link of a kept one would not be proven without its buyer."""
    with ledger.transaction() as connection:
        events = kept_payloads(connection, events_of(connection, sales))
        free = {*_free(connection, sales)} - {event >> SALE_OF_EVENT for event in events}
        buyers = tuple(connection.execute(_BUYERS, {"sales": [*free]}).scalars())
        if buyers:
            redaction.forget_buyers(connection, free, buyers)
            demand(connection, ledger.now_us, Deletion.RETENTION)


def _redact_payloads(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        free = _free(connection, sales)
        events = kept_payloads(connection, events_of(connection, free))
        if events:
            keep_wire_ids(connection, free)
            redaction.redact(connection, events)
            demand(connection, ledger.now_us, Deletion.RETENTION)
            redaction.forget_buyers(connection, free, tuple(connection.execute(_BUYERS, {"sales": free}).scalars()))
            covered = redaction.ranges(connection, events)
            facts = {"basis": "retention", "events": covered, "count": len(events), "before": purged.before.isoformat()}
            log.append(connection, "purge", ledger.now_us, facts, epoch=ledger.epoch)
            purged.events += len(events)


def _shrink(ledger: Ledger, purged: PurgeResult, sales: Sequence[int]) -> None:
    with ledger.transaction() as connection:
        limits = {"before": purged.before.isoformat(), "sales": _free(connection, sales)}
        finished = list(connection.execute(_FINISHED, limits).scalars())
        if finished:
            demand(connection, ledger.now_us, Deletion.RETENTION)
            deliveries = {"deliveries": deliveries_of(connection, finished)}
            orders = _count(connection, deliveries)
            numbers = connection.execute(_ORDER_NUMBERS, {"sales": finished}).scalars().all()
            order_mentions.forget_orders(connection, numbers)
            blanked = judgements.blank(connection, deliveries["deliveries"])
            _delete(connection, finished, deliveries["deliveries"])
            facts = {
                "orders": orders,
                "sales": len(finished),
                "before": purged.before.isoformat(),
                "judgements": blanked,
            }
            log.append(connection, "shrink", ledger.now_us, facts, epoch=ledger.epoch)
            purged.orders += orders


def _delete(connection: Connection, sales: Sequence[int], deliveries: Sequence[int]) -> None:
    """Delete *sales*, with their *deliveries*, and what the store has of them."""
    with (
        bound.changed(connection, "rectified_order", tables.rectified_order.c.sale.in_(sales)),
        bound.changed(connection, "rectification", tables.rectification.c.corrected.is_not(None)),
        bound.changed(connection, "decision", tables.decision.c.delivery.in_(deliveries)),
    ):
        connection.execute(_DELETE_REVISIONS, event_spans(sales))
        remove_orders(connection, deliveries)
        connection.execute(_DELETE_DECISIONS, {"deliveries": deliveries})
        for statement in _DELETE_OF_SALES:
            connection.execute(statement, {"sales": sales})
        connection.execute(_FORGET_CORRECTED)


def _free(connection: Connection, sales: Sequence[int]) -> list[int]:
    """Return *sales* but for those of people whose data may only be stored."""
    people = tuple(suppressions.restricted(connection))
    kept = {*records.sales_of(connection, people), *records.rectified_away(connection, people)} if people else set()
    return [sale for sale in sales if sale not in kept]


def _count(connection: Connection, deliveries: Mapping[str, object]) -> int:
    """Add the deliveries that are deleted next to the history; return their number."""
    counts, sums = Counter[tuple[object, ...]](), Counter[tuple[object, ...]]()
    for *key, minor in connection.execute(_ROWS_TO_COUNT, deliveries):
        counts[tuple(key)] += 1
        sums[tuple(key)] = min(sums[tuple(key)] + minor, MAX_SUM_MINOR_UNITS)
    names = ("day", "destination", "state", "reason", "currency", "exponent")
    rows = [dict(zip(names, key, strict=True), orders=count, minor=sums[key]) for key, count in counts.items()]
    connection.execute(insert(tables.history), rows)
    return counts.total()
