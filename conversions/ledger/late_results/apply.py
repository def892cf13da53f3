"""What platforms say later of the requests they received: whom to ask about next, and what an answer moves.

Only an order that still stands at ``received`` with the event that was asked about moves: whatever happened to it
since is younger than the verdict.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, func, select, text, update

from conversions.ledger import log, restatements
from conversions.ledger.late_results import match_counts
from conversions.ledger.outbox import platform_warnings
from conversions.ledger.outbox.work import Purpose
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.model.late_result import SUSPECT, Diagnosis, EventOutcome, LateResults, RequestStatus, StatusDetail

COUNTS_ONLY = "counts_only"
"""The verdict on a request of which the platform says how many events failed, but not which."""
WITHOUT_POSITIONS = (COUNTS_ONLY, RequestStatus.TOO_OLD, RequestStatus.NOT_FOUND)
"""Verdicts that leave orders at ``received`` for good: whether they were recorded is not known."""
STATUS_RETENTION = timedelta(days=49)
"""Google keeps a status for about 50 days."""
FAST_POLLING = timedelta(hours=24)
"""Before, a request that the platform does not know may only be new there; the guide polls so long."""
MAX_REQUESTS_A_RUN = 1500
"""Requests asked about in one run: five minutes of the platform's quota. The rest is asked about next time."""
SEVERITY = (
    EventOutcome.DUPLICATE,
    EventOutcome.SETUP,
    EventOutcome.CONSENT,
    EventOutcome.UNLISTED,
    EventOutcome.REJECTED,
    EventOutcome.DEFERRED,
    EventOutcome.UNMATCHED,
)
"""Where one event met several reasons: what is held is held, and what is final goes before what may pass."""

_NEWEST = f"""
    state = 'received'
    AND id IN (SELECT x.event >> {REVISION_BITS} FROM json_each(:positions) j
        JOIN request_event x ON x.request = :request AND x.position = j.value)
    AND id << {REVISION_BITS} | revision IN (SELECT event FROM request_event WHERE request = :request)
"""
_REOPEN = text(f"""
    UPDATE run SET waiting = coalesce(waiting, 0) + 1 WHERE id IN (SELECT run FROM delivery WHERE {_NEWEST})
""")
"""Their runs leave something to be sent after all: later runs reach back to them."""
_MOVE = text(f"""
    UPDATE delivery SET state = :state, reason = :reason, detail = :detail, ready_at = coalesce(:ready_at, ready_at),
    settled_run = CASE :state WHEN 'deferred' THEN NULL WHEN 'rejected' THEN :run ELSE settled_run END
    WHERE {_NEWEST}
""")
_EVENTS = text("""
    SELECT x.event FROM json_each(:positions) j JOIN request_event x ON x.request = :request AND x.position = j.value
""")
_WAIT = text(f"""
    UPDATE delivery SET reason = :reason, detail = :detail, acknowledged_us = NULL
    WHERE state IN ('recorded', 'duplicate') AND id IN (
        SELECT x.event >> {REVISION_BITS} FROM json_each(:positions) j
        JOIN request_event x ON x.request = :request AND x.position = j.value
    )
""")
"""Held at its old value; the new one waits for a person to mend the account."""
_OURS = text(f"""
    UPDATE delivery SET state = 'recorded' WHERE state = 'duplicate' AND id << {REVISION_BITS} | revision IN (
        SELECT x.event FROM request_event x WHERE x.request = :request
        INTERSECT SELECT y.event FROM request r JOIN request_event y ON y.request = r.id
        WHERE r.outcome = 'unknown' AND r.destination = :destination
    )
""")
"""A duplicate of a request of ours without an answer: that one was received."""


class PendingStatus(NamedTuple):
    """A request whose verdict is not known yet."""

    request: int
    reference: str
    """The platform's id of it."""
    events: int
    purpose: str
    age: timedelta
    """Since it was received."""
    times: int
    """How often it was asked about."""


class StateChange(NamedTuple):
    """Where some events of a request land."""

    state: State
    positions: frozenset[int]
    reason: Reason | None = None
    detail: str | None = None
    wait: timedelta = timedelta()


def due(ledger: Ledger, destination: int) -> list[PendingStatus]:
    """The requests to ask about now, those that wait longest first."""
    now_us, r = ledger.now_us, tables.request.c
    asked = (r.destination == destination, r.ask_at <= now_us // 1_000_000)
    query = select(r.id, r.reference, r.events, r.purpose, r.answered_us, r.asked).where(*asked)
    with ledger.transaction() as connection:
        rows = connection.execute(query.order_by(r.ask_at, r.id).limit(MAX_REQUESTS_A_RUN)).all()
    return [PendingStatus(*row[:4], timedelta(microseconds=now_us - row.answered_us), row.asked) for row in rows]


def begin(ledger: Ledger, run: Run, destination: str, asked: Sequence[PendingStatus]) -> None:
    """Log that these requests are about to be asked about, before the first question leaves."""
    with ledger.transaction() as connection:
        numbers = [one.request for one in asked if one.age < STATUS_RETENTION]
        facts = {"run": run.id, "destination": destination, "requests": numbers}
        log.append(connection, "diagnostics asked", ledger.now_us, facts, epoch=run.epoch)


def finish(ledger: Ledger, run: Run, destination: int, asked: PendingStatus, diagnosis: Diagnosis) -> LateResults:
    """Move the orders of one request to where *diagnosis* says they stand; what moved."""
    verdict = _verdict(asked, diagnosis)
    late = LateResults(asked=1)
    with ledger.transaction() as connection:
        for landing in state_changes(diagnosis, asked.events) if verdict else ():
            _set_states(connection, ledger, run, asked, landing, late)
        if late.moved[State.DUPLICATE]:
            ours = connection.execute(_OURS, {"request": asked.request, "destination": destination}).rowcount
            late.moved.update({State.RECORDED: ours, State.DUPLICATE: -ours})
        late.moved, late.rejected = +late.moved, +late.rejected
        if verdict:
            match_counts.count(connection, asked.request)
            platform_warnings.count(connection, ledger.now_us, destination, diagnosis.warnings)
        if verdict in WITHOUT_POSITIONS and asked.purpose != Purpose.RESTATE:
            late.counts_only = asked.events - late.moved.total()
            failed = diagnosis.status in {RequestStatus.FAILED, RequestStatus.NOT_FOUND}
            late.untold = late.counts_only if failed and diagnosis.setup(asked.events) is None else 0
        _record(connection, ledger, run, asked, diagnosis, verdict, late)
    return late


def _record(
    connection: Connection,
    ledger: Ledger,
    run: Run,
    asked: PendingStatus,
    diagnosis: Diagnosis,
    verdict: str | None,
    late: LateResults,
) -> None:
    """Keep the answer with its request, and its leaf as the last thing of the transaction."""
    answered: dict[str, object] = {
        "verdict": verdict,
        "ask_at": None if verdict else _next(ledger, asked),
        "asked": asked.times + 1,
        **_evidence(asked, diagnosis),
    }
    connection.execute(update(tables.request).where(tables.request.c.id == asked.request).values(**answered))
    facts = {
        "run": run.id,
        "request": asked.request,
        "said": diagnosis.status,
        "code": diagnosis.code,
        "verdict": verdict,
        "reasons": {f.reason: f.events for f in diagnosis.findings},
        "warnings": dict(diagnosis.warnings),
        "moved": {str(state): count for state, count in late.moved.items()},
    }
    log.append(connection, "diagnosis", ledger.now_us, facts, epoch=run.epoch)


def _evidence(asked: PendingStatus, diagnosis: Diagnosis) -> dict[str, object]:
    """Of how many events is known what became of them, and how many met what may be the account's fault.

    An order that the platform holds at its old value is no evidence of either.
    """
    if asked.purpose == Purpose.RESTATE or diagnosis.status not in {
        RequestStatus.SUCCESS,
        RequestStatus.PARTIAL_SUCCESS,
        RequestStatus.FAILED,
    }:
        return {}
    put_off = diagnosis.met(asked.events, frozenset({EventOutcome.DEFERRED}))
    suspects = sorted({f.reason for f in diagnosis.findings if f.policy.outcome in SUSPECT})
    return {
        "concluded": asked.events - put_off,
        "suspected": diagnosis.met(asked.events, SUSPECT),
        "suspects": orjson.dumps(suspects).decode(),
    }


def still_open(ledger: Ledger, destination: int) -> int:
    """How many requests wait for their verdict."""
    r = tables.request.c
    with ledger.transaction() as connection:
        query = select(func.count()).where(r.destination == destination, r.ask_at.is_not(None))
        return int(connection.execute(query).scalar_one())


def stopped(ledger: Ledger) -> dict[int, tuple[str, int]]:
    """By destination where orders wait for a person to mend the account: the most frequent reason and how many.

    What is too old to be sent again waits for nothing; but consent is not mended by waiting.
    """
    d = tables.delivery.c
    of_consent = d.detail.contains("CONSENT") & (d.detail != "NO_CONSENT")
    counts = (d.expires_at * 1_000_000 > ledger.now_us) | of_consent
    held = (waits_for_the_account(), counts)
    query = select(d.destination, d.detail, func.count()).where(*held).group_by(d.destination, d.detail)
    with ledger.transaction() as connection:
        found = connection.execute(query.order_by(func.count()))
        return {number: (reason or "", count) for number, reason, count in found}


def waits_for_the_account() -> ColumnElement[bool]:
    """Which orders, in whatever state, nobody has decided on since their platform found fault with the account."""
    d = tables.delivery.c
    return (d.reason == Reason.SETUP) & d.acknowledged_us.is_(None)


def _verdict(asked: PendingStatus, diagnosis: Diagnosis) -> str | None:
    """What is final, or None where it is to be asked again."""
    match diagnosis.status:
        case RequestStatus.PROCESSING | RequestStatus.NO_ANSWER | RequestStatus.PERMISSION_DENIED:
            return None
        case RequestStatus.NOT_FOUND:
            return diagnosis.status if asked.age >= FAST_POLLING else None
        case RequestStatus.TOO_OLD:
            return diagnosis.status
        case RequestStatus.SUCCESS | RequestStatus.PARTIAL_SUCCESS | RequestStatus.FAILED:
            return diagnosis.status if diagnosis.names_all(asked.events) else COUNTS_ONLY


def _next(ledger: Ledger, asked: PendingStatus) -> int:
    """Unix seconds: 30 minutes, then growing by 1.3, up to an hour on the first day and to a day later."""
    longest = timedelta(hours=1) if asked.age < FAST_POLLING else timedelta(days=1)
    wait = min(timedelta(minutes=30) * 1.3 ** min(asked.times, 30), longest)
    return int((ledger.clock() + wait).timestamp())


def state_changes(diagnosis: Diagnosis, events: int) -> Iterator[StateChange]:
    """Where *diagnosis* puts the events of a request of so many; those that it does not name stay where they are.

    They wait for a person where it was the account that most of them met.
    """
    setup = diagnosis.setup(events)
    left = frozenset(range(events))
    for finding in sorted(diagnosis.findings, key=lambda f: SEVERITY.index(f.policy.outcome)):
        yield _state_change(finding, finding.among(events) & left, setup=setup is not None)
        left -= finding.among(events)
    if diagnosis.names_all(events):
        yield StateChange(State.RECORDED, left)
    elif setup is not None:
        yield StateChange(State.RECEIVED, left, Reason.SETUP, setup)
    elif suspect := diagnosis.suspect(events):
        yield StateChange(State.RECEIVED, left, detail=suspect)


def _state_change(finding: StatusDetail, positions: frozenset[int], *, setup: bool) -> StateChange:
    match finding.policy.outcome:
        case EventOutcome.UNMATCHED:
            return StateChange(State.UNMATCHED, positions)
        case EventOutcome.DUPLICATE:
            return StateChange(State.DUPLICATE, positions)
        case EventOutcome.DEFERRED:
            return StateChange(State.DEFERRED, positions, detail=finding.reason, wait=finding.policy.wait)
        case EventOutcome.SETUP if setup:
            return StateChange(State.REJECTED, positions, Reason.SETUP, finding.reason)
        case EventOutcome.SETUP | EventOutcome.CONSENT | EventOutcome.UNLISTED | EventOutcome.REJECTED:
            return StateChange(State.REJECTED, positions, Reason.REFUSED_LATER, finding.reason)


def _set_states(
    connection: Connection, ledger: Ledger, run: Run, asked: PendingStatus, landing: StateChange, late: LateResults
) -> None:
    """Move what stands at these positions."""
    where = {"request": asked.request, "positions": orjson.dumps(sorted(landing.positions)).decode()}
    if asked.purpose == Purpose.RESTATE:
        _set_restated_states(connection, where, landing, late)
        return
    ready_at = None
    if landing.state is State.DEFERRED:
        ready_at = int((ledger.clock() + landing.wait).timestamp())
        connection.execute(_REOPEN, where)
    to = {"state": landing.state, "reason": landing.reason, "detail": landing.detail, "ready_at": ready_at}
    moved = connection.execute(_MOVE, {**where, **to, "run": run.id}).rowcount
    late.moved[landing.state] += moved if landing.state is not State.RECEIVED else 0
    if landing.state is State.REJECTED:
        late.rejected[landing.detail or ""] += moved


def _set_restated_states(
    connection: Connection, where: dict[str, object], landing: StateChange, late: LateResults
) -> None:
    """A restatement never moves its order: either the platform holds the new value now, or still the old one."""
    unsaid = landing.state is State.RECEIVED and landing.reason is None
    if unsaid or landing.state in {State.RECORDED, State.DUPLICATE}:
        return
    passes = landing.state is State.DEFERRED or landing.reason is Reason.SETUP
    events, why = connection.execute(_EVENTS, where).scalars().all(), landing.detail or str(landing.state)
    restatements.refused_later(connection, events, State.WITHHELD if passes else State.REJECTED, why)
    late.rejected[why] += 0 if passes else len(events)
    if landing.reason is Reason.SETUP:
        connection.execute(_WAIT, {**where, "reason": landing.reason, "detail": why})
