"""What no run mends by itself and no person was told yet: that makes a run end with 1, once."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, case, func, select, text

from conversions.ledger.restatements.eligibility import OF_DESTINATION
from conversions.ledger.schema import tables
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_OF_VALUES = text(f"""
    SELECT count(*) FILTER (WHERE v.state = 'rejected' AND NOT v.unconfirmed),
    count(*) FILTER (WHERE v.state = 'rejected' AND v.unconfirmed),
    count(*) FILTER (WHERE v.state = 'withheld' AND v.unconfirmed AND v.expires_at * 1000000 <= :now_us)
    FROM revision v
    WHERE {OF_DESTINATION} AND v.run > :told AND v.run NOT IN (SELECT value FROM json_each(:reconciled))
""")

MAX_ORDERS_NAMED = 1000
"""Runs: more were not begun since somebody was told."""


@dataclass(frozen=True, slots=True)
class Unreported:
    """What is new since somebody was told, and needs a person."""

    refused: int = 0
    """Refused by the platform, one by one."""
    expired: int = 0
    """Waited, and are too old now."""
    undecided: int = 0
    """Unanswered, and past the platform's window or its age limit: nobody but a person sends them again."""
    set_aside: int = 0
    """Quarantined by our own checks: an unknown currency, an impossible product ID."""
    rejected: int = 0
    """Refused by the platform after it had received them."""
    values_refused: int = 0
    """Changed values that the platform did not take, at once or later."""
    values_unconfirmed: int = 0
    """Changed values that it refused when they were sent again after a lost answer: it holds either."""
    values_unanswered: int = 0
    """Changed values that were never answered and are too old now: the platform holds either."""

    @property
    def urgent(self) -> int:
        """All but what our own checks set aside, which is an odd row most often."""
        return int(sum(astuple(self))) - self.set_aside


class _LastReport(NamedTuple):
    """The last run that told of a destination: what it settled is old, and what was past its window by then."""

    run: int = 0
    at_us: int = 0


def unreported(ledger: Ledger, run: int, resend_us: Mapping[int, int]) -> dict[int, Unreported]:
    """What *run* is the first to tell, by destination: a run that was killed, stopped or went elsewhere told nobody.

    *resend_us* has by destination how long after a first attempt an unanswered order may be sent again.
    """
    with ledger.transaction() as connection:
        told, reconciled = _last_report(connection, run, resend_us), _reconciled(connection)
        orders = _of_orders(connection, ledger.now_us, resend_us, told, reconciled)
        values = {n: _of_values(connection, ledger.now_us, n, told[n], reconciled) for n in resend_us}
        return {number: Unreported(*orders.get(number, (0,) * 5), *values[number]) for number in resend_us}


def _last_report(connection: Connection, run: int, numbers: Mapping[int, object]) -> dict[int, _LastReport]:
    """By destination the last run before *run* whose report speaks of it; most often the last of all."""
    named = select(tables.destination.c.name, tables.destination.c.id)
    names = {name: number for name, number in connection.execute(named) if number in numbers}
    r, told = tables.run.c, dict.fromkeys(numbers, _LastReport())
    reports = select(r.id, r.finished_us, r.report).where(r.id < run, r.command == "run", r.report.is_not(None))
    for number, at_us, report in connection.execute(reports.order_by(r.id.desc())):
        for name in names.keys() & orjson.loads(report).get("destinations", {}).keys():
            told[names.pop(name)] = _LastReport(number, at_us)
        if not names:
            break
    return told


def _reconciled(connection: Connection) -> list[int]:
    """The runs that were begun to learn late verdicts, and that told what they learned."""
    r = tables.run.c
    finished = (
        select(r.id)
        .where(r.command == "reconcile", r.report.is_not(None))
        .order_by(r.id.desc())
        .limit(MAX_ORDERS_NAMED)
    )
    return list(connection.execute(finished).scalars())


def _of_orders(
    connection: Connection,
    now_us: int,
    resend_us: Mapping[int, int],
    told: Mapping[int, _LastReport],
    reconciled: list[int],
) -> dict[int, tuple[int, ...]]:
    """In one pass over those that are not simply sent or waiting."""
    d = tables.delivery.c
    told_run = case({number: one.run for number, one in told.items()}, value=d.destination)
    told_us = case({number: one.at_us for number, one in told.items()}, value=d.destination)
    window = d.first_attempt_us + case(resend_us, value=d.destination)
    age = d.expires_at * 1_000_000
    past = case((d.decision.is_not(None) | (age < window), age), else_=window)  # what a person sends has no window
    new, by_platform = d.settled_run > told_run, d.reason == Reason.REFUSED_BY_PLATFORM
    wanted = (
        (d.state == State.QUARANTINED) & by_platform & new,
        (d.state == State.EXPIRED) & new,
        (d.state == State.UNKNOWN) & (past <= now_us) & ((past > told_us) | new),
        (d.state == State.QUARANTINED) & ~by_platform & new,
        (d.state == State.REJECTED) & new & d.settled_run.not_in(reconciled),
    )
    states = [State.QUARANTINED, State.EXPIRED, State.UNKNOWN, State.REJECTED]
    counts = [func.sum(case((asked, 1), else_=0)) for asked in wanted]
    query = select(d.destination, *counts).where(d.state.in_(states), d.destination.in_(resend_us))
    return {number: tuple(found) for number, *found in connection.execute(query.group_by(d.destination))}


def _of_values(
    connection: Connection, now_us: int, number: int, told: _LastReport, reconciled: list[int]
) -> tuple[Any, ...]:
    asked = {"destination": number, "now_us": now_us, "told": told.run, "reconciled": orjson.dumps(reconciled).decode()}
    return tuple(connection.execute(_OF_VALUES, asked).one())
