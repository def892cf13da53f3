"""The outbox of restatements: new values for orders that the platform holds.

A restatement never changes the state of its order. Its own conclusive answer sets the value that the platform holds; an
answer to an earlier request cannot revert it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, TextClause, text

from conversions.errors import DisclosureError
from conversions.ledger import log
from conversions.ledger.outbox import (
    Attempt,
    ClaimedBatch,
    ClaimedEvent,
    EventPlace,
    Intent,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
    commit,
    contents_of,
    fit_in_one_body,
    follow_up_work,
    record_answer,
)
from conversions.ledger.restatements.eligibility import CONFIRMED, OF_DESTINATION, OPEN
from conversions.ledger.runs import Run
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import MISADDRESSED, PERSON_OF_EVENT
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.standing import make_exceptions
from conversions.ledger.states import FORBIDDEN, State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import REASON_FOR, SuppressionKind
from conversions.model.conversion import Reason
from conversions.model.receipt import Next, Outcome, Receipt

_ROW = f"SELECT e.id, e.place FROM revision v JOIN event e ON e.id = v.id WHERE {OPEN}"
_STAGED = text(f"""
    {_ROW} AND {OF_DESTINATION} AND v.state = 'pending' AND v.run = :run AND v.id > :after ORDER BY v.id LIMIT :most
""")
_UNANSWERED = text(f"""
    {_ROW} AND {OF_DESTINATION} AND v.state = 'unknown' AND v.id > :after
    AND v.first_attempt_us + :resend_us > :now_us ORDER BY v.id LIMIT :most
""")
_LISTED = text_with_lists(f"{_ROW} AND v.state = :state AND v.id IN :events ORDER BY v.id", "events")
_TO_RECHECK = text_with_lists(
    f"""
    SELECT v.id, v.state, d.state AS delivery_state, v.expires_at, v.first_attempt_us, (
        SELECT min(o.kind) FROM objection o WHERE o.subject = {PERSON_OF_EVENT} AND o.removed_us IS NULL
    ) AS objection, {MISADDRESSED} AS misaddressed
    FROM revision v JOIN delivery d ON d.id = v.delivery JOIN sale a ON a.id = d.sale
    LEFT JOIN earlier_person p ON p.event = v.id WHERE v.id IN :events
""",
    "events",
)
_MARK_IN_FLIGHT = text_with_lists(
    """
    UPDATE revision SET state = 'in_flight', run = :run, first_attempt_us = coalesce(first_attempt_us, :now_us)
    WHERE id IN :events
""",
    "events",
)
_SET_STATE = text_with_lists("UPDATE revision SET state = :state WHERE id IN :events", "events")
_RETURN_TO_PENDING = text_with_lists(
    """
    UPDATE revision SET state = :state, first_attempt_us = CASE :state WHEN 'unknown' THEN first_attempt_us END
    WHERE id IN :events
""",
    "events",
)
"""Refused or not sent: pending again, or still unknown where an earlier attempt may have delivered it."""
_SET_VALUE = text_with_lists(
    f"""
    UPDATE exception AS d SET value_minor = v.new_minor, value_currency = v.new_currency,
    value_exponent = v.new_exponent, revision = v.id & {(1 << REVISION_BITS) - 1}
    FROM revision v WHERE d.id = v.delivery AND v.id IN :events
""",
    "events",
)
_REVERT_VALUE = text(f"""
    UPDATE exception AS d SET value_minor = v.old_minor, value_currency = v.old_currency,
    value_exponent = v.old_exponent, revision = (
        SELECT max(e.id) & {(1 << REVISION_BITS) - 1} FROM event e LEFT JOIN revision w ON w.id = e.id
        WHERE e.id >= d.id << {REVISION_BITS} AND e.id < v.id AND coalesce(w.state, 'received') = 'received'
    ) FROM revision v WHERE v.id = :event AND d.id = v.delivery AND d.id << {REVISION_BITS} | d.revision = v.id
    AND d.state <> 'erased'
""")
_BY_RUN = "run = (SELECT max(id) FROM run)"
"""The run that closes a restatement reports it; only the latest run writes."""
_CARRY_OLD_VALUE = text("""
    UPDATE revision AS w SET old_minor = v.old_minor, old_currency = v.old_currency, old_exponent = v.old_exponent
    FROM revision v WHERE v.id = :event AND w.delivery = v.delivery AND w.id > v.id AND w.id <= coalesce(
        (SELECT min(x.id) FROM revision x WHERE x.delivery = v.delivery AND x.id > v.id AND x.state = 'received'), w.id
    )
""")
"""Later restatements replace a value that the platform never held: their old value is the one before it."""
_CLOSE = text(f"""
    UPDATE revision SET unconfirmed = CASE state WHEN 'unknown' THEN 1 ELSE 0 END, state = :state, detail = :detail,
    {_BY_RUN}
    WHERE id = :event AND state <> 'erased'
""")
_REFUSE = text(f"""
    UPDATE revision AS v SET state = 'rejected', {_BY_RUN}, detail = :detail,
    unconfirmed = CASE WHEN v.first_attempt_us IS NULL THEN 0 ELSE 1 END WHERE v.id = :event
""")
"""After an earlier attempt without an answer, a refusal leaves it unknown which value the platform holds."""
_WITHHOLD_BY_POLICY = text(f"""
    UPDATE revision SET unconfirmed = CASE state WHEN 'unknown' THEN 1 ELSE 0 END, state = 'withheld', {_BY_RUN},
    detail = CASE state WHEN 'unknown' THEN '{Reason.MAYBE_RECEIVED}' ELSE '{Reason.SHAPE}' END WHERE id = :event
""")
_EXPIRE = text(f"""
    UPDATE revision AS v SET unconfirmed = CASE v.state WHEN 'pending' THEN 0 ELSE 1 END, state = 'withheld', {_BY_RUN},
    detail = CASE v.state WHEN 'pending' THEN '{Reason.TOO_OLD}' ELSE '{Reason.MAYBE_RECEIVED}' END
    WHERE {OF_DESTINATION} AND {OPEN} AND v.expires_at <= :now
""")
_WITHHOLD_BY_CONSENT = text_with_lists(
    f"""
    UPDATE revision AS v SET unconfirmed = CASE v.state WHEN 'pending' THEN 0 ELSE 1 END, state = 'withheld', {_BY_RUN},
    detail = CASE v.state WHEN 'pending' THEN x.reason ELSE '{Reason.MAYBE_RECEIVED}' END
    FROM delivery d JOIN sale a ON a.id = d.sale JOIN order_row s ON s.order_no = a.order_no
    JOIN place p ON p.destination = d.destination
    JOIN draft x ON x.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
    WHERE d.id = v.delivery AND d.run = :run AND {OF_DESTINATION} AND {OPEN} AND x.reason IN :forbidden
    """,
    "forbidden",
)


def close_expired(ledger: Ledger, run: Run, destination: int) -> None:
    """Close restatements that may no longer be sent: too old, or forbidden by what this run read."""
    if not has_open(ledger, destination):
        return
    expiry = {"destination": destination, "now": ledger.now_us // 1_000_000}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(_EXPIRE, expiry)
        connection.execute(
            _WITHHOLD_BY_CONSENT, {"destination": destination, "run": run.id, "forbidden": sorted(FORBIDDEN)}
        )


def claim(ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem) -> ClaimedBatch | None:
    """Return the next restatements of *work*, at most one request's worth, or None where none is left."""
    while True:
        with ledger.transaction() as connection:
            claimed = fit_in_one_body(template, contents_of(connection, _next(connection, ledger, run, template, work)))
            if not claimed:
                return None
            if work.events is None:
                template.last_claimed[work.purpose] = claimed[-1].id
            claimed = _still_allowed(connection, run, template, claimed)
        if claimed:
            return ClaimedBatch(work, tuple(claimed))
        if work.events is not None:
            return None


def _next(
    connection: Connection, ledger: Ledger, run: Run, template: RequestTemplate, work: WorkItem
) -> list[EventPlace]:
    if work.events is not None:
        return _places(connection, _LISTED, {"events": work.events, "state": _idle_state(work)})
    page = {
        "destination": template.destination_id,
        "after": template.last_claimed[work.purpose],
        "most": template.max_events,
    }
    if work.purpose is Purpose.RESEND:
        window = {"now_us": ledger.now_us, "resend_us": template.resend_us}
        return _places(connection, _UNANSWERED, page | window)
    return _places(connection, _STAGED, page | {"run": run.id})


def _places(connection: Connection, query: TextClause, parameters: Mapping[str, object]) -> list[EventPlace]:
    return [EventPlace(*row) for row in connection.execute(query, parameters)]


def _still_allowed(
    connection: Connection, run: Run, template: RequestTemplate, events: Sequence[ClaimedEvent]
) -> Sequence[ClaimedEvent]:
    """Keep the restatements that today's policy allows, and withhold the others: most bytes are old."""
    log.check_epoch(connection, run.epoch)
    allowed = []
    for event in events:
        try:
            template.check(template.prefix + event.body + template.suffix, 1)
            allowed.append(event)
        except DisclosureError:
            connection.execute(_WITHHOLD_BY_POLICY, {"event": event.id})
    return allowed


def intend(
    ledger: Ledger, run: Run, template: RequestTemplate, batch: ClaimedBatch, validated: ValidatedBatch
) -> Attempt | list[WorkItem]:
    """Commit the attempt; where some events may no longer be sent, record why and return the others as work.

    Raises LedgerError where the store fails or another run has taken it over.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        now = ledger.now_us
        left_out = _recheck(connection, now, template, batch)
        if not left_out:
            connection.execute(_MARK_IN_FLIGHT, {"run": run.id, "now_us": now, "events": batch.events})
            restated = replace(batch, work=replace(batch.work, purpose=Purpose.RESTATE))
            return replace(commit(connection, run, template, Intent(restated, validated, now)), work=batch.work)
        remaining = tuple(event for event in batch.events if event not in left_out)
        return [replace(batch.work, events=remaining)] if remaining else []


def _recheck(connection: Connection, now_us: int, template: RequestTemplate, batch: ClaimedBatch) -> set[int]:
    """Record which restatements may no longer be sent, and return them to be left out."""
    now = now_us // 1_000_000
    rows = connection.execute(_TO_RECHECK, {"events": batch.events}).all()
    kept = {row.id for row in rows if _may_be_sent(row, template, now_us)}
    for row in rows:
        if row.id not in kept and row.state == State.UNKNOWN:
            _close(connection, row.id, State.WITHHELD, Reason.MAYBE_RECEIVED)
        elif row.id not in kept and row.state == State.PENDING:
            _close(connection, row.id, State.WITHHELD, _reason(row, now))
    return {*batch.events} - kept


def _may_be_sent(row: Row[Any], template: RequestTemplate, now_us: int) -> bool:
    idle = row.state in {State.PENDING, State.UNKNOWN} and row.delivery_state in CONFIRMED
    in_time = row.expires_at > now_us // 1_000_000 and (
        row.first_attempt_us is None or row.first_attempt_us + template.resend_us > now_us
    )
    return idle and in_time and row.objection is None and not row.misaddressed


def _reason(row: Row[Any], now: int) -> str:
    if row.objection is not None:
        return REASON_FOR[SuppressionKind(row.objection)]
    if row.misaddressed:
        return Reason.WRONG_ADDRESS
    if row.delivery_state == State.ERASED:
        return Reason.ERASED
    return Reason.TOO_OLD if row.expires_at <= now else f"order_{row.delivery_state}"


def settle(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> Settlement:
    """Record the answer; where the platform received the request, it holds the new values."""
    events = {"events": attempt.events}
    with ledger.transaction() as connection:
        match receipt.outcome:
            case Outcome.RECEIVED:
                connection.execute(_SET_STATE, events | {"state": State.RECEIVED})
                make_exceptions(connection, [event >> REVISION_BITS for event in attempt.events])
                connection.execute(_SET_VALUE, events)
            case Outcome.UNKNOWN:
                connection.execute(_SET_STATE, events | {"state": State.UNKNOWN})
            case Outcome.REFUSED | Outcome.NOT_SENT:
                connection.execute(_RETURN_TO_PENDING, events | {"state": _idle_state(attempt.work)})
        again = follow_up_work(attempt, receipt, still_unknown=receipt.outcome is Outcome.UNKNOWN)
        refused = _refuse(connection, attempt, receipt) if receipt.next is Next.ISOLATE else 0
        record_answer(connection, ledger.now_us, attempt.request, receipt, epoch=run.epoch)
        return Settlement(again, refused)


def _idle_state(work: WorkItem) -> State:
    """Return the state of the restatements of *work* while they are not in flight."""
    return State.UNKNOWN if work.purpose is Purpose.RESEND else State.PENDING


def _refuse(connection: Connection, attempt: Attempt, receipt: Receipt) -> int:
    """Reject the restatements at fault, with the platform's code; return how many."""
    faults = receipt.faults(len(attempt.events))
    for position, detail in faults.items():
        connection.execute(_REFUSE, {"event": attempt.events[position], "detail": detail})
    return len(faults)


def revert_refused(connection: Connection, events: Sequence[int], state: State, detail: str) -> None:
    """Revert received restatements that the platform refused later, in the caller's transaction.

    The platform holds the old value, unless a later restatement replaced both. *state* is ``rejected`` where the
    platform would refuse the same value again, ``withheld`` where it may be sent again.
    """
    make_exceptions(connection, [event >> REVISION_BITS for event in events])
    for event in events:
        connection.execute(_REVERT_VALUE, {"event": event})
        connection.execute(_CARRY_OLD_VALUE, {"event": event})
        _close(connection, event, state, detail)


def has_open(ledger: Ledger, destination: int) -> bool:
    """True if a restatement for *destination* is staged or has no answer."""
    query = text(f"SELECT EXISTS (SELECT 1 FROM revision v WHERE {OF_DESTINATION} AND {OPEN})")
    with ledger.transaction() as connection:
        return bool(connection.execute(query, {"destination": destination}).scalar_one())


def _close(connection: Connection, event: int, state: State, detail: str | None) -> None:
    connection.execute(_CLOSE, {"event": event, "state": state, "detail": detail})
