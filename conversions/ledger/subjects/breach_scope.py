"""The breach scope: orders and people in the requests that may have left, for a breach notice (GDPR art. 33)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from conversions.disclosure.schema import EVENTS
from conversions.ledger.store import instant
from conversions.model.receipt import Outcome

_FROM_REQUESTS = f"""
    FROM request r JOIN request_event x ON x.request = r.id
    JOIN event e ON e.id = x.event JOIN delivery d ON d.id = e.delivery
    WHERE coalesce(r.outcome, '') <> '{Outcome.NOT_SENT}' AND r.intended_us BETWEEN :since_us AND :until_us
    AND (:run IS NULL OR r.run = :run)
    AND (:path IS NULL OR EXISTS (
        SELECT 1 FROM leaf l, json_each(l.body, '$.paths') p WHERE l.seq = r.leaf AND p.value = :path
    ))
    AND (:within IS NULL OR e.bytes IS NULL OR json_type(CAST(e.bytes AS TEXT), :within) IS NOT NULL)
"""
"""The log names the paths of each request, also for erased events; the bytes show the paths of each single event."""
_COUNT = text(f"""
    SELECT count(DISTINCT sale), count(DISTINCT subject), count(*) FILTER (WHERE subject IS NULL)
    FROM (SELECT DISTINCT e.id, e.subject, d.sale {_FROM_REQUESTS})
""")
_ORDERS = text(f"""
    SELECT s.order_no, n.name, f.first, f.last FROM (
        SELECT d.id, d.sale, d.destination, min(r.intended_us) AS first, max(r.intended_us) AS last
        {_FROM_REQUESTS} GROUP BY d.id
    ) f JOIN sale s ON s.id = f.sale JOIN destination n ON n.id = f.destination ORDER BY f.id
""")


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
    return BreachCount(*connection.execute(_COUNT, _parameters(scope)).one())


def orders(connection: Connection, scope: BreachScope) -> Iterator[AffectedOrder]:
    """Yield one row per order and destination, in key order; reads 1,000 rows at a time."""
    rows = connection.execute(_ORDERS.execution_options(yield_per=1000), _parameters(scope))
    for order_no, destination, first, last in rows:
        yield AffectedOrder(order_no, destination, instant(first), instant(last))


def _parameters(scope: BreachScope) -> dict[str, object]:
    return {**asdict(scope), "within": _path_in_event(scope.path)}


def _path_in_event(path: str | None) -> str | None:
    """The JSON path inside one event, for SQLite; None for a path outside the events."""
    prefixes = [f"{events}[]." for events in EVENTS.values()]
    inside = next((path.removeprefix(prefix) for prefix in prefixes if path and path.startswith(prefix)), None)
    return inside and f"$.{inside.replace('[]', '[0]')}"
