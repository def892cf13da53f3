"""Poll the status of received requests, and apply the late results to their orders.

An order changes only while it is ``received`` with the same event as in the request: anything later is newer than the
result.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, func, select, update

from conversions.ledger import judgements, log, restatements
from conversions.ledger.batches import parts
from conversions.ledger.batches.parts import has_place
from conversions.ledger.judgements.record import is_against
from conversions.ledger.late_results import match_counts
from conversions.ledger.late_results.state_changes import StateChange, state_changes
from conversions.ledger.log import bound
from conversions.ledger.outbox import Purpose, platform_warnings
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables, views
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import IS_PRESENT_EVENT
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.schema.views import LETTERS
from conversions.ledger.standing import make_exceptions, set_late_state
from conversions.ledger.states import State
from conversions.ledger.store import Ledger, instant
from conversions.model.conversion import Reason
from conversions.model.late_result import SUSPECT, Diagnosis, EventOutcome, LateResults, RequestStatus

COUNTS_ONLY = "counts_only"
"""The verdict where the platform says how many events of the request failed, but not which."""
WITHOUT_POSITIONS = (COUNTS_ONLY, RequestStatus.TOO_OLD, RequestStatus.NOT_FOUND)
"""Verdicts that leave orders at ``received`` for ever: it is not known whether the platform recorded them."""
STATUS_RETENTION = timedelta(days=49)
"""Google keeps a status for about 50 days."""
FAST_POLLING = timedelta(hours=24)
"""A younger request may be too new for the platform to know; Google's guide polls for so long."""
MAX_REQUESTS_A_RUN = 1500
"""Requests polled in one run: five minutes of the platform's quota. The next run polls the rest."""

_RECEIVED = text_with_lists(
    f"""
    SELECT d.id, d.run FROM event e JOIN delivery d ON {IS_PRESENT_EVENT}
    WHERE e.id IN :events AND d.state = 'received'
""",
    "events",
)
_REOPEN = text_with_lists("UPDATE run SET waiting = coalesce(waiting, 0) + 1 WHERE id IN :runs", "runs")
"""The runs of these orders have something left to send: later runs extend their window to them."""
_SET_STATE = text_with_lists(
    """
    UPDATE exception SET state = :state, reason = :reason, detail = :detail, ready_at = coalesce(:ready_at, ready_at),
    settled_run = CASE :state WHEN 'deferred' THEN NULL WHEN 'rejected' THEN :run ELSE settled_run END
    WHERE id IN :deliveries
""",
    "deliveries",
)
_KEEP_FOR_PERSON = text_with_lists(
    """
    UPDATE exception SET reason = :reason, detail = :detail, acknowledged_us = NULL
    WHERE state IN ('recorded', 'duplicate') AND id IN :deliveries
""",
    "deliveries",
)
"""The platform holds the old value; the new value waits until a person has corrected the account."""
_OWN_DUPLICATES = text_with_lists(
    f"""
    SELECT DISTINCT d.id FROM event e JOIN delivery d ON {IS_PRESENT_EVENT}
    JOIN request_part x ON {has_place("x", "e.place")} JOIN request r ON r.id = x.request
    WHERE e.id IN :events AND d.state = 'duplicate' AND r.outcome = 'unknown' AND r.destination = :destination
""",
    "events",
)
"""A duplicate of our own request without an answer proves that the request was received."""


class PendingStatus(NamedTuple):
    """A request without a verdict."""

    request: int
    reference: str
    """The platform's id of the request."""
    events: int
    purpose: str
    age: timedelta
    """Since it was received."""
    times: int
    """How often its status was polled."""


class _Answer(NamedTuple):
    """One answer about a request, and the verdict that follows."""

    pending: PendingStatus
    diagnosis: Diagnosis
    verdict: str | None


def due(ledger: Ledger, destination: int) -> list[PendingStatus]:
    """Return the requests to poll now, the longest overdue first."""
    now_us, r = ledger.now_us, tables.request.c
    is_due = (r.destination == destination, r.ask_at <= now_us // 1_000_000)
    query = select(r.id, r.reference, r.events, r.purpose, r.answered_us, r.asked).where(*is_due)
    with ledger.transaction() as connection:
        rows = connection.execute(query.order_by(r.ask_at, r.id).limit(MAX_REQUESTS_A_RUN)).all()
    return [PendingStatus(*row[:4], timedelta(microseconds=now_us - row.answered_us), row.asked) for row in rows]


def begin_poll(ledger: Ledger, run: Run, destination: str, requests: Sequence[PendingStatus]) -> None:
    """Log which requests are about to be polled, before the first status request is sent."""
    with ledger.transaction() as connection:
        numbers = [pending.request for pending in requests if pending.age < STATUS_RETENTION]
        facts = {"run": run.id, "destination": destination, "requests": numbers}
        log.append(connection, "diagnostics asked", ledger.now_us, facts, epoch=run.epoch)


def finish_poll(
    ledger: Ledger, run: Run, destination: int, pending: PendingStatus, diagnosis: Diagnosis
) -> LateResults:
    """Set the states of the orders of one request by its *diagnosis*; return what changed."""
    verdict = _verdict(pending, diagnosis)
    late = LateResults(asked=1)
    with ledger.transaction() as connection:
        events = parts.events(connection, [pending.request])[pending.request] if verdict else []
        for change in state_changes(diagnosis, pending.events) if verdict else ():
            chosen = [events[position] for position in sorted(change.positions)]
            late.add(_set_states(connection, ledger, run, pending, change, chosen))
        if late.moved[State.DUPLICATE]:
            own = connection.execute(_OWN_DUPLICATES, {"events": events, "destination": destination}).scalars().all()
            set_late_state(connection, own, State.RECORDED)
            late.moved.update({State.RECORDED: len(own), State.DUPLICATE: -len(own)})
        late.moved, late.rejected = +late.moved, +late.rejected
        if verdict:
            match_counts.count(connection, events)
            platform_warnings.count(connection, ledger.now_us, destination, diagnosis.warnings)
        if verdict in WITHOUT_POSITIONS and pending.purpose != Purpose.RESTATE:
            late.counts_only = pending.events - late.moved.total()
            failed = diagnosis.status in {RequestStatus.FAILED, RequestStatus.NOT_FOUND}
            late.untold = late.counts_only if failed and diagnosis.setup(pending.events) is None else 0
        _record(connection, ledger, run, _Answer(pending, diagnosis, verdict), late)
    return late


def _record(connection: Connection, ledger: Ledger, run: Run, answer: _Answer, late: LateResults) -> None:
    """Store the answer with its request, and append its leaf at the end of the transaction."""
    pending, diagnosis, verdict = answer
    columns: dict[str, object] = {
        "verdict": verdict,
        "ask_at": None if verdict else _next_poll(ledger, pending),
        "asked": pending.times + 1,
        **_evidence(pending, diagnosis),
    }
    this = tables.request.c.id == pending.request
    with bound.changed(connection, "ask", this):
        connection.execute(update(tables.request).where(this).values(**columns))
    facts = {
        "run": run.id,
        "request": pending.request,
        "said": diagnosis.status,
        "code": diagnosis.code,
        "verdict": verdict,
        "reasons": {f.reason: f.events for f in diagnosis.findings},
        "warnings": dict(diagnosis.warnings),
        "moved": {str(state): count for state, count in late.moved.items()},
    }
    log.append(connection, "diagnosis", ledger.now_us, facts, epoch=run.epoch)


def _evidence(pending: PendingStatus, diagnosis: Diagnosis) -> dict[str, object]:
    """Return how many events have a final result, and how many a reason that the account may cause.

    A restatement is no evidence: the platform holds its order at the old value.
    """
    if pending.purpose == Purpose.RESTATE or diagnosis.status not in {
        RequestStatus.SUCCESS,
        RequestStatus.PARTIAL_SUCCESS,
        RequestStatus.FAILED,
    }:
        return {}
    deferred = diagnosis.met(pending.events, frozenset({EventOutcome.DEFERRED}))
    suspects = sorted({f.reason for f in diagnosis.findings if f.policy.outcome in SUSPECT})
    return {
        "concluded": pending.events - deferred,
        "suspected": diagnosis.met(pending.events, SUSPECT),
        "suspects": orjson.dumps(suspects).decode(),
    }


def count_open(ledger: Ledger, destination: int) -> int:
    """Count the requests without a verdict."""
    r = tables.request.c
    with ledger.transaction() as connection:
        query = select(func.count()).where(r.destination == destination, r.ask_at.is_not(None))
        return int(connection.execute(query).scalar_one())


def next_poll(ledger: Ledger, destination: int) -> datetime | None:
    """When the next request is due to be polled; None where every request has a verdict."""
    r = tables.request.c
    with ledger.transaction() as connection:
        seconds = connection.execute(select(func.min(r.ask_at)).where(r.destination == destination)).scalar()
    return None if seconds is None else instant(seconds * 1_000_000)


def stopped_destinations(ledger: Ledger) -> dict[int, tuple[str, int]]:
    """Return by destination, where orders wait for a corrected account, the most frequent reason and its orders.

    Orders that are too old to send again do not count, except where consent is missing: time does not solve that.
    """
    d = views.exceptional.c
    of_consent = d.detail.contains("CONSENT") & (d.detail != "NO_CONSENT")
    counts = (d.expires_at * 1_000_000 > ledger.now_us) | of_consent
    conditions = (waits_for_the_account(), counts)
    query = select(d.destination, d.detail, func.count()).where(*conditions).group_by(d.destination, d.detail)
    with ledger.transaction() as connection:
        rows = connection.execute(query.order_by(func.count()))
        return {number: (reason or "", count) for number, reason, count in rows}


def waits_for_the_account() -> ColumnElement[bool]:
    """Return the condition for orders, in any state, that wait for a person to decide on the account."""
    d = views.exceptional.c
    return (d.reason == Reason.SETUP) & d.acknowledged_us.is_(None)


def _verdict(pending: PendingStatus, diagnosis: Diagnosis) -> str | None:
    """Return the final verdict, or None to poll again."""
    match diagnosis.status:
        case RequestStatus.PROCESSING | RequestStatus.NO_ANSWER | RequestStatus.PERMISSION_DENIED:
            return None
        case RequestStatus.NOT_FOUND:
            return diagnosis.status if pending.age >= FAST_POLLING else None
        case RequestStatus.TOO_OLD:
            return diagnosis.status
        case RequestStatus.SUCCESS | RequestStatus.PARTIAL_SUCCESS | RequestStatus.FAILED:
            return diagnosis.status if diagnosis.names_all(pending.events) else COUNTS_ONLY


def _next_poll(ledger: Ledger, pending: PendingStatus) -> int:
    """Return Unix seconds: 30 minutes, growing by the factor 1.3, up to one hour on the first day and one day later."""
    longest = timedelta(hours=1) if pending.age < FAST_POLLING else timedelta(days=1)
    wait = min(timedelta(minutes=30) * 1.3 ** min(pending.times, 30), longest)
    return int((ledger.clock() + wait).timestamp())


def _set_states(  # noqa: PLR0913 - a change of some orders of one request
    connection: Connection,
    ledger: Ledger,
    run: Run,
    pending: PendingStatus,
    change: StateChange,
    events: Sequence[int],
) -> LateResults:
    """Apply one state change to *events*; return the orders that changed."""
    if pending.purpose == Purpose.RESTATE:
        return LateResults(rejected=_set_restated_states(connection, ledger.now_us, run, events, change))
    rows = connection.execute(_RECEIVED, {"events": events}).all()
    ready_at = None
    if change.state is State.DEFERRED:
        ready_at = int((ledger.clock() + change.wait).timestamp())
        runs = sorted({row.run for row in rows})
        with bound.changed(connection, "waiting", tables.run.c.id.in_(runs)):
            connection.execute(_REOPEN, {"runs": runs})
    values = {"state": change.state, "reason": change.reason, "detail": change.detail, "ready_at": ready_at}
    deliveries = [row.id for row in rows]
    if change.state in LETTERS:
        set_late_state(connection, deliveries, change.state)
    elif change.state is not State.RECEIVED or change.reason or change.detail:
        make_exceptions(connection, deliveries)
        connection.execute(_SET_STATE, {**values, "deliveries": deliveries, "run": run.id})
    if is_against(change.state, change.reason):
        judgements.record(connection, ledger.now_us, deliveries, run=run.id)
    return LateResults(
        moved=Counter({change.state: len(rows) if change.state is not State.RECEIVED else 0}),
        rejected=Counter({change.detail or "": len(rows)} if change.state is State.REJECTED else {}),
    )


def _set_restated_states(
    connection: Connection, now_us: int, run: Run, events: Sequence[int], change: StateChange
) -> Counter[str]:
    """Revert restatements that the platform refused; return the rejected ones by reason. Their orders do not change."""
    no_result = change.state is State.RECEIVED and change.reason is None
    if no_result or change.state in {State.RECORDED, State.DUPLICATE}:
        return Counter()
    temporary = change.state is State.DEFERRED or change.reason is Reason.SETUP
    detail = change.detail or str(change.state)
    restatements.revert_refused(connection, events, State.WITHHELD if temporary else State.REJECTED, detail)
    if change.reason is Reason.SETUP:
        deliveries = [event >> REVISION_BITS for event in events]
        kept = {"deliveries": deliveries, "reason": change.reason, "detail": detail}
        make_exceptions(connection, deliveries)
        connection.execute(_KEEP_FOR_PERSON, kept)
        judgements.record(connection, now_us, deliveries, run=run.id)
    return Counter({detail: 0 if temporary else len(events)})
