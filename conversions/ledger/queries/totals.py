"""Control totals: what became of every order that a run read, in counts and in money, by SQL over the ledger."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, func, select, text

from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import split_sum, value_differs
from conversions.ledger.staging.evaluate import Evaluation
from conversions.ledger.staging.transitions import Transition
from conversions.ledger.states import SENT, State
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
"""Where an order can end; together they are all that was read."""

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


_ERASED = text(f"""
    SELECT d.destination, d.state, 0 AS now, d.reason, d.day, s.currency AS stated_currency,
    s.exponent AS stated_exponent, 0 AS differs, count(*) AS orders, sum(s.minor >> 32) AS high,
    sum(s.minor & 4294967295) AS low
    FROM delivery d JOIN sale a ON a.id = d.sale JOIN temp.order_row s ON s.order_no = a.order_no
    WHERE d.run = :run AND d.state = '{State.ERASED}' GROUP BY 1, 4, 5, 6, 7
""")
"""What an erased order is worth is not in the ledger any more; this run has read it again."""


@dataclass(slots=True)
class ControlTotals:
    """One side of one destination's balance."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {"withheld": Counter(), "quarantined": Counter()})
    values: dict[str, dict[str, Decimal]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(Decimal)))
    """By currency, then by bucket; in currency units."""
    days: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    changes: list["ValueChange"] = field(default_factory=list)
    """Sent orders whose value is another now; at most ``Change.SHOWN`` of them."""
    changed: int = 0
    refused: list["Refusal"] = field(default_factory=list)
    """Orders that the platform refused one by one; at most ``SHOWN`` of them."""
    first_too_old: int | None = None
    """Unix seconds until which all that a plan would send can be sent; a run asks the ledger."""
    too_old: Counter[str] = field(default_factory=Counter)
    """By purchase day, what a plan finds too old."""

    def add(self, bucket: str, day: str, value: Money, *, reason: str | None = None, count: int = 1) -> None:
        """Count *count* orders worth *value* together."""
        self.counts[bucket] += count
        self.days[day][bucket] += count
        self.values[value.currency][bucket] += value.amount
        if bucket in self.reasons:
            self.reasons[bucket][str(reason or State.ERASED)] += count


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A sent order whose value is another now."""

    order_no: str
    old: Money
    new: Money


@dataclass(frozen=True, slots=True)
class Refusal:
    """An order that the platform refused alone, or named."""

    order_no: str
    code: str
    """Code, subcode or reason, and field."""


SHOWN = 20


def control_totals(ledger: Ledger, run: int, destinations: Iterable[tuple[str, int]]) -> dict[str, ControlTotals]:
    """What the ledger says, after the last commit, of every order that *run* read."""
    names = {number: name for name, number in destinations}
    accounts = {name: ControlTotals() for name in names.values()}
    for total in _totals(ledger, run, list(names)):
        account, state = accounts[names[total.destination]], State(total.state)
        sent = "sent" if total.now else "already_sent"
        value = Money((total.high << 32) + total.low, total.stated_currency, total.stated_exponent)
        bucket = sent if state in SENT else _BUCKET_OF[state]
        account.add(bucket, total.day, value, reason=total.reason, count=total.orders)
        account.changed += total.orders if total.differs and state in SENT else 0
    for number, name in names.items():
        if accounts[name].changed:
            accounts[name].changes = _changes(ledger, run, number)
        if accounts[name].reasons["quarantined"][Reason.REFUSED_BY_PLATFORM]:
            accounts[name].refused = _refusals(ledger, run, number)
    return accounts


def forecast(
    accounts: list[ControlTotals],
    page: Iterable[Evaluation],
    now: int,
    doubtful: Callable[[Evaluation], bool] = lambda _: False,
) -> None:
    """Add one page of judgements to what a run would end with, before anything is sent.

    *doubtful* says whether an order may have been sent by a run that the store does not know of.
    """
    for one in page:
        account = accounts[one.row.position]
        bucket, reason = _estimated(one, now)
        bucket = "unknown" if bucket == "pending" and doubtful(one) else bucket
        account.add(bucket, one.row.day, one.stated, reason=reason)
        if bucket == "expired" or reason == Reason.TOO_OLD:
            account.too_old[one.row.day] += 1
        if bucket in {"pending", "deferred"} and (until := one.incoming.expires_at) is not None:
            account.first_too_old = min(until, account.first_too_old or until)
        if bucket == "quarantined" and reason == Reason.REFUSED_BY_PLATFORM and len(account.refused) < SHOWN:
            account.refused.append(Refusal(one.row.order_no, one.row.detail or ""))
        if one.value_differs and one.old is not None and one.old != one.incoming.due:
            account.changed += 1
            if len(account.changes) < SHOWN:
                account.changes.append(ValueChange(one.row.order_no, one.old, one.incoming.due))


def waiting(ledger: Ledger, run: int, destinations: Iterable[int]) -> dict[int, int]:
    """How many orders *run* has staged for sending, by destination."""
    d = tables.delivery.c
    query = select(d.destination, func.count()).where(d.run == run, d.state == State.PENDING).group_by(d.destination)
    with ledger.transaction() as connection:
        found: dict[int, int] = dict(tuple(row) for row in connection.execute(query))
    return {number: found.get(number, 0) for number in destinations}


def to_send(ledger: Ledger, run: int) -> dict[int, int]:
    """How many orders *run* has staged for sending, or have no answer yet; only destinations with any."""
    d = tables.delivery.c
    waits = ((d.run == run) & (d.state == State.PENDING)) | (d.state == State.UNKNOWN)
    with ledger.transaction() as connection:
        rows = connection.execute(select(d.destination, func.count()).where(waits).group_by(d.destination))
        return dict(tuple(row) for row in rows)


def first_time(ledger: Ledger, destination: int) -> bool:
    """Whether this destination has never received anything."""
    d = tables.delivery.c
    with ledger.transaction() as connection:
        return (
            connection.execute(select(d.id).where(d.destination == destination, d.state.in_(SENT)).limit(1)).first()
            is None
        )


def _estimated(one: Evaluation, now: int) -> tuple[str, str | None]:
    if one.transition is Transition.REPLACE:
        draft = one.incoming
        if draft.reason is not None:
            return ("quarantined" if draft.quarantined else "withheld"), draft.reason
        return ("deferred" if one.ready_at is not None and one.ready_at > now else "pending"), None
    if one.transition is Transition.EXPIRE:
        return "expired", None
    if one.transition is Transition.AGAIN:
        return "unknown", None
    if one.transition is Transition.DROP:
        return "withheld", Reason.MAYBE_RECEIVED
    state = State(one.row.state)
    return ("already_sent" if state in SENT else _BUCKET_OF[state]), one.row.held_reason


def _totals(ledger: Ledger, run: int, destinations: Sequence[int]) -> Sequence[Row[Any]]:
    """Orders and money, in two halves, by where they ended, why, their day and currency, and whether they changed."""
    d = tables.delivery.c
    now, changed = (d.settled_run == run).label("now"), value_differs().label("differs")
    keys = (d.destination, d.state, now, d.reason, d.day, d.stated_currency, d.stated_exponent, changed)
    high, low = split_sum(d.stated_minor)
    query = select(*keys, func.count().label("orders"), high.label("high"), low.label("low"))
    with ledger.transaction() as connection:
        held = connection.execute(query.where(d.run == run, d.destination.in_(destinations)).group_by(*keys)).all()
        if all(total.state != State.ERASED for total in held):
            return held
        said = connection.execute(_ERASED, {"run": run}).all()
        return [total for total in held if total.state != State.ERASED] + [*said]


def _changes(ledger: Ledger, run: int, destination: int) -> list[ValueChange]:
    d, sale = tables.delivery.c, tables.sale.c
    old = (d.value_minor, d.value_currency, d.value_exponent)
    new = (d.due_minor, d.stated_currency, d.stated_exponent)
    query = (
        select(sale.order_no, *old, *new)
        .join(tables.sale, sale.id == d.sale)
        .where(d.run == run, d.destination == destination, d.state.in_(SENT), value_differs())
        .order_by(d.id)
        .limit(SHOWN)
    )
    with ledger.transaction() as connection:
        return [ValueChange(number, Money(*six[:3]), Money(*six[3:])) for number, *six in connection.execute(query)]


def _refusals(ledger: Ledger, run: int, destination: int) -> list[Refusal]:
    d, sale = tables.delivery.c, tables.sale.c
    refused = (d.state == State.QUARANTINED, d.reason == Reason.REFUSED_BY_PLATFORM)
    query = (
        select(sale.order_no, d.detail)
        .join(tables.sale, sale.id == d.sale)
        .where(d.run == run, d.destination == destination, *refused)
        .order_by(d.id)
        .limit(SHOWN)
    )
    with ledger.transaction() as connection:
        return [Refusal(number, detail or "") for number, detail in connection.execute(query)]
