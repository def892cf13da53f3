"""A person's orders, events and transfers, found by the keyed subject only."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS, SPAN_BITS
from conversions.ledger.store import instant
from conversions.model.conversion import Money

_TO_SALE = DESTINATION_BITS + REVISION_BITS


def _by_person(table: str, to_sale: int) -> str:
    """One seek per span of sales; see the index in ``schema.tables``."""
    to_span = to_sale + SPAN_BITS
    return f"""
        SELECT t.id >> {to_sale} FROM span CROSS JOIN {table} t
        WHERE (t.id >> {to_span}) = span.n AND t.subject = :subject
    """


_SALES = text(f"""
    WITH RECURSIVE span(n) AS (
        SELECT 0 UNION ALL SELECT n + 1 FROM span WHERE n < (SELECT max(id) >> {SPAN_BITS} FROM sale)
    ) {_by_person("event", _TO_SALE)} UNION {_by_person("delivery", DESTINATION_BITS)} ORDER BY 1
""")
_EVENT_RANGES = text("""
    SELECT r.id, f.event, l.event FROM request r
    JOIN request_event f ON f.request = r.id AND f.position = 0
    JOIN request_event l ON l.request = r.id AND l.position = r.events - 1 ORDER BY r.id
""")
"""First and last event key of each request. Keys rise within a request, so they show whether it may hold an event."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One attempt to send an event of this person."""

    request: int
    at: datetime
    """When the request was about to leave; aware, UTC."""
    recipient: str
    outcome: str | None
    policy: str
    """SHA-256 of the policy's text, which is the key of its document."""
    policy_version: str
    legal_basis: str


@dataclass(frozen=True, slots=True)
class SentEvent:
    """An event of one order at one destination, sent or not."""

    id: int
    payload: bytes | None = field(repr=False)
    """The exact bytes as sent; None after erasure."""
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class SubjectOrder:
    """One of a person's orders at one destination."""

    order_no: str
    day: str
    """Day of purchase, in the shop's zone."""
    destination: str
    state: str
    reason: str | None
    stated: Money
    events: tuple[SentEvent, ...]


def sales_of(connection: Connection, subject: bytes) -> list[int]:
    """Keys of this person's sales, ascending, whether sent, pending or withheld."""
    return list(connection.execute(_SALES, {"subject": subject}).scalars())


def subject_orders(connection: Connection, subject: bytes) -> list[SubjectOrder]:
    """All stored data of this person's orders, oldest first."""
    ranges = [tuple(row) for row in connection.execute(_EVENT_RANGES)]
    orders = []
    for sale in sales_of(connection, subject):
        between = {"low": sale << DESTINATION_BITS, "high": sale + 1 << DESTINATION_BITS}
        for row in connection.execute(_DELIVERIES, between):
            events = _events(connection, subject, row.id, ranges)
            if events or row.subject == subject:  # the buyer of an order can change
                orders.append(_subject_order(row, events))
    return orders


def policy_text(connection: Connection, sha256: str) -> str | None:
    """Text of the policy with this SHA-256, None if the store does not have it."""
    query = select(tables.document.c.body).where(tables.document.c.sha256 == sha256)
    return connection.execute(query).scalar()


_d, _e, _r = tables.delivery.c, tables.event.c, tables.request.c
_DELIVERIES = (
    select(tables.delivery, tables.sale.c.order_no, tables.destination.c.name)
    .join(tables.sale, tables.sale.c.id == _d.sale)
    .join(tables.destination, tables.destination.c.id == _d.destination)
    .where(_d.id >= bindparam("low"), _d.id < bindparam("high"))
    .order_by(_d.id)
)
_EVENTS = (
    select(_e.id, _e.bytes)
    .where(_e.id >= bindparam("low"), _e.id < bindparam("high"), _e.subject == bindparam("subject"))
    .order_by(_e.id)
)
_WITH_EVENT = select(tables.request_event.c.request).where(
    tables.request_event.c.request.in_(bindparam("requests", expanding=True)),
    tables.request_event.c.event == bindparam("event"),
)
_TRANSFERS = (
    select(
        _r.id,
        _r.intended_us,
        _r.recipient,
        _r.outcome,
        _r.policy,
        tables.run.c.policy_version,
        tables.run.c.legal_basis,
    )
    .join(tables.run, tables.run.c.id == _r.run)
    .where(_r.id.in_(_WITH_EVENT))
    .order_by(_r.id)
)


def _events(
    connection: Connection, subject: bytes, delivery: int, ranges: list[tuple[int, int, int]]
) -> tuple[SentEvent, ...]:
    between = {"low": delivery << REVISION_BITS, "high": delivery + 1 << REVISION_BITS, "subject": subject}
    rows = connection.execute(_EVENTS, between)
    return tuple(SentEvent(number, payload, _transfers(connection, number, ranges)) for number, payload in rows)


def _transfers(connection: Connection, event: int, ranges: list[tuple[int, int, int]]) -> tuple[Transfer, ...]:
    candidates = [request for request, first, last in ranges if first <= event <= last]
    rows = connection.execute(_TRANSFERS, {"requests": candidates, "event": event})
    return tuple(Transfer(number, instant(intended), *rest) for number, intended, *rest in rows)


def _subject_order(row: Row[Any], events: tuple[SentEvent, ...]) -> SubjectOrder:
    stated = Money(row.stated_minor, row.stated_currency, row.stated_exponent)
    return SubjectOrder(row.order_no, row.day, row.name, row.state, row.reason, stated, events)
