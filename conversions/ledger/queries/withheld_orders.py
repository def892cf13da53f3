"""Orders that were withheld, refused or quarantined, by the history alone: each once at each destination.

An order stood against sending from the first judgement in succession that says so to the last run that read it before
another judgement. Settings of today play no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, text

from conversions.ledger.batches.parts import has_place
from conversions.ledger.queries.withheld_order import Judgement, SentAttempt, WithheldOrder, stood_against
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import MAX_REVISIONS, REVISION_BITS
from conversions.ledger.standing import readings
from conversions.ledger.store import instant
from conversions.model.conversion import Money

_JUDGED = text("""
    SELECT j.delivery, j.to_state, j.to_reason, j.rules, j.policy_version, j.run, j.at_us, a.order_no, n.name, d.day,
    d.state, d.run AS last_run, d.stated_minor, d.stated_currency, d.stated_exponent
    FROM judgement j JOIN delivery d ON d.id = j.delivery JOIN sale a ON a.id = d.sale
    JOIN destination n ON n.id = d.destination WHERE d.day BETWEEN :since AND :until ORDER BY j.delivery, j.id
""")
_RUNS = text("SELECT id, started_us FROM run ORDER BY id")
_SENT = text_with_lists(
    f"""
    SELECT s.delivery, r.id AS request, r.run, r.intended_us FROM (
        SELECT k.id AS delivery, max(q.id) AS request FROM delivery_place k
        JOIN event e ON e.id BETWEEN k.id << {REVISION_BITS} AND k.id << {REVISION_BITS} | {MAX_REVISIONS - 1}
        JOIN request_part x ON {has_place("x", "e.place")} JOIN request q ON q.id = x.request
        WHERE k.id IN :deliveries AND q.purpose <> 'restate' AND q.outcome IN ('received', 'unknown') GROUP BY k.id
    ) s JOIN request r ON r.id = s.request
""",
    "deliveries",
)
"""The newest attempt that the platform may have received."""


def withheld_orders(connection: Connection, since: date, until: date, name: str | None = None) -> list[WithheldOrder]:
    """Return the orders bought from *since* to *until* that stood against sending, by order and destination.

    *name* is that of the only destination. Orders erased or past retention are not among them.
    """
    days = {"since": since.isoformat(), "until": until.isoformat()}
    starts = {row.id: row.started_us for row in connection.execute(_RUNS)}
    orders, ended = list[WithheldOrder](), dict[int, int]()
    for delivery, group in groupby(connection.execute(_JUDGED, days), key=lambda row: row.delivery):
        rows = [*group]
        stretch = _last_stretch(rows)
        if not stretch or name not in {None, rows[0].name}:
            continue
        if rows[-1] is not stretch[-1]:
            ended[delivery] = _first_run_after(rows[rows.index(stretch[-1]) + 1], starts)
        orders.append(_order(rows, stretch, starts, is_over=delivery in ended))
    return _with_attempts(connection, _with_last_runs(connection, orders, ended, starts))


def _stood_against(row: Row[Any]) -> bool:
    return stood_against(row.to_state, row.to_reason)


def _last_stretch(rows: Sequence[Row[Any]]) -> list[Row[Any]]:
    """Return the last judgements in succession that stood against sending."""
    stretches = [[*group] for against, group in groupby(rows, key=_stood_against) if against]
    return stretches[-1] if stretches else []


def _first_run_after(ending: Row[Any], starts: Mapping[int, int]) -> int:
    """Return the first run that could not read the order as it stood before the judgement *ending*."""
    if ending.run is not None:
        return int(ending.run)
    return max((run for run, started in starts.items() if started <= ending.at_us), default=0) + 1


def _order(
    rows: Sequence[Row[Any]], stretch: Sequence[Row[Any]], starts: Mapping[int, int], *, is_over: bool
) -> WithheldOrder:
    """Return the order as its judgements say; where the stretch is over, a later run may have read it so."""
    row, first = rows[0], stretch[0]
    first_us = starts.get(first.run, first.at_us)
    runs = [each.run for each in stretch if each.run is not None] + ([] if is_over else [row.last_run])
    last_run = max((run for run in runs if starts[run] >= first_us), default=None)
    return WithheldOrder(
        delivery=row.delivery,
        order_no=row.order_no,
        destination=row.name,
        day=row.day,
        state=row.state,
        value=Money(row.stated_minor, row.stated_currency, row.stated_exponent),
        judgements=tuple(_judgement(each) for each in rows if _stood_against(each)),
        first_run=first.run,
        first=instant(first_us),
        last_run=last_run,
        last=instant(first_us if last_run is None else starts[last_run]),
    )


def _judgement(row: Row[Any]) -> Judgement:
    return Judgement(instant(row.at_us), row.run, row.to_state, row.to_reason, row.rules, row.policy_version)


def _with_last_runs(
    connection: Connection, orders: Sequence[WithheldOrder], ended: Mapping[int, int], starts: Mapping[int, int]
) -> list[WithheldOrder]:
    """Return *orders*; those that stand otherwise since have the last run that read them before."""
    last_runs = readings.last_runs(connection, ended)

    def with_last_run(order: WithheldOrder) -> WithheldOrder:
        run = last_runs.get(order.delivery, 0)
        if run <= (order.last_run or 0) or instant(starts[run]) < order.first:
            return order
        return replace(order, last_run=run, last=instant(starts[run]))

    return [with_last_run(order) for order in orders]


def _with_attempts(connection: Connection, orders: Sequence[WithheldOrder]) -> list[WithheldOrder]:
    """Return *orders*; those that were sent have the attempt."""
    attempts = dict[int, SentAttempt]()
    for page in pages_of(order.delivery for order in orders if order.is_sent):
        for delivery, request, run, at_us in connection.execute(_SENT, {"deliveries": page}):
            attempts[delivery] = SentAttempt(request, run, instant(at_us))
    return [replace(order, sent=attempts[order.delivery]) if order.delivery in attempts else order for order in orders]
