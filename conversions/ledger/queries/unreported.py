"""New problems that need a person; each makes one run exit 1."""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, case, func, select, text

from conversions.ledger.restatements.eligibility import OF_DESTINATION
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import PROBLEM
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_OF_VALUES = text_with_lists(
    f"""
    SELECT count(*) FILTER (WHERE v.state = 'rejected' AND v.unconfirmed = 0),
    count(*) FILTER (WHERE v.state = 'rejected' AND v.unconfirmed <> 0),
    count(*) FILTER (WHERE v.state = 'withheld' AND v.unconfirmed <> 0 AND v.expires_at * 1000000 <= :now_us)
    FROM revision v WHERE {OF_DESTINATION} AND v.run > :told AND v.run NOT IN :reconciled
    """,
    "reconciled",
)

MAX_RECONCILE_RUNS = 1000
"""The latest reconcile runs to look at; there are never more since the last report."""


@dataclass(frozen=True, slots=True)
class Unreported:
    """Problems since the last report that need a person."""

    refused: int = 0
    """Orders that the platform refused one by one."""
    expired: int = 0
    """Orders that waited and are too old now."""
    undecided: int = 0
    """Unanswered orders past the platform's resend window or age limit: only a person can resend them."""
    set_aside: int = 0
    """Orders that our own checks quarantined: an unknown currency, an impossible product ID."""
    rejected: int = 0
    """Orders that the platform refused after it had received them."""
    values_refused: int = 0
    """Changed values that the platform refused, at once or later."""
    values_unconfirmed: int = 0
    """Changed values refused on a resend after a lost answer: the platform may hold the old or the new one."""
    values_unanswered: int = 0
    """Changed values without an answer that are too old now: the platform may hold the old or the new one."""

    @property
    def urgent(self) -> int:
        """All but the orders that our own checks quarantined: these are mostly single bad rows."""
        return int(sum(astuple(self))) - self.set_aside


class _LastReport(NamedTuple):
    """The last run that reported a destination: later runs do not report the same problems again."""

    run: int = 0
    at_us: int = 0


def unreported(ledger: Ledger, run: int, resend_us: Mapping[int, int]) -> dict[int, Unreported]:
    """Return by destination the problems that *run* is the first to report: a killed or stopped run reports none.

    *resend_us* gives by destination how long after its first attempt an unanswered order may be resent.
    """
    with ledger.transaction() as connection:
        reports, reconciled = _last_reports(connection, run, resend_us), _reconciled(connection)
        orders = _of_orders(connection, ledger.now_us, resend_us, reports, reconciled)
        values = {n: _of_values(connection, ledger.now_us, n, reports[n], reconciled) for n in resend_us}
        return {number: Unreported(*orders.get(number, (0,) * 5), *values[number]) for number in resend_us}


def _last_reports(connection: Connection, run: int, destinations: Mapping[int, object]) -> dict[int, _LastReport]:
    """Return by destination the last run before *run* that reported it; mostly the very last run."""
    named = select(tables.destination.c.name, tables.destination.c.id)
    names = {name: number for name, number in connection.execute(named) if number in destinations}
    r, reports = tables.run.c, dict.fromkeys(destinations, _LastReport())
    query = select(r.id, r.finished_us, r.report).where(r.id < run, r.command == "run", r.report.is_not(None))
    for number, at_us, report in connection.execute(query.order_by(r.id.desc())):
        for name in names.keys() & orjson.loads(report).get("destinations", {}).keys():
            reports[names.pop(name)] = _LastReport(number, at_us)
        if not names:
            break
    return reports


def _reconciled(connection: Connection) -> list[int]:
    """Return the reconcile runs: they have reported their late results themselves."""
    r = tables.run.c
    finished = (
        select(r.id)
        .where(r.command == "reconcile", r.report.is_not(None))
        .order_by(r.id.desc())
        .limit(MAX_RECONCILE_RUNS)
    )
    return list(connection.execute(finished).scalars())


def _of_orders(
    connection: Connection,
    now_us: int,
    resend_us: Mapping[int, int],
    reports: Mapping[int, _LastReport],
    reconciled: list[int],
) -> dict[int, tuple[int, ...]]:
    """Count the orders of each problem by destination, in one pass."""
    d = views.exceptional.c
    reported_run = case({number: report.run for number, report in reports.items()}, value=d.destination)
    reported_us = case({number: report.at_us for number, report in reports.items()}, value=d.destination)
    window = d.first_attempt_us + case(resend_us, value=d.destination)
    expiry_us = d.expires_at * 1_000_000
    past = case((d.decision.is_not(None) | (expiry_us < window), expiry_us), else_=window)  # decided: no window
    new, by_platform = d.settled_run > reported_run, d.reason == Reason.REFUSED_BY_PLATFORM
    problems = (
        (d.state == State.QUARANTINED) & by_platform & new,
        (d.state == State.EXPIRED) & new,
        (d.state == State.UNKNOWN) & (past <= now_us) & ((past > reported_us) | new),
        (d.state == State.QUARANTINED) & ~by_platform & new,
        (d.state == State.REJECTED) & new & d.settled_run.not_in(reconciled),
    )
    states = [State.QUARANTINED, State.EXPIRED, State.UNKNOWN, State.REJECTED]
    counts = [func.sum(case((problem, 1), else_=0)) for problem in problems]
    query = select(d.destination, *counts).where(
        text(f"({PROBLEM})"), d.state.in_(states), d.destination.in_(resend_us)
    )
    return {number: tuple(orders) for number, *orders in connection.execute(query.group_by(d.destination))}


def _of_values(
    connection: Connection, now_us: int, number: int, report: _LastReport, reconciled: list[int]
) -> tuple[Any, ...]:
    runs = {"told": report.run, "reconciled": reconciled}
    return tuple(connection.execute(_OF_VALUES, {"destination": number, "now_us": now_us, **runs}).one())
