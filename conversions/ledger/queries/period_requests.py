"""What the requests for the orders of some purchase days had brought by an instant."""

from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, cast, select, text

from conversions.ledger.batches.parts import has_place
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import json_text
from conversions.ledger.schema.tables import MAX_REVISIONS, REVISION_BITS
from conversions.model.receipt import Outcome

_REQUESTS = text(f"""
    SELECT d.id AS delivery, q.id, q.outcome, q.answered_us, q.purpose, q.asked, q.leaf, q.outcome_leaf
    FROM delivery d JOIN event e ON e.id BETWEEN d.id << {REVISION_BITS}
        AND d.id << {REVISION_BITS} | {MAX_REVISIONS - 1}
    JOIN request_part x ON {has_place("x", "e.place")} JOIN request q ON q.id = x.request
    WHERE d.day BETWEEN :since AND :until AND q.intended_us <= :at_us ORDER BY d.id, q.id
""")
_l = tables.leaf.c
_REPORTS = (
    select(cast(json_text(_l.body, "request"), tables.Int), cast(json_text(_l.body, "t"), tables.Int))
    .where(_l.body.like('%"kind":"diagnosis"%"request":%'))
    .order_by(_l.seq)
)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the requests of one order at one destination had brought."""

    received: bool
    """The platform had confirmed one."""
    reported_us: int | None
    """When the platform reported the late result of the newest confirmed one last; None: never."""
    not_taken: bool
    """The newest one was answered, and the platform did not take the event."""
    restated: bool
    """The platform had confirmed a changed value."""


def answers(connection: Connection, since: date, until: date, at_us: int) -> dict[int, Answers]:
    """Return by delivery what its requests until *at_us* had brought; no entry: none was made."""
    days = {"since": since.isoformat(), "until": until.isoformat(), "at_us": at_us}
    reports = {row[0]: row[1] for row in connection.execute(_REPORTS)}
    rows = groupby(connection.execute(_REQUESTS, days), key=lambda row: row.delivery)
    return {delivery: _answers([*each], reports, at_us) for delivery, each in rows}


def _answers(rows: list[Row[Any]], reports: dict[int, int], at_us: int) -> Answers:
    answered = [row for row in rows if row.answered_us and row.answered_us <= at_us]
    received = [row for row in answered if row.outcome == Outcome.RECEIVED]
    newest = rows[-1]
    return Answers(
        received=bool(received),
        reported_us=reports.get(received[-1].id) if received and received[-1].asked else None,
        not_taken=newest in answered and newest.outcome in {Outcome.REFUSED, Outcome.NOT_SENT},
        restated=any(row.purpose == "restate" for row in received),
    )
