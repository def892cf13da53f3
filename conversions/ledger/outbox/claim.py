"""What goes next: the orders that wait, those without an answer, or what an answer left to be sent again."""

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
"""Those that a restored copy of the store knows no request of go again only where a person has said so."""
_AGAIN = text(f"""
    {_ROW} FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    WHERE d.state = :state ORDER BY j.key
""")
"""What was not answered meanwhile goes by the rules of the unanswered alone."""


Found = TypeVar("Found", bound=Sequence[Any])


def claim(ledger: Ledger, run: Run, outbox: RequestTemplate, work: WorkItem) -> ClaimedBatch | None:
    """The next events of *work*, at most what one request takes, or None where none is left."""
    while True:
        with ledger.transaction() as connection:
            rows = fitting(outbox, _next(connection, ledger, run, outbox, work))
            if not rows:
                return None
            if work.events is None:  # a cursor keeps the search from starting over
                outbox.claimed[work.purpose] = rows[-1][3]
            if work.purpose is Purpose.RESEND:
                rows = _still_listed(connection, run, outbox, rows)
        if rows:
            events, salts, bodies, _ = zip(*rows, strict=True)
            return ClaimedBatch(work, events, salts, bodies)
        if work.events is not None:
            return None


def _next(
    connection: Connection, ledger: Ledger, run: Run, outbox: RequestTemplate, work: WorkItem
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Event, salt, bytes and delivery, in the order of their positions."""
    if work.events is not None:
        state = State.UNKNOWN if work.purpose is Purpose.RESEND else State.PENDING
        return _plain(connection.execute(_AGAIN, {"events": orjson.dumps(work.events).decode(), "state": state}))
    asked = {"destination": outbox.destination, "after": outbox.claimed[work.purpose], "most": outbox.max_events}
    if work.purpose is Purpose.RESEND:
        window = {"now_us": ledger.now_us, "resend_us": outbox.resend_us, "run": run.id}
        return _plain(connection.execute(_UNANSWERED, asked | window))
    return _plain(connection.execute(_WAITING, asked | {"run": run.id}))


def _plain(result: CursorResult[Any]) -> list[tuple[int, bytes, bytes, int]]:
    """The driver's own tuples: a hundred thousand Row objects would cost more than the query."""
    assert result.cursor is not None
    return result.cursor.fetchall()  # type: ignore[return-value]


def fitting(outbox: RequestTemplate, rows: Sequence[Found]) -> Sequence[Found]:
    """As many rows (event, salt, bytes, …) as the platform takes in one body, and one in any case."""
    room = outbox.max_bytes - len(outbox.prefix) - len(outbox.suffix)
    sizes = list(accumulate(len(row[2]) + 1 for row in rows))
    return rows[: max(1, bisect_right(sizes, room))]


def _still_listed(
    connection: Connection, run: Run, outbox: RequestTemplate, rows: Sequence[tuple[int, bytes, bytes, int]]
) -> Sequence[tuple[int, bytes, bytes, int]]:
    """Bytes of an earlier run that today's policy lets leave; the others stay: the policy changed, it is no mistake."""
    log.check_epoch(connection, run.epoch)
    listed = []
    for row in rows:
        try:
            outbox.check(outbox.prefix + row[2] + outbox.suffix, 1)
            listed.append(row)
        except DisclosureError:
            set_state(connection, run, row[3], State.WITHHELD, Reason.MAYBE_RECEIVED)
    return listed
