"""Compares the state of each order with the answers to the requests that have its newest event.

What no request explains has a judgement (``verify.judgements``) or an operator's decision.
"""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory
from conversions.ledger.batches.contents import Contents
from conversions.ledger.judgements.record import AGAINST_SENDING
from conversions.ledger.schema.tables import MAX_REVISIONS, REVISION_BITS, SALE_OF_EVENT
from conversions.ledger.schema.views import columns, standing
from conversions.ledger.states import SENT, UNANSWERED, WAITING, State
from conversions.model.conversion import Money

if TYPE_CHECKING:
    from conversions.audit.verify.batches import Part

_COLUMNS = (
    "state",
    "revision",
    "attempted",
    "first_attempt_us",
    "day",
    "value_minor",
    "value_currency",
    "value_exponent",
)
_ORDERS = f"""
    SELECT e.id, e.place, k.place, {columns(*_COLUMNS)}, p.subject FROM event e
    LEFT JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT} {standing(f"= e.id >> {REVISION_BITS}")}
    LEFT JOIN earlier_person p ON p.event = e.id WHERE e.id IN ({{}})
"""  # noqa: S608
_NEED_NO_EVENT = ", ".join(f"'{state}'" for state in sorted({*AGAINST_SENDING, State.ERASED}))
_WITHOUT_EVENT = f"""
    SELECT x.id FROM exception x WHERE x.state NOT IN ({_NEED_NO_EVENT})
    AND NOT EXISTS (SELECT 1 FROM event e WHERE e.id = x.id << {REVISION_BITS} | x.revision)
"""  # noqa: S608
_WITHOUT_ITS_EVENT = "SELECT event FROM earlier_person EXCEPT SELECT id FROM event"
_DECIDED = f"""
    SELECT 1 FROM decision WHERE delivery = :event >> {REVISION_BITS} AND decision = 'send'
    UNION SELECT 1 FROM judgement WHERE delivery = :event >> {REVISION_BITS} AND at_us >= :since_us
"""  # noqa: S608


class Order(NamedTuple):
    """An event, and the row of its order."""

    event: int
    place: int
    stands_at: int | None
    """The place that says how the order stands; None: it has an exception, or is past retention."""
    state: str | None
    """None: the order is past retention."""
    revision: int
    attempted: int
    first_attempt_us: int | None
    day: str
    minor: int | None
    currency: str | None
    exponent: int | None
    earlier: bytes | None
    """The buyer of the event where the sale has another one now."""

    @property
    def is_regular(self) -> bool:
        """Whether the order stands as the batch of this event says."""
        return self.stands_at == self.place

    @property
    def is_newest(self) -> bool:
        """Whether the order's row is about this event."""
        return self.state is not None and self.event % MAX_REVISIONS == self.revision


def orders_of(store: sqlite3.Connection, events: Collection[int]) -> list[Order]:
    """Return the orders of *events* with their places; those without a place are left out."""
    query = _ORDERS.format(",".join("?" * len(events)))
    return [Order(*row) for row in store.execute(query, [*events])]


def compare(  # noqa: PLR0913 - what is compared
    history: LogHistory,
    store: sqlite3.Connection,
    contents: Contents,
    day: str,
    named: "Mapping[int, Sequence[Part]]",
    here: Mapping[int, Order],
) -> Iterator[VerificationFinding]:
    """Yield the orders that stand otherwise than the requests of their newest event say; all is by position."""
    for position, order in here.items():
        requests, body = named.get(position, []), contents.bodies[position]
        if body is None and order.earlier is not None:
            yield VerificationFinding(f"event {order.event}", "is erased, and its earlier buyer is not")
        if not order.is_newest:
            continue
        difference = (
            _difference(order, requests, erased=body is None)
            or _other_attempts(history, order, requests)
            or _other_value(order, contents.values[position], day, erased=body is None)
        )
        if difference == _NOT_ANSWERED and _is_decided(history, store, order, requests):
            continue
        if difference:
            yield VerificationFinding(f"delivery {order.event >> REVISION_BITS}", difference)


def without_event(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Yield the orders that wait or were sent without an event, and earlier buyers of events that are not there."""
    for (delivery,) in store.execute(_WITHOUT_EVENT):
        yield VerificationFinding(f"delivery {delivery}", "has no event, and does not stand against sending")
    for (event,) in store.execute(_WITHOUT_ITS_EVENT):
        yield VerificationFinding(f"event {event}", "has an earlier buyer and is not there")


_NOT_ANSWERED = "stands otherwise than its newest request was answered"


def _difference(order: Order, requests: "Sequence[Part]", *, erased: bool) -> str | None:
    """Return how the state contradicts the answers; None where it does not."""
    outcome = requests[-1].outcome if requests else ""
    if order.state in SENT:
        return None if any(part.outcome == "received" for part in requests) else "was received by no request"
    if order.state in WAITING:
        return _NOT_ANSWERED if outcome in {None, "received", "unknown"} else None
    if order.state in UNANSWERED:
        return _NOT_ANSWERED if outcome == "received" else None
    if order.state == State.ERASED:
        return None if erased else "is erased, and its event is not"
    return None if order.state in AGAINST_SENDING else "has a state that there is not"


def _other_attempts(history: LogHistory, order: Order, requests: "Sequence[Part]") -> str | None:
    """Return how the row counts attempts otherwise; a restored store lacks the requests of some of its orders."""
    if order.state != State.ERASED and order.attempted != bool(requests) and not history.restorations:
        return "is marked otherwise than the requests that have its newest event"
    if order.state in UNANSWERED and requests and (order.first_attempt_us or 0) > _first_attempt(requests):
        return "was sent for the first time before it says"
    return None


def _other_value(order: Order, value: Money, day: str, *, erased: bool) -> str | None:
    """Return how an order that waits or was sent differs from its event; an erased event has no value."""
    if order.state in AGAINST_SENDING or order.state == State.ERASED:
        return None
    if order.day != day:
        return "has another day than its event"
    same = (order.minor, order.currency, order.exponent) == value
    return None if same or erased else "has another value than its event"


def _first_attempt(requests: "Sequence[Part]") -> int:
    unanswered = [part.intended_us for part in requests if part.outcome in {None, "unknown", "received"}]
    return min(unanswered, default=requests[-1].intended_us)


def _is_decided(history: LogHistory, store: sqlite3.Connection, order: Order, requests: "Sequence[Part]") -> bool:
    """Whether a person, a judgement or a late result has changed the state since."""
    if any(part.request in history.postponed for part in requests):
        return True
    asked = {"event": order.event, "since_us": requests[-1].intended_us}
    return store.execute(_DECIDED, asked).fetchone() is not None
