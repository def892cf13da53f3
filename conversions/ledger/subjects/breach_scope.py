"""The breach scope: orders and people in the requests that may have left, for a breach notice (GDPR art. 33)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, exists, func, select

from conversions.disclosure.schema import EVENTS
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import json_has, json_lists, json_text
from conversions.ledger.store import instant
from conversions.model.receipt import Outcome

_r, _x, _e, _d = tables.request.c, tables.request_event.c, tables.event.c, tables.delivery.c


@dataclass(frozen=True, slots=True)
class BreachScope:
    """Filter for requests that left, or may have left."""

    run: int | None = None
    """Only this run; None for all runs."""
    since_us: int = 0
    """First and last instant before sending, microseconds UTC, both inclusive."""
    until_us: int = 2**63 - 1
    path: str | None = None
    """Only requests with this path, as the policy writes it: ``events[].conversionValue``."""


@dataclass(frozen=True, slots=True)
class BreachCount:
    """Number of orders and people in a breach scope."""

    orders: int
    people: int
    """Distinct keyed subjects."""
    erased: int
    """Erased events; their people are unknown and may be among ``people`` or not."""


@dataclass(frozen=True, slots=True)
class AffectedOrder:
    """One order at one destination."""

    order_no: str
    destination: str
    first: datetime
    """First and last attempt in scope; aware, UTC."""
    last: datetime


def count(connection: Connection, scope: BreachScope) -> BreachCount:
    """Count orders and people, without a list in memory."""
    return BreachCount(*connection.execute(count_query(scope)).one())


def orders(connection: Connection, scope: BreachScope) -> Iterator[AffectedOrder]:
    """Yield one row per order and destination, in key order; reads 1,000 rows at a time."""
    rows = connection.execute(orders_query(scope).execution_options(yield_per=1000))
    for order_no, destination, first, last in rows:
        yield AffectedOrder(order_no, destination, instant(first), instant(last))


def count_query(scope: BreachScope) -> Select[*tuple[Any, ...]]:
    """Orders, people, and erased events."""
    events = _in_scope(scope, _e.id, _e.subject, _d.sale).distinct().subquery()
    erased = func.count().filter(events.c.subject.is_(None))
    return select(func.count(events.c.sale.distinct()), func.count(events.c.subject.distinct()), erased)


def orders_query(scope: BreachScope) -> Select[*tuple[Any, ...]]:
    """Order number, destination, first and last attempt."""
    first, last = func.min(_r.intended_us).label("first_us"), func.max(_r.intended_us).label("last_us")
    f = _in_scope(scope, _d.id, _d.sale, _d.destination, first, last).group_by(_d.id).subquery().c
    sale, destination = tables.sale.c, tables.destination.c
    query = select(sale.order_no, destination.name, f.first_us, f.last_us).where(
        sale.id == f.sale, destination.id == f.destination
    )
    return query.order_by(f.id)


def _in_scope(scope: BreachScope, *columns: Any) -> Select[*tuple[Any, ...]]:
    """The events of the requests in scope.

    The log names the paths of each request, also for erased events; the bytes show those of each single event.
    """
    query = (
        select(*columns)
        .select_from(tables.request)
        .join(tables.request_event, _x.request == _r.id)
        .join(tables.event, _e.id == _x.event)
        .join(tables.delivery, _d.id == _e.delivery)
        .where(func.coalesce(_r.outcome, "") != Outcome.NOT_SENT)
        .where(_r.intended_us.between(scope.since_us, scope.until_us))
    )
    if scope.run is not None:
        query = query.where(_r.run == scope.run)
    if scope.path is not None:
        paths = json_text(tables.leaf.c.body, "paths")
        query = query.where(exists().where(tables.leaf.c.seq == _r.leaf, json_lists(paths, scope.path)))
    if within := _path_in_event(scope.path):
        query = query.where(_e.bytes.is_(None) | json_has(_e.bytes, within))
    return query


def _path_in_event(path: str | None) -> str | None:
    """The JSON path inside one event; None for a path outside the events."""
    prefixes = [f"{events}[]." for events in EVENTS.values()]
    inside = next((path.removeprefix(prefix) for prefix in prefixes if path and path.startswith(prefix)), None)
    return inside and f"$.{inside.replace('[]', '[0]')}"
