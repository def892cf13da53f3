"""Control totals: the result of every order that a run read, in counts and in money, by SQL over the ledger."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from sqlalchemy import Connection, func, select, text

from conversions.ledger.queries.read_orders import groups_of
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.sql import value_differs
from conversions.ledger.schema.tables import OPEN
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.staging.transitions import Transition
from conversions.ledger.standing.open_batches import has_received, open_batches
from conversions.ledger.standing.readings import in_any_span, select_spans
from conversions.ledger.states import SENT, State, state_of
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money, Reason

BUCKETS = (
    "sent",
    "already_sent",
    "pending",
    "withheld",
    "quarantined",
    "rejected",
    "deferred",
    "expired",
    "unknown",
)
"""The possible results of an order; every order that was read is in exactly one."""

_BUCKET_OF = {
    State.PENDING: "pending",
    State.IN_FLIGHT: "unknown",
    State.REJECTED: "rejected",
    State.UNKNOWN: "unknown",
    State.DEFERRED: "deferred",
    State.EXPIRED: "expired",
    State.WITHHELD: "withheld",
    State.QUARANTINED: "quarantined",
    State.ERASED: "withheld",
}


@dataclass(slots=True)
class ControlTotals:
    """One side of one destination's balance."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {"withheld": Counter(), "quarantined": Counter()})
    values: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    """By currency, then by bucket; in currency units."""
    days: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    changes: list["ValueChange"] = field(default_factory=list)
    """Sent orders with a changed value; at most ``MAX_ORDERS_NAMED`` of them."""
    changed: int = 0
    refused: list["Refusal"] = field(default_factory=list)
    """Orders that the platform refused one by one; at most ``MAX_ORDERS_NAMED`` of them."""
    first_too_old: int | None = None
    """Unix seconds when the first order that a plan would send becomes too old; a run reads this from the ledger."""
    too_old: Counter[str] = field(default_factory=Counter)
    """By purchase day, the orders that a plan counts as too old."""

    def add(self, bucket: str, day: str, value: Money, *, reason: str | None = None, count: int = 1) -> None:
        """Add *count* orders with the total value *value*."""
        self.counts[bucket] += count
        self.days[day][bucket] += count
        self.values[value.currency][bucket] += value.amount
        if bucket in self.reasons:
            self.reasons[bucket][str(reason or State.ERASED)] += count


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A sent order with a changed value."""

    order_no: str
    old: Money
    new: Money


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that the platform refused by itself, or named as failed."""

    order_no: str
    code: str
    """Code, subcode or reason, and field."""


MAX_ORDERS_NAMED = 20


def control_totals(ledger: Ledger, run: int, destinations: Iterable[tuple[str, int]]) -> dict[str, ControlTotals]:
    """Return the totals of every order that *run* read, by destination, as of the last commit."""
    names = {number: name for name, number in destinations}
    by_name = {name: ControlTotals() for name in names.values()}
    for group in groups_of(ledger, run, list(names)):
        totals, state = by_name[names[group.destination]], state_of(group.state)
        sent = "sent" if group.now else "already_sent"
        value = Money((group.high << 32) + group.low, group.stated_currency, group.stated_exponent)
        bucket = sent if state in SENT else _BUCKET_OF[state]
        totals.add(bucket, group.day, value, reason=group.reason, count=group.orders)
        totals.changed += group.orders if group.differs and state in SENT else 0
    for number, name in names.items():
        if by_name[name].changed:
            by_name[name].changes = _changes(ledger, run, number)
        if by_name[name].reasons["quarantined"][Reason.REFUSED_BY_PLATFORM]:
            by_name[name].refused = _refusals(ledger, run, number)
    return by_name


def forecast(
    destinations: list[ControlTotals],
    page: Iterable[Evaluation],
    now: int,
    maybe_sent: Callable[[Evaluation], bool] = lambda _: False,
) -> None:
    """Add one page of evaluations to the totals that a run would end with, before anything is sent.

    *maybe_sent* tells whether a run that the store does not know may have sent the order.
    """
    for order in page:
        totals, row, due = destinations[order.row.position], order.row, order.incoming.due
        bucket, reason = estimate(order, now)
        bucket = "unknown" if bucket == "pending" and maybe_sent(order) else bucket
        totals.add(bucket, row.day, order.stated, reason=reason)
        if bucket == "expired" or reason == Reason.TOO_OLD:
            totals.too_old[row.day] += 1
        if bucket in {"pending", "deferred"} and (until := order.incoming.expires_at) is not None:
            totals.first_too_old = min(until, totals.first_too_old or until)
        if bucket == "quarantined" and reason == Reason.REFUSED_BY_PLATFORM and len(totals.refused) < MAX_ORDERS_NAMED:
            totals.refused.append(Refusal(row.order_no, row.detail or ""))
        if order.value_differs and order.old is not None and order.old != due:
            totals.changed += 1
            if len(totals.changes) < MAX_ORDERS_NAMED:
                totals.changes.append(ValueChange(row.order_no, order.old, due))


def count_pending(ledger: Ledger, run: int, destinations: Iterable[int]) -> dict[int, int]:
    """Count the orders that *run* has staged for sending, by destination."""
    with ledger.transaction() as connection:
        counts = _pending(connection, run)
    return {number: counts[number] for number in destinations}


def count_to_send(ledger: Ledger, run: int) -> dict[int, int]:
    """Count the orders that *run* has staged for sending, or that have no answer; only destinations with any."""
    d = views.exceptional.c
    query = select(d.destination, func.count()).where(text(OPEN), d.state == State.UNKNOWN).group_by(d.destination)
    with ledger.transaction() as connection:
        counts = _pending(connection, run)
        for destination, orders in connection.execute(query):
            counts[destination] += orders
    return dict(+counts)


def _pending(connection: Connection, run: int) -> Counter[int]:
    d, counts = views.exceptional.c, Counter[int]()
    for batch in open_batches(connection):
        if batch.run == run and batch.state == State.PENDING:
            counts[batch.destination] += len(batch.deliveries)
    query = select(d.destination, func.count()).where(text(OPEN), d.run == run, d.state == State.PENDING)
    for destination, orders in connection.execute(query.group_by(d.destination)):
        counts[destination] += orders
    return counts


def first_time(ledger: Ledger, destination: int) -> bool:
    """True if this destination has never received an order."""
    with ledger.transaction() as connection:
        return not has_received(connection, destination)


def estimate(order: Evaluation, now: int) -> tuple[str, str | None]:
    """Return the bucket and the reason that the order would end with."""
    if order.transition is Transition.REPLACE:
        draft = order.incoming
        if draft.reason is not None:
            return ("quarantined" if draft.quarantined else "withheld"), draft.reason
        return ("deferred" if order.ready_at is not None and order.ready_at > now else "pending"), None
    if order.transition is Transition.EXPIRE:
        return "expired", None
    if order.transition is Transition.AGAIN:
        return "unknown", None
    if order.transition is Transition.DROP:
        return "withheld", Reason.MAYBE_RECEIVED
    state = State(order.row.state)
    return ("already_sent" if state in SENT else _BUCKET_OF[state]), order.row.stored_reason


def _changes(ledger: Ledger, run: int, destination: int) -> list[ValueChange]:
    d, sale = views.exceptional.c, tables.sale.c
    old = (d.value_minor, d.value_currency, d.value_exponent)
    new = (d.due_minor, d.stated_currency, d.stated_exponent)
    query = (
        select(sale.order_no, *old, *new)
        .join(tables.sale, sale.id == d.sale)
        .where(in_any_span(d.id), d.destination == destination, d.state.in_(SENT), value_differs(views.exceptional))
        .order_by(d.id)
        .limit(MAX_ORDERS_NAMED)
    )
    with ledger.transaction() as connection:
        select_spans(connection, [run])
        return [ValueChange(number, Money(*both[:3]), Money(*both[3:])) for number, *both in connection.execute(query)]


def _refusals(ledger: Ledger, run: int, destination: int) -> list[Refusal]:
    d, sale = views.exceptional.c, tables.sale.c
    refused = (d.state == State.QUARANTINED, d.reason == Reason.REFUSED_BY_PLATFORM)
    query = (
        select(sale.order_no, d.detail)
        .join(tables.sale, sale.id == d.sale)
        .where(in_any_span(d.id), d.destination == destination, *refused)
        .order_by(d.id)
        .limit(MAX_ORDERS_NAMED)
    )
    with ledger.transaction() as connection:
        select_spans(connection, [run])
        return [Refusal(number, detail or "") for number, detail in connection.execute(query)]
