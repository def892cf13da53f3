"""The breach scope: orders and people in the requests that may have left, for a breach notice (GDPR art. 33)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, text

from conversions.disclosure.schema import EVENTS
from conversions.ledger.batches import parts
from conversions.ledger.batches.contents import batch_of, position_of, read
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import REVISION_BITS, SALE_OF_EVENT
from conversions.ledger.store import instant
from conversions.model.receipt import Outcome

MAX_INTEGER = 2**63 - 1
_REQUESTS = text(f"""
    SELECT r.id, r.intended_us, l.body FROM request r JOIN leaf l ON l.seq = r.leaf
    WHERE coalesce(r.outcome, '') <> '{Outcome.NOT_SENT}' AND r.intended_us BETWEEN :since_us AND :until_us
    AND r.run BETWEEN :first_run AND :last_run ORDER BY r.id
""")
_COLLECTION = text("CREATE TEMP TABLE IF NOT EXISTS affected(event BIGINT NOT NULL, at_us BIGINT NOT NULL)")
_EMPTY = text("DELETE FROM affected")
_COLLECT = text("INSERT INTO affected(event, at_us) VALUES (:event, :at_us)")
_COUNT = text(f"""
    SELECT count(DISTINCT sale), count(DISTINCT subject), count(*) FILTER (WHERE subject IS NULL) FROM (
        SELECT x.event >> {SALE_OF_EVENT} AS sale, {PERSON_OF_EVENT} AS subject
        FROM (SELECT DISTINCT event FROM affected) x LEFT JOIN sale a ON a.id = x.event >> {SALE_OF_EVENT}
        LEFT JOIN earlier_person p ON p.event = x.event
    ) n
""")
_ORDERS = text(f"""
    SELECT s.order_no, n.name, f.first, f.last FROM (
        SELECT d.id, d.sale, d.destination, min(x.at_us) AS first, max(x.at_us) AS last
        FROM affected x JOIN delivery d ON d.id = x.event >> {REVISION_BITS} GROUP BY d.id, d.sale, d.destination
    ) f JOIN sale s ON s.id = f.sale JOIN destination n ON n.id = f.destination ORDER BY f.id
""")


@dataclass(frozen=True, slots=True)
class BreachScope:
    """Filter for requests that left, or may have left."""

    run: int | None = None
    """Only this run; None for all runs."""
    since_us: int = 0
    """First and last instant before sending, microseconds UTC, both inclusive."""
    until_us: int = MAX_INTEGER
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
    _collect(connection, scope)
    return BreachCount(*connection.execute(_COUNT).one())


def orders(connection: Connection, scope: BreachScope) -> Iterator[AffectedOrder]:
    """Yield one row per order and destination, in key order; reads 1,000 rows at a time."""
    _collect(connection, scope)
    rows = connection.execute(_ORDERS.execution_options(yield_per=1000))
    for order_no, destination, first, last in rows:
        yield AffectedOrder(order_no, destination, instant(first), instant(last))


def _collect(connection: Connection, scope: BreachScope) -> None:
    """Write the events in scope to a temporary table."""
    connection.execute(_COLLECTION)
    connection.execute(_EMPTY)
    runs = {"first_run": scope.run or 0, "last_run": MAX_INTEGER if scope.run is None else scope.run}
    instants = {"since_us": scope.since_us, "until_us": scope.until_us}
    inside = _path_in_event(scope.path)
    for request, at_us, leaf in connection.execute(_REQUESTS, runs | instants).all():
        if scope.path is None or scope.path in orjson.loads(leaf).get("paths", ()):
            rows = [{"event": event, "at_us": at_us} for event in _events(connection, request, inside)]
            if rows:
                connection.execute(_COLLECT, rows)


def _events(connection: Connection, request: int, path: list[str] | None) -> Iterator[int]:
    """Yield the events of *request* that have *path*, or are erased: the log has the paths of the whole request."""
    places = parts.places(connection, [request])[request]
    contents = read(connection, {batch_of(at) for at in places})
    for at in places:
        of_batch, position = contents[batch_of(at)], position_of(at)
        body = of_batch.bodies[position]
        if path is None or body is None or _has(orjson.loads(body), path):
            yield of_batch.events[position]


def _path_in_event(path: str | None) -> list[str] | None:
    """The names inside one event; None for a path outside the events."""
    prefixes = [f"{events}[]." for events in EVENTS.values()]
    inside = next((path.removeprefix(prefix) for prefix in prefixes if path and path.startswith(prefix)), None)
    return inside.split(".") if inside else None


def _has(value: Any, path: list[str]) -> bool:
    for name in path:
        key = name.removesuffix("[]")
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key][0] if name.endswith("[]") and value[key] else value[key]
    return True
