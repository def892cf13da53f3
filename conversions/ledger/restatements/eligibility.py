"""Orders that were sent and are worth something else now: which may be restated, and what the others stand against.

A restatement is a second event of the same order, the held one's bytes with another value. It is staged when a person
asks for it, and sent by ``restatements``.
"""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, func, insert, select, text

from conversions.ledger import log
from conversions.ledger.restatements.unconfirmed import UNCONFIRMED, newest
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import split_sum, value_differs
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_REVISIONS, REVISION_BITS, SALT_BYTES
from conversions.ledger.states import SENT, State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Money
from conversions.model.money import MINOR_UNITS_LIMIT, exponent

ROWS_PER_PAGE = 5_000
CONFIRMED = frozenset({State.RECORDED, State.DUPLICATE})
"""The platform has said itself that it holds the order; to one that it does not hold, a restatement is a new sale."""
OPEN = "v.state IN ('pending', 'in_flight', 'unknown')"
"""In the words of the partial index that keeps at most one open."""
OF_DELIVERY = f"BETWEEN d.id << {REVISION_BITS} AND d.id << {REVISION_BITS} | {MAX_REVISIONS - 1}"
OF_DESTINATION = f"v.delivery & {(1 << DESTINATION_BITS) - 1} = :destination"

Restate = Callable[[bytes, Money], bytes | None]
"""``Destination.adjusted_event``."""

_CANDIDATES = text(f"""
    SELECT d.id, d.state, d.expires_at, d.value_minor, d.value_currency, d.value_exponent, e.bytes, e.subject,
    json_extract(j.value, '$[1]') AS minor, json_extract(j.value, '$[2]') AS currency,
    json_extract(j.value, '$[3]') AS exponent,
    m.new_minor AS maybe_minor, m.new_currency AS maybe_currency, m.new_exponent AS maybe_exponent,
    (SELECT max(x.id) FROM event x WHERE x.id {OF_DELIVERY}) AS newest,
    EXISTS (SELECT 1 FROM revision v WHERE v.delivery = d.id AND {OPEN}) AS open,
    EXISTS (
        SELECT 1 FROM revision v WHERE v.id {OF_DELIVERY} AND v.state = 'rejected'
        AND v.new_minor = json_extract(j.value, '$[1]') AND v.new_currency = json_extract(j.value, '$[2]')
    ) AS refused
    FROM json_each(:changed) j JOIN delivery d ON d.id = json_extract(j.value, '$[0]')
    LEFT JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    LEFT JOIN revision m ON m.id = {newest("d.id")}
    ORDER BY j.key
""")
_MADE = text(f"""
    SELECT count(*) AS orders, v.state, sum(v.old_minor) AS old, v.old_currency, v.old_exponent,
    sum(v.new_minor) AS new, v.new_currency, v.new_exponent FROM revision v
    WHERE {OF_DESTINATION} AND (v.run = :run OR {OPEN})
    GROUP BY v.state, v.old_currency, v.old_exponent, v.new_currency, v.new_exponent
""")
_STATES = text(f"""
    SELECT p.name, CASE WHEN {UNCONFIRMED} THEN 'maybe received' ELSE v.state END stands, count(*)
    FROM revision v JOIN destination p ON p.id = v.delivery & {(1 << DESTINATION_BITS) - 1} GROUP BY p.name, stands
""")
_SUPERSEDE = text(f"""
    UPDATE revision AS v SET state = 'withheld', detail = 'its run left it unsent'
    WHERE {OF_DESTINATION} AND v.state = 'pending' AND v.run <> :run AND {OPEN}
    AND v.delivery IN (SELECT d.id FROM delivery d WHERE d.id = v.delivery AND d.run = :run)
""")


class NotEligible(StrEnum):
    """Why a changed value is not restated. The text is what a person reads."""

    NO_CORRECTION = "cannot be corrected there"
    NOT_CONFIRMED = "the platform has not confirmed that it holds the order"
    UNMATCHED = "the platform matched the order to no ad"
    TOO_OLD = "too old for this platform"
    OPEN = "an earlier restatement of it is open"
    REFUSED = "the platform refused this value before"
    ERASED = "what was sent is erased"
    UNFIT = "unknown currency or unfit amount"
    TOO_OFTEN = "restated too often"


@dataclass(slots=True)
class ValueChangeTotals:
    """Orders, and what they are worth together before and after; by currency, in currency units."""

    orders: int = 0
    old: dict[str, Decimal] = field(default_factory=dict)
    new: dict[str, Decimal] = field(default_factory=dict)

    def add(self, old: Money, new: Money, orders: int = 1) -> None:
        """Take in *orders* that were worth *old* together and are worth *new*."""
        self.orders += orders
        for sums, money in ((self.old, old), (self.new, new)):
            sums[money.currency] = sums.get(money.currency, Decimal()) + money.amount


@dataclass(slots=True)
class AdjustmentTotals:
    """What a run restated at one destination, what a restatement would change, and what it could not."""

    made: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Restated in this run, and received."""
    refused: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Refused by the platform in this run, at once or later."""
    waiting: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Staged, and not sent yet."""
    unknown: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    """Sent, and not answered."""
    possible: ValueChangeTotals = field(default_factory=ValueChangeTotals)
    not_eligible: dict[str, ValueChangeTotals] = field(default_factory=lambda: defaultdict(ValueChangeTotals))


class Changed(NamedTuple):
    """A sent order whose value is another now, or may be another there."""

    delivery: int
    new: Money


@dataclass(frozen=True, slots=True)
class Candidate:
    """A changed order, looked at: the bytes of its restatement, or what stands against one."""

    row: Row[Any]
    old: Money
    """What the platform holds, or may hold instead."""
    new: Money
    not_eligible: NotEligible | None
    event: bytes | None


def estimate(found: AdjustmentTotals, ledger: Ledger, changed: Sequence[Changed], restate: Restate) -> None:
    """Add to *found* what a run with restatements would do about *changed* orders."""
    with ledger.transaction() as connection:
        for one in _candidates(connection, changed, restate, int(ledger.clock().timestamp())):
            sums = found.possible if one.not_eligible is None else found.not_eligible[one.not_eligible]
            sums.add(one.old, one.new)


def totals(ledger: Ledger, run: int, destination: int, restate: Restate) -> AdjustmentTotals:
    """What *run* restated, what waits, and what is left to be restated of what it read."""
    found = AdjustmentTotals()
    into = {"received": found.made, "rejected": found.refused, "pending": found.waiting, "unknown": found.unknown}
    with ledger.transaction() as connection:
        for row in connection.execute(_MADE, {"run": run, "destination": destination}):
            if sums := into.get(row.state):
                old, new = Money(row.old, *row[3:5]), Money(row.new, *row[6:8])
                sums.add(old, new, row.orders)
    for page in _pages(ledger, run, destination):
        estimate(found, ledger, page, restate)
    return found


def overview(ledger: Ledger) -> tuple[dict[str, ValueChangeTotals], dict[str, dict[str, int]]]:
    """By destination: the sent orders whose value is another now, and the restatements by state."""
    d, place = tables.delivery.c, tables.destination.c
    money = (d.value_currency, d.value_exponent, d.stated_currency, d.stated_exponent)
    query = select(place.name, *money, func.count(), *split_sum(d.value_minor), *split_sum(d.due_minor))
    changed: dict[str, ValueChangeTotals] = defaultdict(ValueChangeTotals)
    states: dict[str, dict[str, int]] = defaultdict(dict)
    with ledger.transaction() as connection:
        joined = query.join(tables.destination, place.id == d.destination).where(d.state.in_(SENT), value_differs())
        for name, *kinds, orders, old_high, old_low, new_high, new_low in connection.execute(
            joined.group_by(place.name, *money)
        ):
            old, new = (old_high << 32) + old_low, (new_high << 32) + new_low
            changed[name].add(Money(old, *kinds[:2]), Money(new, *kinds[2:]), orders)
        for name, state, count in connection.execute(_STATES):
            states[name][state] = count
    return dict(changed), dict(states)


def stage(ledger: Ledger, run: Run, destination: int, restate: Restate) -> None:
    """Write a restatement of every order that *run* has read and that may be restated, to be sent by this run alone."""
    _supersede(ledger, run, destination)
    for page in _pages(ledger, run.id, destination):
        with ledger.transaction() as connection:
            log.check_epoch(connection, run.epoch)
            looked_at = _candidates(connection, page, restate, int(ledger.clock().timestamp()))
            staged = [one for one in looked_at if one.not_eligible is None]
            if staged:
                connection.execute(insert(tables.event), [_event(one) for one in staged])
                connection.execute(insert(tables.revision), [_revision(one, run.id) for one in staged])
                facts = {"run": run.id, "destination": destination, "orders": len(staged)}
                log.append(connection, "restatements staged", ledger.now_us, facts, epoch=run.epoch)


def _supersede(ledger: Ledger, run: Run, destination: int) -> None:
    """What an earlier run was asked for and left unsent is asked for anew, with the value of today."""
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(_SUPERSEDE, {"destination": destination, "run": run.id})


def _pages(ledger: Ledger, run: int, destination: int) -> Iterator[list[Changed]]:
    """The orders that *run* has read and that are, or may be, worth something else there; a page at a time."""
    d, after = tables.delivery.c, 0
    query = select(d.id, d.due_minor, d.stated_currency, d.stated_exponent).order_by(d.id).limit(ROWS_PER_PAGE)
    doubted = text(f"delivery.id IN (SELECT v.delivery FROM revision v WHERE {UNCONFIRMED})")
    owes = value_differs() | (doubted & d.due_minor.is_not(None))
    here = (d.run == run, d.destination == destination, d.state.in_(SENT), owes)
    while True:
        with ledger.transaction() as connection:
            page = [Changed(i, Money(*new)) for i, *new in connection.execute(query.where(*here, d.id > after))]
        if not page:
            return
        yield page
        after = page[-1].delivery


def _candidates(connection: Connection, changed: Sequence[Changed], restate: Restate, now: int) -> Iterator[Candidate]:
    asked = orjson.dumps([(one.delivery, *one.new) for one in changed]).decode()
    for row in connection.execute(_CANDIDATES, {"changed": asked}).all():
        new = Money(row.minor, row.currency, row.exponent)
        fit = new.exponent == exponent(new.currency) and new.minor < MINOR_UNITS_LIMIT
        event = restate(row.bytes, new) if fit and row.bytes is not None else None
        old = Money(row.value_minor, row.value_currency, row.value_exponent)
        if old == new:  # what it may hold is all that there is to correct
            old = Money(row.maybe_minor, row.maybe_currency, row.maybe_exponent)
        yield Candidate(row, old, new, _not_eligible(row, event, now, fit=fit), event)


def _not_eligible(row: Row[Any], event: bytes | None, now: int, *, fit: bool) -> NotEligible | None:
    """The first that stands against restating."""
    for stands, against in (
        (row.bytes is None, NotEligible.ERASED),
        (not fit, NotEligible.UNFIT),
        (event is None, NotEligible.NO_CORRECTION),
        (row.state == State.UNMATCHED, NotEligible.UNMATCHED),
        (row.state not in CONFIRMED, NotEligible.NOT_CONFIRMED),
        ((row.expires_at or 0) <= now, NotEligible.TOO_OLD),
        (row.open, NotEligible.OPEN),
        (row.refused, NotEligible.REFUSED),
        (row.newest is not None and row.newest % MAX_REVISIONS == MAX_REVISIONS - 1, NotEligible.TOO_OFTEN),
    ):
        if stands:
            return against
    return None


def _event(one: Candidate) -> dict[str, Any]:
    key = one.row.newest + 1
    return {
        "id": key,
        "delivery": one.row.id,
        "revision": key % MAX_REVISIONS,
        "subject": one.row.subject,
        "salt": secrets.token_bytes(SALT_BYTES),
        "bytes": one.event,
    }


def _revision(one: Candidate, run: int) -> dict[str, Any]:
    key = one.row.newest + 1
    held = (one.row.value_minor, one.row.value_currency, one.row.value_exponent)
    old = dict(zip(("old_minor", "old_currency", "old_exponent"), held, strict=True))
    new = dict(zip(("new_minor", "new_currency", "new_exponent"), one.new, strict=True))
    shared = {"id": key, "delivery": one.row.id, "run": run, "state": State.PENDING, "expires_at": one.row.expires_at}
    return shared | old | new
