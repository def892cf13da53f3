"""The status of the store: orders by state, problems that need a person, and the last runs."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Boolean, ColumnElement, func, literal_column, select, text

from conversions.ledger.batches import parts
from conversions.ledger.late_results import apply
from conversions.ledger.late_results.apply import WITHOUT_POSITIONS
from conversions.ledger.restatements import eligibility
from conversions.ledger.restatements.eligibility import ValueChangeTotals
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.schema.views import LETTERS
from conversions.ledger.store import Ledger, instant
from conversions.ledger.subjects.scrub import OpenScrub, open_scrubs

MAX_PROBLEMS_NAMED = 50
PROBLEMS = literal_column(f"({tables.PROBLEM})", Boolean)
"""Orders that need a person: no run solves them, an account must be corrected, or an amount must be checked."""

_LATE = ", ".join(
    f"CAST(sum(coalesce(length(b.verdicts) - length(replace(b.verdicts, '{letter}', '')), 0)) AS BIGINT)"
    for letter in LETTERS.values()
)
_BATCHES = text(f"""
    SELECT b.destination, b.state, CAST(sum(b.regular) AS BIGINT), {_LATE} FROM batch b GROUP BY b.destination, b.state
""")
_WITHOUT_RESULT = """
    r.purpose <> 'restate' AND (r.ask_at IS NOT NULL OR r.verdict IN :verdicts) GROUP BY 1, 2
"""
_VERDICT = "CASE WHEN r.ask_at IS NOT NULL THEN 'open' ELSE r.verdict END AS verdict"
_REGULAR_WITHOUT_RESULT = text_with_lists(
    f"""
    SELECT r.destination, {_VERDICT}, CAST(sum(b.regular) AS BIGINT), {_LATE}
    FROM batch b JOIN request r ON r.id = b.request WHERE b.state = 'received' AND {_WITHOUT_RESULT}
""",
    "verdicts",
)
_EXCEPTIONS_WITHOUT_RESULT = text_with_lists(
    f"""
    SELECT r.destination, {_VERDICT}, count(*)
    FROM exception x JOIN event e ON e.id = x.id << {REVISION_BITS} | x.revision
    JOIN request_part p ON {parts.has_place("p", "e.place")} JOIN request r ON r.id = p.request
    WHERE x.state = 'received' AND {_WITHOUT_RESULT}
""",
    "verdicts",
)


@dataclass(frozen=True, slots=True)
class PastRun:
    """One run in the store."""

    id: int
    started: datetime
    """Aware, UTC."""
    finished: datetime | None
    exit_code: int | None
    operator: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One order at one destination that needs a person."""

    destination: str
    order_no: str
    day: str
    state: str
    reason: str | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A source row that the last run could not read as an order."""

    place: str
    reason: str
    field: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The status of the whole store."""

    rehearsal: bool
    log_entries: int
    runs: list[PastRun]
    """Newest first."""
    states: dict[str, dict[str, int]]
    """Orders by destination and state."""
    late: dict[str, dict[str, int]]
    """By destination: received orders without a late result, by verdict."""
    changed: dict[str, ValueChangeTotals]
    """By destination: sent orders with a changed value."""
    restatements: dict[str, dict[str, int]]
    """By destination and state."""
    problems: list[Problem]
    stopped: dict[str, tuple[str, int]]
    """By destination that receives nothing until a person decides: the reason and the number of orders."""
    unnamed: int
    """Number of problems that are not in ``problems``."""
    acknowledged: int
    """Number of problems that a person has acknowledged."""
    bad_rows: list[RejectedRow]
    unscrubbed: list[OpenScrub]
    """Deletions whose traces may be left in the store's files, oldest first."""


def overview(ledger: Ledger) -> Overview:
    """Return the status, with at most ``MAX_PROBLEMS_NAMED`` problems and bad rows, the oldest first."""
    with ledger.transaction() as connection:
        head = connection.execute(select(tables.head.c.rehearsal, tables.head.c.tree_size)).one_or_none()
        unscrubbed = open_scrubs(connection)
    past, (changed, restatements) = _runs(ledger), eligibility.overview(ledger)
    return Overview(
        rehearsal=bool(head and head.rehearsal),
        log_entries=head.tree_size if head else 0,
        runs=past,
        states=states(ledger),
        late=_late(ledger),
        changed=changed,
        restatements=restatements,
        problems=(problems := _problems(ledger)),
        stopped=_stopped(ledger),
        unnamed=_count(ledger, views.exceptional.c.acknowledged_us.is_(None)) - len(problems),
        acknowledged=_count(ledger, views.exceptional.c.acknowledged_us.is_not(None)),
        bad_rows=_bad_rows(ledger, past[0].id) if past else [],
        unscrubbed=unscrubbed,
    )


def _runs(ledger: Ledger) -> list[PastRun]:
    run = tables.run.c
    with ledger.transaction() as connection:
        sending = select(tables.run).where(run.command == "run")
        rows = connection.execute(sending.order_by(run.id.desc()).limit(5)).all()
    return [
        PastRun(
            row.id,
            instant(row.started_us),
            instant(row.finished_us) if row.finished_us else None,
            orjson.loads(row.report)["exit_code"] if row.report else None,
            row.operator,
            row.since,
            row.until,
        )
        for row in rows
    ]


def last_report(ledger: Ledger) -> dict[str, Any]:
    """Return the stored report of the newest run; empty where it has none."""
    run = tables.run.c
    with ledger.transaction() as connection:
        newest = select(run.report).where(run.command == "run").order_by(run.id.desc()).limit(1)
        body = connection.execute(newest).scalar()
    report: dict[str, Any] = orjson.loads(body or "{}")
    return report


def states(ledger: Ledger) -> dict[str, dict[str, int]]:
    """Count all orders of the store by destination and state: by the counters of batches, and the exceptions."""
    x, counts = views.exceptional.c, defaultdict[int, Counter[str]](Counter)
    own = select(x.destination, x.state, func.count()).group_by(x.destination, x.state)
    with ledger.transaction() as connection:
        names = connection.execute(select(tables.destination.c.id, tables.destination.c.name)).all()
        for destination, state, orders, *late in connection.execute(_BATCHES):
            counts[destination].update(dict(zip(map(str, LETTERS), late, strict=True)))
            counts[destination][state] += orders - sum(late)
        for destination, state, orders in connection.execute(own):
            counts[destination][state] += orders
    by_name = {row.name: +counts[row.id] for row in names}
    return {name: dict(sorted(found.items())) for name, found in sorted(by_name.items()) if found}


def _problems(ledger: Ledger) -> list[Problem]:
    d = views.exceptional.c
    query = (
        select(tables.destination.c.name, tables.sale.c.order_no, d.day, d.state, d.reason, d.detail)
        .select_from(views.exceptional)
        .join(tables.destination, tables.destination.c.id == d.destination)
        .join(tables.sale, tables.sale.c.id == d.sale)
        .where(PROBLEMS, d.acknowledged_us.is_(None))
        .order_by(d.id)
        .limit(MAX_PROBLEMS_NAMED)
    )
    with ledger.transaction() as connection:
        return [Problem(*row) for row in connection.execute(query)]


def _stopped(ledger: Ledger) -> dict[str, tuple[str, int]]:
    stopped, destination = apply.stopped_destinations(ledger), tables.destination.c
    with ledger.transaction() as connection:
        query = select(destination.id, destination.name).where(destination.id.in_(stopped)).order_by(destination.name)
        names = connection.execute(query).all()
    return {name: stopped[number] for number, name in names}


def _count(ledger: Ledger, condition: ColumnElement[bool]) -> int:
    query = select(func.count()).select_from(views.exceptional).where(PROBLEMS, condition)
    with ledger.transaction() as connection:
        return int(connection.execute(query).scalar_one())


def _late(ledger: Ledger) -> dict[str, dict[str, int]]:
    """Count received orders without a late result; restatements do not count, as they never change their order."""
    counts = defaultdict[int, Counter[str]](Counter)
    verdicts_of = {"verdicts": WITHOUT_POSITIONS}
    with ledger.transaction() as connection:
        names = connection.execute(select(tables.destination.c.id, tables.destination.c.name)).all()
        for destination, verdict, orders, *late in connection.execute(_REGULAR_WITHOUT_RESULT, verdicts_of):
            counts[destination][verdict] += orders - sum(late)
        for destination, verdict, orders in connection.execute(_EXCEPTIONS_WITHOUT_RESULT, verdicts_of):
            counts[destination][verdict] += orders
    return {row.name: dict(+counts[row.id]) for row in names if row.id in counts}


def _bad_rows(ledger: Ledger, run: int) -> list[RejectedRow]:
    row = tables.row_rejected.c
    query = select(row.place, row.reason, row.field).where(row.run == run).order_by(row.id).limit(MAX_PROBLEMS_NAMED)
    with ledger.transaction() as connection:
        return [RejectedRow(*values) for values in connection.execute(query)]
