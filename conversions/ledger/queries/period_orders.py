"""How the orders of some purchase days stood at an instant, each once at each destination.

The rule is that of ``audit.explain.past`` for one order, here for all orders of the days in a few statements: what
stood against sending by the judgement of that time, else what the requests and late results of that time say.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, text

from conversions.ledger.judgements.record import is_against
from conversions.ledger.queries.period_requests import Answers, answers
from conversions.ledger.states import WITHOUT_JUDGEMENT, State
from conversions.ledger.store import microseconds
from conversions.model.conversion import Money

NO_LIMIT = 2**62
"""In microseconds: later than every request."""
_OF_DAYS = "BETWEEN :since AND :until"
_ORDERS = text(f"""
    SELECT d.id, d.sale, d.day, d.state, d.reason, d.stated_minor, d.stated_currency, d.stated_exponent, a.order_no,
    r.started_us AS read_us, n.name FROM delivery d JOIN sale a ON a.id = d.sale
    JOIN destination n ON n.id = d.destination LEFT JOIN run r ON r.id = a.first_run
    WHERE d.day {_OF_DAYS} ORDER BY d.day, d.id
""")
_JUDGED = text(f"""
    SELECT j.delivery, j.to_state, j.to_reason FROM judgement j JOIN delivery d ON d.id = j.delivery
    WHERE d.day {_OF_DAYS} AND j.at_us <= :at_us ORDER BY j.id
""")
_PAST_RETENTION = text(f"""
    SELECT n.name, h.day, h.state, h.reason, h.currency, h.exponent, h.orders, h.minor FROM history h
    JOIN destination n ON n.id = h.destination WHERE h.day {_OF_DAYS} ORDER BY h.id
""")


class Standing(NamedTuple):
    """A state and the reason for it."""

    state: State
    reason: str | None


@dataclass(frozen=True, slots=True)
class PeriodOrders:
    """One order at one destination, or several orders past retention that stood alike."""

    destination: str
    day: str
    """Day of purchase, in the shop's zone."""
    standing: Standing
    value: Money | None
    """What the source stated last; the sum of several orders. None: erased."""
    restated: bool = False
    """The platform had received a changed value."""
    orders: int = 1
    order_no: str | None = None
    """None: erased, or past retention."""
    sale: int | None = None
    """The key of the order: two shops may have the same number."""


def period_orders(connection: Connection, since: date, until: date, at: datetime | None) -> list[PeriodOrders]:
    """Return the orders bought from *since* to *until* as they stood at the instant *at* (aware); None: as they stand.

    Orders that no run had read by then are not among them. Orders past retention count as they were then reduced.
    """
    days: dict[str, object] = {"since": since.isoformat(), "until": until.isoformat()}
    limit = None if at is None else microseconds(at)
    judged = {} if limit is None else _judged(connection, days | {"at_us": limit})
    told = answers(connection, since, until, NO_LIMIT if limit is None else limit)
    rows = [row for row in connection.execute(_ORDERS, days) if limit is None or (row.read_us or 0) <= limit]
    kept = [_order(row, _standing(row, judged, told.get(row.id), limit), told.get(row.id)) for row in rows]
    return kept + [_past_retention(row) for row in connection.execute(_PAST_RETENTION, days)]


def _judged(connection: Connection, limits: Mapping[str, object]) -> dict[int, Standing]:
    """Return the newest judgement of each order."""
    return {row.delivery: Standing(State(row.to_state), row.to_reason) for row in connection.execute(_JUDGED, limits)}


def _standing(row: Row[Any], judged: Mapping[int, Standing], told: Answers | None, limit: int | None) -> Standing:
    if limit is None or row.state == State.ERASED:
        return Standing(State(row.state), row.reason)
    judgement = judged.get(row.id)
    if judgement and is_against(*judgement):
        return judgement
    return Standing(_by_requests(row, told, limit), None)


def _by_requests(row: Row[Any], told: Answers | None, limit: int) -> State:
    if told is None:
        return State.PENDING
    if told.received:
        reported = told.reported_us is not None and told.reported_us <= limit
        return State(row.state) if reported and row.state in WITHOUT_JUDGEMENT else State.RECEIVED
    return State.PENDING if told.not_taken else State.UNKNOWN


def _order(row: Row[Any], standing: Standing, told: Answers | None) -> PeriodOrders:
    if standing.state == State.ERASED:
        return PeriodOrders(row.name, row.day, standing, None)
    value = Money(row.stated_minor, row.stated_currency, row.stated_exponent)
    restated = bool(told and told.restated)
    return PeriodOrders(row.name, row.day, standing, value, restated, order_no=row.order_no, sale=row.sale)


def _past_retention(row: Row[Any]) -> PeriodOrders:
    erased = row.state == State.ERASED
    value = None if erased else Money(row.minor, row.currency, row.exponent)
    return PeriodOrders(row.name, row.day, Standing(State(row.state), row.reason), value, orders=row.orders)
