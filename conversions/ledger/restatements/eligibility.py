"""Sent orders with a changed value: which can be adjusted, and why others cannot.

A restatement is a second event of the same order: the bytes that the platform holds, with another value. A run stages
it when the operator asks for it; ``restatements.outbox`` sends it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, insert, select, text

from conversions.ledger import log
from conversions.ledger.batches.contents import bodies
from conversions.ledger.batches.seal import NewEvent, seal
from conversions.ledger.restatements.unconfirmed import UNCONFIRMED, newest
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import MISADDRESSED, PERSON_OF_EVENT, split_sum, value_differs
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_REVISIONS, REVISION_BITS
from conversions.ledger.standing.readings import in_any_span, select_spans
from conversions.ledger.states import SENT, State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money
from conversions.model.money import MINOR_UNITS_LIMIT, exponent

ROWS_PER_PAGE = 5_000
CONFIRMED = frozenset({State.RECORDED, State.DUPLICATE})
"""The platform has confirmed that it holds the order; otherwise it would count a restatement as a new sale."""
OPEN = "v.state IN ('pending', 'in_flight', 'unknown')"
"""The condition of the partial index that allows one open restatement per order."""
OF_DELIVERY = f"BETWEEN d.id << {REVISION_BITS} AND d.id << {REVISION_BITS} | {MAX_REVISIONS - 1}"
OF_DESTINATION = f"v.delivery & {(1 << DESTINATION_BITS) - 1} = :destination"

Restate = Callable[[bytes, Money], bytes | None]
"""``Destination.adjusted_event``."""

_CANDIDATES = text_with_lists(
    f"""
    SELECT d.id, d.state, d.day, d.expires_at, d.value_minor, d.value_currency, d.value_exponent, e.place,
    {PERSON_OF_EVENT} AS subject, a.subject AS buyer,
    m.new_minor AS maybe_minor, m.new_currency AS maybe_currency, m.new_exponent AS maybe_exponent,
    (SELECT max(x.id) FROM event x WHERE x.id {OF_DELIVERY}) AS newest,
    EXISTS (SELECT 1 FROM revision v WHERE v.delivery = d.id AND {OPEN}) AS open, {MISADDRESSED} AS misaddressed
    FROM delivery d JOIN sale a ON a.id = d.sale LEFT JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    LEFT JOIN earlier_person p ON p.event = e.id LEFT JOIN revision m ON m.id = {newest("d.id")}
    WHERE d.id IN :deliveries ORDER BY d.id
""",
    "deliveries",
)
_REFUSED = text_with_lists(
    f"""
    SELECT d.id, v.new_minor, v.new_currency FROM delivery d JOIN revision v ON v.id {OF_DELIVERY}
    WHERE d.id IN :deliveries AND v.state = 'rejected'
""",
    "deliveries",
)
_TOTALS = text(f"""
    SELECT count(*) AS orders, v.state, CAST(sum(v.old_minor) AS BIGINT) AS old, v.old_currency, v.old_exponent,
    CAST(sum(v.new_minor) AS BIGINT) AS new, v.new_currency, v.new_exponent FROM revision v
    WHERE {OF_DESTINATION} AND (v.run = :run OR {OPEN})
    GROUP BY v.state, v.old_currency, v.old_exponent, v.new_currency, v.new_exponent
""")
_STATES = text(f"""
    SELECT p.name, CASE WHEN {UNCONFIRMED} THEN 'maybe_received' ELSE v.state END AS stands, count(*)
    FROM revision v JOIN destination p ON p.id = v.delivery & {(1 << DESTINATION_BITS) - 1} GROUP BY p.name, stands
""")
_SUPERSEDE = text(f"""
    UPDATE revision AS v SET state = 'withheld', detail = 'superseded'
    WHERE {OF_DESTINATION} AND v.state = 'pending' AND v.run <> :run AND {OPEN}
    AND v.delivery IN (SELECT d.id FROM delivery d WHERE d.id = v.delivery AND d.run = :run)
""")


class NotEligible(StrEnum):
    """Why a changed value is not restated. A code; ``messages`` has the words for people."""

    NO_CORRECTION = "no_correction"
    NOT_CONFIRMED = "not_confirmed"
    UNMATCHED = "unmatched"
    TOO_OLD = "too_old"
    OPEN = "open_restatement"
    REFUSED = "refused_before"
    ERASED = "erased"
    WRONG_ADDRESS = "wrong_address"
    UNFIT = "unfit"
    TOO_OFTEN = "too_often"


@dataclass(slots=True)
class ValueChangeTotals:
    """Number of orders, and their total value before and after, by currency, in currency units."""

    orders: int = 0
    old: dict[str, Decimal] = field(default_factory=dict)
    new: dict[str, Decimal] = field(default_factory=dict)

    def add(self, old: Money, new: Money, orders: int = 1) -> None:
        """Add *orders* with the total value *old* before and *new* now."""
        self.orders += orders
        for sums, money in ((self.old, old), (self.new, new)):
            sums[money.currency] = sums.get(money.currency, Decimal()) + money.amount


@dataclass(slots=True)
class AdjustmentTotals:
    """Restatements of one run at one destination: done, open, possible, and not eligible."""

    made: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Sent in this run, and received."""
    refused: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Refused by the platform in this run, at once or later."""
    waiting: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Staged, not sent yet."""
    unknown: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Sent, without an answer."""
    possible: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    not_eligible: dict[str, ValueChangeTotals] = field(default_factory=lambda: defaultdict(ValueChangeTotals))


class ChangedValue(NamedTuple):
    """A sent order with a new value, or with another value at the platform, perhaps."""

    delivery: int
    new: Money


@dataclass(frozen=True, slots=True)
class Candidate:
    """A changed order: the bytes of its restatement, or the reason why it has none."""

    row: Row[Any]
    old: Money
    """The value that the platform holds, or may hold."""
    new: Money
    not_eligible: NotEligible | None
    event: bytes | None


def estimate(sums: AdjustmentTotals, ledger: Ledger, changed: Sequence[ChangedValue], restate: Restate) -> None:
    """Add to *sums* what a run with restatements would do with *changed* orders."""
    with ledger.transaction() as connection:
        for candidate in _candidates(connection, changed, restate, int(ledger.clock().timestamp())):
            reason = candidate.not_eligible
            part = sums.possible if reason is None else sums.not_eligible[reason]
            part.add(candidate.old, candidate.new)


def totals(ledger: Ledger, run: int, destination: int, restate: Restate) -> AdjustmentTotals:
    """Sum up what *run* restated, what is open, and what it read and could restate."""
    sums = AdjustmentTotals()
    by_state = {"received": sums.made, "rejected": sums.refused, "pending": sums.waiting, "unknown": sums.unknown}
    with ledger.transaction() as connection:
        for row in connection.execute(_TOTALS, {"run": run, "destination": destination}):
            if part := by_state.get(row.state):
                old, new = Money(row.old, *row[3:5]), Money(row.new, *row[6:8])
                part.add(old, new, row.orders)
    for page in _pages(ledger, run, destination):
        estimate(sums, ledger, page, restate)
    return sums


def overview(ledger: Ledger) -> tuple[dict[str, ValueChangeTotals], dict[str, dict[str, int]]]:
    """Return by destination the sent orders with a changed value, and the restatements by state."""
    d, destination = views.exceptional.c, tables.destination.c
    money = (d.value_currency, d.value_exponent, d.stated_currency, d.stated_exponent)
    query = select(destination.name, *money, func.count(), *split_sum(d.value_minor), *split_sum(d.due_minor))
    changed: dict[str, ValueChangeTotals] = defaultdict(ValueChangeTotals)
    states: dict[str, dict[str, int]] = defaultdict(dict)
    with ledger.transaction() as connection:
        joined = query.join(tables.destination, destination.id == d.destination)
        rows = joined.where(d.state.in_(SENT), value_differs(views.exceptional)).group_by(destination.name, *money)
        for name, *units, orders, old_high, old_low, new_high, new_low in connection.execute(rows):
            old, new = (old_high << 32) + old_low, (new_high << 32) + new_low
            changed[name].add(Money(old, *units[:2]), Money(new, *units[2:]), orders)
        for name, state, count in connection.execute(_STATES):
            states[name][state] = count
    return dict(changed), dict(states)


def stage_restatements(ledger: Ledger, run: Run, destination: int, restate: Restate) -> None:
    """Stage a restatement of every eligible order that *run* has read; only this run sends them."""
    _supersede(ledger, run, destination)
    for page in _pages(ledger, run.id, destination):
        with ledger.transaction() as connection:
            log.check_epoch(connection, run.epoch)
            candidates = _candidates(connection, page, restate, int(ledger.clock().timestamp()))
            staged = [candidate for candidate in candidates if candidate.not_eligible is None]
            if staged:
                _seal(connection, run.id, staged)
                connection.execute(insert(tables.revision), [_revision(candidate, run.id) for candidate in staged])
                facts = {"run": run.id, "destination": destination, "orders": len(staged)}
                log.append(connection, "restatements staged", ledger.now_us, facts, epoch=run.epoch)


def candidate(connection: Connection, changed: ChangedValue, restate: Restate, now: int) -> Candidate | None:
    """Return what a run with restatements would do with one order at *now*, Unix seconds."""
    return next(_candidates(connection, [changed], restate, now), None)


def _supersede(ledger: Ledger, run: Run, destination: int) -> None:
    """Close the restatements that an earlier run left unsent: this run stages them again with the present value."""
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(_SUPERSEDE, {"destination": destination, "run": run.id})


def _pages(ledger: Ledger, run: int, destination: int) -> Iterator[list[ChangedValue]]:
    """Yield page by page the orders that *run* has read and that have, or may have, another value there."""
    d, after = views.exceptional.c, 0
    query = select(d.id, d.due_minor, d.stated_currency, d.stated_exponent).order_by(d.id).limit(ROWS_PER_PAGE)
    unconfirmed = text(f"exceptional.id IN (SELECT v.delivery FROM revision v WHERE {UNCONFIRMED})")
    differs = value_differs(views.exceptional) | (unconfirmed & d.due_minor.is_not(None))
    conditions = (in_any_span(d.id), d.destination == destination, d.state.in_(SENT), differs)
    while True:
        with ledger.transaction() as connection:
            select_spans(connection, [run])
            page = [
                ChangedValue(i, Money(*new)) for i, *new in connection.execute(query.where(*conditions, d.id > after))
            ]
        if not page:
            return
        yield page
        after = page[-1].delivery


def _candidates(
    connection: Connection, changed: Sequence[ChangedValue], restate: Restate, now: int
) -> Iterator[Candidate]:
    deliveries = {"deliveries": [order.delivery for order in changed]}
    values = {order.delivery: order.new for order in changed}
    refused = {tuple(row) for row in connection.execute(_REFUSED, deliveries)}
    rows = connection.execute(_CANDIDATES, deliveries).all()
    sent = bodies(connection, [row.place for row in rows if row.place is not None])
    for row in rows:
        new, body = values[row.id], sent.get(row.place)
        valid = new.exponent == exponent(new.currency) and new.minor < MINOR_UNITS_LIMIT
        event = restate(body, new) if valid and body is not None else None
        old = Money(row.value_minor, row.value_currency, row.value_exponent)
        if old == new:  # only the value that the platform may hold differs
            old = Money(row.maybe_minor, row.maybe_currency, row.maybe_exponent)
        reason = NotEligible.ERASED if body is None else None
        if reason is None and not row.misaddressed and valid and event is not None:
            again = (row.id, new.minor, new.currency) in refused
            reason = _not_eligible(row, now, refused=again)
        elif reason is None:
            reason = _unfit(row, valid=valid)
        yield Candidate(row, old, new, reason, event)


def _unfit(row: Row[Any], *, valid: bool) -> NotEligible:
    """Return why the order has no event with the new value."""
    if row.misaddressed:
        return NotEligible.WRONG_ADDRESS
    return NotEligible.NO_CORRECTION if valid else NotEligible.UNFIT


def _not_eligible(row: Row[Any], now: int, *, refused: bool) -> NotEligible | None:
    """Return the first reason that forbids a restatement whose event can be made."""
    for applies, reason in (
        (row.state == State.UNMATCHED, NotEligible.UNMATCHED),
        (row.state not in CONFIRMED, NotEligible.NOT_CONFIRMED),
        ((row.expires_at or 0) <= now, NotEligible.TOO_OLD),
        (row.open, NotEligible.OPEN),
        (refused, NotEligible.REFUSED),
        (row.newest % MAX_REVISIONS == MAX_REVISIONS - 1, NotEligible.TOO_OFTEN),
    ):
        if applies:
            return reason
    return None


def _seal(connection: Connection, run: int, staged: Sequence[Candidate]) -> None:
    """Seal the events of the restatements; an event keeps the buyer of the event that it restates."""
    events = [
        NewEvent(each.row.newest + 1, each.row.day, each.new, each.event) for each in staged if each.event is not None
    ]
    seal(connection, run, events, {})
    other = [
        {"event": each.row.newest + 1, "subject": each.row.subject}
        for each in staged
        if each.row.subject != each.row.buyer
    ]
    if other:
        connection.execute(insert(tables.earlier_person), other)


def _revision(candidate: Candidate, run: int) -> dict[str, Any]:
    row, key = candidate.row, candidate.row.newest + 1
    sent_value = (row.value_minor, row.value_currency, row.value_exponent)
    old = dict(zip(("old_minor", "old_currency", "old_exponent"), sent_value, strict=True))
    new = dict(zip(("new_minor", "new_currency", "new_exponent"), candidate.new, strict=True))
    shared = {"id": key, "delivery": row.id, "run": run, "state": State.PENDING, "expires_at": row.expires_at}
    return shared | old | new
