"""Claim the next batch: pending orders, unanswered orders, or the events that an answer left to send again."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeVar

import orjson
from sqlalchemy import Connection, CursorResult, text

from conversions.errors import DisclosureError
from conversions.ledger import log
from conversions.ledger.outbox.move import set_state
from conversions.ledger.outbox.work import ClaimedBatch, Purpose, RequestTemplate, WorkItem
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_ROW = "SELECT e.id, e.salt, e.bytes, d.id"
_NEWEST = f"JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision"
_WAITING = text(f"""
    {_ROW} FROM delivery d {_NEWEST}
    WHERE d.run = :run AND d.destination = :destination AND d.id > :after AND d.state = 'pending'
    ORDER BY d.id LIMIT :most
""")
_UNANSWERED = text(f"""
    {_ROW} FROM (
        SELECT DISTINCT x.event >> {REVISION_BITS} AS id FROM request r JOIN request_event x ON x.request = r.id
        WHERE r.outcome = 'unknown' AND r.destination = :destination
        UNION SELECT id FROM delivery WHERE run = :run AND destination = :destination AND decision = 'send'
    ) u JOIN delivery d ON d.id = u.id {_NEWEST}
    WHERE d.state = 'unknown' AND d.id > :after AND d.expires_at * 1000000 > :now_us
    AND (d.first_attempt_us + :resend_us > :now_us OR d.decision = 'send')
    ORDER BY d.id LIMIT :most
""")
"""A restored store may hold unknown orders without a request: they are sent again only where a person decided so."""
_LISTED = text(f"""
    {_ROW} FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    WHERE d.state = :state ORDER BY j.key
""")
"""The state is a condition: an order that became unknown meanwhile follows the rules of unanswered orders only."""

SqlRow = TypeVar("SqlRow", bound=Sequence[Any])


def claim(ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem) -> ClaimedBatch | None:
    """Return the next events of *work*, at most one request's worth, or None where no event is left."""
    while True:
        with ledger.transaction() as connection:
            rows = fit_in_one_body(template, _next(connection, ledger, run, template, work))
            if not rows:
                return None
            if work.events is None:  # the next search starts after this order
                template.last_claimed[work.purpose] = rows[-1][3]
            if work.purpose is Purpose.RESEND:
                rows = _still_allowed(connection, run, template, rows)
        if rows:
            events, salts, bodies, _ = zip(*rows, strict=True)
            return ClaimedBatch(work, events, salts, bodies)
        if work.events is not None:
            return None


def _next(
    connection: Connection, ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Return event, salt, bytes and delivery of each event, in the order of their positions."""
    if work.events is not None:
        state = State.UNKNOWN if work.purpose is Purpose.RESEND else State.PENDING
        return _plain_rows(connection.execute(_LISTED, {"events": orjson.dumps(work.events).decode(), "state": state}))
    page = {
        "destination": template.destination_id,
        "after": template.last_claimed[work.purpose],
        "most": template.max_events,
    }
    if work.purpose is Purpose.RESEND:
        window = {"now_us": ledger.now_us, "resend_us": template.resend_us, "run": run.id}
        return _plain_rows(connection.execute(_UNANSWERED, page | window))
    return _plain_rows(connection.execute(_WAITING, page | {"run": run.id}))


def _plain_rows(result: CursorResult[Any]) -> list[tuple[int, bytes, bytes, int]]:
    """Return the driver's own tuples: 100,000 Row objects would cost more than the query."""
    assert result.cursor is not None
    return result.cursor.fetchall()  # type: ignore[return-value]


def fit_in_one_body(template: RequestTemplate, rows: Sequence[SqlRow]) -> Sequence[SqlRow]:
    """Return as many rows (event, salt, bytes, …) as fit into one request body, and at least one."""
    max_bytes = template.max_bytes - len(template.prefix) - len(template.suffix)
    sizes = list(accumulate(len(row[2]) + 1 for row in rows))
    return rows[: max(1, bisect_right(sizes, max_bytes))]


def _still_allowed(
    connection: Connection, run: Run, template: RequestTemplate, rows: Sequence[tuple[int, bytes, bytes, int]]
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Keep the earlier events that today's policy still allows, and withhold the others: a new policy is no error."""
    log.check_epoch(connection, run.epoch)
    allowed = []
    for row in rows:
        try:
            template.check(template.prefix + row[2] + template.suffix, 1)
            allowed.append(row)
        except DisclosureError:
            set_state(connection, run, row[3], State.WITHHELD, Reason.MAYBE_RECEIVED)
    return allowed
