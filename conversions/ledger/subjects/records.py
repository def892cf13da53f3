"""A person's orders, events and transfers, found by the keyed subjects only.

An order whose address was rectified is of the right person; the wrong one has the events that went out under theirs.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS, SPAN_BITS
from conversions.ledger.store import instant
from conversions.model.conversion import Money
from conversions.model.subject import Person

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
_RECTIFIED = (
    select(tables.rectified_order.c.sale, *tables.rectification.c["id", "at_us", "case_no"])
    .join(tables.rectification, tables.rectification.c.id == tables.rectified_order.c.rectification)
    .order_by(tables.rectification.c.id)
)
_later = tables.rectified_order.alias()
_CORRECTED_LATER = exists().where(
    _later.c.sale == tables.rectified_order.c.sale,
    _later.c.rectification > tables.rectified_order.c.rectification,
)
EVENT_RANGES = text("""
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
    own: bool = True
    """False where it has the address of another, or where that is erased."""


@dataclass(frozen=True, slots=True)
class Rectified:
    """The latest rectification of an order's address."""

    id: int
    at: datetime
    """Aware, UTC."""
    case: str
    own: bool
    """True where the order is this person's, False where only the address was."""


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
    sale: int
    rectified: Rectified | None = None


def sales_of(connection: Connection, person: Person) -> list[int]:
    """Keys of this person's sales, ascending, whether sent, pending or withheld."""
    sales = {sale for subject in person for sale in connection.execute(_SALES, {"subject": subject}).scalars()}
    return sorted(sales - rectified_away(connection, person).keys() | _rectified_to(connection, person).keys())


def rectified_away(connection: Connection, person: Person) -> dict[int, Rectified]:
    """The sales of others that had this person's address, by key."""
    rows = connection.execute(_RECTIFIED.where(tables.rectified_order.c.wrong.in_(person)))
    return {sale: Rectified(number, instant(at), case, own=False) for sale, number, at, case in rows}


def subject_orders(connection: Connection, person: Person) -> list[SubjectOrder]:
    """All stored data of this person's orders, oldest first, then what others' orders had of the person."""
    ranges = [tuple(row) for row in connection.execute(EVENT_RANGES)]
    own = _rectified_to(connection, person)
    of_others = {sale: r for sale, r in rectified_away(connection, person).items() if sale not in own}
    orders = []
    for sale in [*sales_of(connection, person), *of_others]:
        rectified = of_others.get(sale) or own.get(sale)
        between = {"low": sale << DESTINATION_BITS, "high": sale + 1 << DESTINATION_BITS}
        for row in connection.execute(_DELIVERIES, between):
            events = _events(connection, person, row.id, ranges)
            if rectified is None or not rectified.own:  # the buyer of an order can change
                events = tuple(e for e in events if e.own or (rectified and e.payload is None))
            if events or row.subject in person or (rectified and rectified.own):
                orders.append(_subject_order(row, events, rectified))
    return orders


def _rectified_to(connection: Connection, person: Person) -> dict[int, Rectified]:
    """The sales of this person that had the address of another, by key: the latest rectification of a sale counts."""
    rows = connection.execute(_RECTIFIED.where(tables.rectification.c.corrected.in_(person), ~_CORRECTED_LATER))
    return {sale: Rectified(number, instant(at), case, own=True) for sale, number, at, case in rows}


def lost_time(connection: Connection) -> tuple[datetime, datetime] | None:
    """A time whose runs the store does not have, because an older copy was restored; None where it has all."""
    since, until = connection.execute(select(tables.head.c.lost_from_us, tables.head.c.lost_until_us)).one()
    return (instant(since), instant(until)) if since is not None and until is not None else None


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
    select(_e.id, _e.bytes, _e.subject).where(_e.id >= bindparam("low"), _e.id < bindparam("high")).order_by(_e.id)
)
WITH_EVENT = select(tables.request_event.c.request).where(
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
    .where(_r.id.in_(WITH_EVENT))
    .order_by(_r.id)
)


def _events(
    connection: Connection, person: Person, delivery: int, ranges: list[tuple[int, int, int]]
) -> tuple[SentEvent, ...]:
    between = {"low": delivery << REVISION_BITS, "high": delivery + 1 << REVISION_BITS}
    return tuple(
        SentEvent(number, payload, _transfers(connection, number, ranges), own=subject in person)
        for number, payload, subject in connection.execute(_EVENTS, between).all()
    )


def _transfers(connection: Connection, event: int, ranges: list[tuple[int, int, int]]) -> tuple[Transfer, ...]:
    candidates = [request for request, first, last in ranges if first <= event <= last]
    rows = connection.execute(_TRANSFERS, {"requests": candidates, "event": event})
    return tuple(Transfer(number, instant(intended), *rest) for number, intended, *rest in rows)


def _subject_order(row: Row[Any], events: tuple[SentEvent, ...], rectified: Rectified | None) -> SubjectOrder:
    stated = Money(row.stated_minor, row.stated_currency, row.stated_exponent)
    return SubjectOrder(row.order_no, row.day, row.name, row.state, row.reason, stated, events, row.sale, rectified)
