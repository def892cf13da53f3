"""A person's orders, events and transfers, found by the keyed subjects only.

An order whose address was rectified is of the right person; the wrong one has the events that went out under theirs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, exists, select, text

from conversions.ledger.batches.contents import bodies
from conversions.ledger.batches.parts import has_place
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import DESTINATION_BITS, REVISION_BITS, SALE_OF_EVENT
from conversions.ledger.store import instant
from conversions.ledger.subjects.persons import sales_under
from conversions.model.conversion import Money
from conversions.model.subject import Person

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
    sales = sales_under(connection, person)
    return sorted(sales - rectified_away(connection, person).keys() | _rectified_to(connection, person).keys())


def own_sales(connection: Connection, person: Person) -> list[int]:
    """Keys of the sales whose buyer is this person now, ascending."""
    sales = sales_of(connection, person)
    own = _rectified_to(connection, person)
    buyers = {row.id: row.subject for row in connection.execute(_BUYERS, {"sales": sales})}
    return [sale for sale in sales if sale in own or buyers[sale] in person]


def sales_rectified_to(connection: Connection, person: Person) -> list[int]:
    """Keys of this person's sales that had the address of another, ascending."""
    return sorted(_rectified_to(connection, person))


def buyers_of(connection: Connection, sales: Sequence[int]) -> Person:
    """The subjects that stand at *sales* as their buyers."""
    rows = connection.execute(_BUYERS, {"sales": sales})
    return tuple({row.subject for row in rows if row.subject is not None})


def sales_of_others(connection: Connection, person: Person) -> list[int]:
    """Keys of the sales that had this person's address and are another's: rectified, or bought by another since."""
    under = sales_under(connection, person) | rectified_away(connection, person).keys()
    return sorted(under.difference(own_sales(connection, person)))


def rectified_away(connection: Connection, person: Person) -> dict[int, Rectified]:
    """The sales of others that had this person's address, by key."""
    rows = connection.execute(_RECTIFIED.where(tables.rectified_order.c.wrong.in_(person)))
    return {sale: Rectified(number, instant(at), case, own=False) for sale, number, at, case in rows}


def subject_orders(connection: Connection, person: Person) -> list[SubjectOrder]:
    """All stored data of this person's orders, oldest first, then what others' orders had of the person."""
    own = _rectified_to(connection, person)
    of_others = {sale: r for sale, r in rectified_away(connection, person).items() if sale not in own}
    orders = []
    for sale in [*sales_of(connection, person), *of_others]:
        rectified = of_others.get(sale) or own.get(sale)
        between = {"low": sale << DESTINATION_BITS, "high": sale + 1 << DESTINATION_BITS}
        for row in connection.execute(_DELIVERIES, between):
            events = _events(connection, person, row.id)
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


_d, _r = views.delivery.c, tables.request.c
_DELIVERIES = (
    select(views.delivery, tables.sale.c.order_no, tables.sale.c.subject, tables.destination.c.name)
    .join(tables.sale, tables.sale.c.id == _d.sale)
    .join(tables.destination, tables.destination.c.id == _d.destination)
    .where(_d.id >= bindparam("low"), _d.id < bindparam("high"))
    .order_by(_d.id)
)
_BUYERS = select(tables.sale.c.id, tables.sale.c.subject).where(
    tables.sale.c.id.in_(bindparam("sales", expanding=True))
)
_EVENTS = text(f"""
    SELECT e.id, e.place, {PERSON_OF_EVENT} AS subject FROM event e JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT}
    LEFT JOIN earlier_person p ON p.event = e.id WHERE e.id >= :low AND e.id < :high ORDER BY e.id
""")
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
    .join(tables.request_part, tables.request_part.c.request == _r.id)
    .where(text(has_place("request_part", ":place")))
    .order_by(_r.id)
)


def _events(connection: Connection, person: Person, delivery: int) -> tuple[SentEvent, ...]:
    rows = connection.execute(_EVENTS, {"low": delivery << REVISION_BITS, "high": delivery + 1 << REVISION_BITS}).all()
    payloads = bodies(connection, [row.place for row in rows])
    return tuple(
        SentEvent(row.id, payloads[row.place], _transfers(connection, row.place), own=row.subject in person)
        for row in rows
    )


def _transfers(connection: Connection, place: int) -> tuple[Transfer, ...]:
    rows = connection.execute(_TRANSFERS, {"place": place})
    return tuple(Transfer(number, instant(intended), *rest) for number, intended, *rest in rows)


def _subject_order(row: Row[Any], events: tuple[SentEvent, ...], rectified: Rectified | None) -> SubjectOrder:
    stated = Money(row.stated_minor, row.stated_currency, row.stated_exponent)
    return SubjectOrder(row.order_no, row.day, row.name, row.state, row.reason, stated, events, row.sale, rectified)
