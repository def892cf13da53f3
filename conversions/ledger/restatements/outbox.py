"""A second book of attempts: values that changed after an order was sent, told to a platform that holds the order.

A restatement never moves its order. The value that the platform holds becomes the new one on the restatement's own
conclusive answer, and no answer to an earlier request can take it back.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection, Row, bindparam, text

from conversions.errors import DisclosureError
from conversions.ledger import log
from conversions.ledger.outbox.claim import fitting
from conversions.ledger.outbox.outcome import record
from conversions.ledger.outbox.work import (
    Attempt,
    ClaimedBatch,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
    follows,
)
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.restatements.eligibility import CONFIRMED, OPEN
from conversions.ledger.restatements.eligibility import OF_DESTINATION as HERE
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.states import FORBIDDEN, State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.model.receipt import Next, Outcome, Receipt

_ROW = f"SELECT e.id, e.salt, e.bytes FROM revision v JOIN event e ON e.id = v.id WHERE {OPEN}"
_STAGED = text(f"""
    {_ROW} AND {HERE} AND v.state = 'pending' AND v.run = :run AND v.id > :after ORDER BY v.id LIMIT :most
""")
_UNANSWERED = text(f"""
    {_ROW} AND {HERE} AND v.state = 'unknown' AND v.id > :after
    AND v.first_attempt_us + :resend_us > :now_us ORDER BY v.id LIMIT :most
""")
_AGAIN = text(f"{_ROW} AND v.state = :state AND v.id IN (SELECT value FROM json_each(:events)) ORDER BY v.id")
_TO_RECHECK = text(f"""
    SELECT v.id, v.state, d.state AS held, v.expires_at, v.first_attempt_us, EXISTS (
        SELECT 1 FROM objection o WHERE o.subject = e.subject AND o.removed_us IS NULL
    ) AS objected, e.bytes IS NULL AS erased
    FROM revision v JOIN event e ON e.id = v.id JOIN delivery d ON d.id = v.delivery
    WHERE v.id IN (SELECT value FROM json_each(:events)) AND (
        v.state NOT IN ('pending', 'unknown') OR d.state NOT IN ({", ".join(f"'{s}'" for s in sorted(CONFIRMED))})
        OR objected OR erased OR v.expires_at <= :now OR v.first_attempt_us + :resend_us <= :now_us
    )
""")
_MARK_IN_FLIGHT = text("""
    UPDATE revision SET state = 'in_flight', run = :run, first_attempt_us = coalesce(first_attempt_us, :now_us)
    WHERE id IN (SELECT value FROM json_each(:events))
""")
_SET_STATE = text("""
    UPDATE revision SET state = :state WHERE id IN (SELECT event FROM request_event WHERE request = :request)
""")
_RETURN_TO_PENDING = text("""
    UPDATE revision SET state = :state, first_attempt_us = CASE :state WHEN 'unknown' THEN first_attempt_us END
    WHERE id IN (SELECT event FROM request_event WHERE request = :request)
""")
"""Conclusively not taken: never sent, or, where an earlier attempt may have brought it there, unknown as before."""
_HOLD = text(f"""
    UPDATE delivery AS d SET value_minor = v.new_minor, value_currency = v.new_currency,
    value_exponent = v.new_exponent, revision = v.id & {(1 << REVISION_BITS) - 1}
    FROM revision v WHERE d.id = v.delivery AND v.id IN (SELECT event FROM request_event WHERE request = :request)
""")
_REVERT_VALUE = text(f"""
    UPDATE delivery AS d SET value_minor = v.old_minor, value_currency = v.old_currency,
    value_exponent = v.old_exponent, revision = (
        SELECT max(e.id) & {(1 << REVISION_BITS) - 1} FROM event e LEFT JOIN revision w ON w.id = e.id
        WHERE e.id >= d.id << {REVISION_BITS} AND e.id < v.id AND coalesce(w.state, 'received') = 'received'
    ) FROM revision v WHERE v.id = :event AND d.id = v.delivery AND d.id << {REVISION_BITS} | d.revision = v.id
    AND d.state <> 'erased'
""")
_BY_US = "run = (SELECT max(id) FROM run)"
"""Whoever closes it, so that this run tells of it: only the newest one writes."""
_CARRY_OLD_VALUE = text("""
    UPDATE revision AS w SET old_minor = v.old_minor, old_currency = v.old_currency, old_exponent = v.old_exponent
    FROM revision v WHERE v.id = :event AND w.delivery = v.delivery AND w.id > v.id AND w.id <= coalesce(
        (SELECT min(x.id) FROM revision x WHERE x.delivery = v.delivery AND x.id > v.id AND x.state = 'received'), w.id
    )
""")
"""A later one took the place of a value that the platform never held."""
_CLOSE = text(f"""
    UPDATE revision SET unconfirmed = state = 'unknown', state = :state, detail = :detail, {_BY_US}
    WHERE id = :event AND state <> 'erased'
""")
_REFUSE = text(f"""
    UPDATE revision AS v SET state = 'rejected', {_BY_US}, detail = :detail,
    unconfirmed = v.first_attempt_us IS NOT NULL WHERE v.id = :event
""")
"""What an earlier attempt may have brought there is refused now: which value the platform holds is not known."""
_WITHHOLD_BY_POLICY = text(f"""
    UPDATE revision SET unconfirmed = state = 'unknown', state = 'withheld', {_BY_US},
    detail = CASE state WHEN 'unknown' THEN '{Reason.MAYBE_RECEIVED}' ELSE '{Reason.SHAPE}' END WHERE id = :event
""")
_EXPIRE = text(f"""
    UPDATE revision AS v SET unconfirmed = v.state <> 'pending', state = 'withheld', {_BY_US},
    detail = CASE v.state WHEN 'pending' THEN '{Reason.TOO_OLD}' ELSE '{Reason.MAYBE_RECEIVED}' END
    WHERE {HERE} AND {OPEN} AND v.expires_at <= :now
""")
_WITHHOLD_BY_CONSENT = text(f"""
    UPDATE revision AS v SET unconfirmed = v.state <> 'pending', state = 'withheld', {_BY_US},
    detail = CASE v.state WHEN 'pending' THEN x.reason ELSE '{Reason.MAYBE_RECEIVED}' END
    FROM delivery d JOIN sale a ON a.id = d.sale JOIN temp.order_row s ON s.order_no = a.order_no
    JOIN temp.place p ON p.destination = d.destination
    JOIN temp.draft x ON x.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
    WHERE d.id = v.delivery AND d.run = :run AND {HERE} AND {OPEN} AND x.reason IN :forbidden
""").bindparams(bindparam("forbidden", expanding=True))


def close_expired(ledger: Ledger, run: Run, destination: int) -> None:
    """Close what may not be sent any more: too old, or for somebody to whom this reading forbids sending."""
    here = {"destination": destination, "now": ledger.now_us // 1_000_000}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        connection.execute(_EXPIRE, here)
        connection.execute(
            _WITHHOLD_BY_CONSENT, {"destination": destination, "run": run.id, "forbidden": sorted(FORBIDDEN)}
        )


def claim(ledger: Ledger, run: Run, outbox: RequestTemplate, work: WorkItem) -> ClaimedBatch | None:
    """The next restatements of *work*, at most what one request takes, or None where none is left."""
    while True:
        with ledger.transaction() as connection:
            rows = fitting(outbox, _next(connection, ledger, run, outbox, work))
            if not rows:
                return None
            if work.events is None:
                outbox.claimed[work.purpose] = rows[-1][0]
            rows = _still_listed(connection, run, outbox, rows)
        if rows:
            events, salts, bodies = zip(*rows, strict=True)
            return ClaimedBatch(work, events, salts, bodies)
        if work.events is not None:
            return None


def _next(
    connection: Connection, ledger: Ledger, run: Run, outbox: RequestTemplate, work: WorkItem
) -> Sequence[Row[Any]]:
    if work.events is not None:
        return connection.execute(_AGAIN, _among(work.events) | {"state": _unanswered(work)}).all()
    asked = {"destination": outbox.destination, "after": outbox.claimed[work.purpose], "most": outbox.max_events}
    if work.purpose is Purpose.RESEND:
        window = {"now_us": ledger.now_us, "resend_us": outbox.resend_us}
        return connection.execute(_UNANSWERED, asked | window).all()
    return connection.execute(_STAGED, asked | {"run": run.id}).all()


def _still_listed(
    connection: Connection, run: Run, outbox: RequestTemplate, rows: Sequence[Row[Any]]
) -> Sequence[Row[Any]]:
    """Those that today's policy lets leave: their bytes are an earlier run's but for the value."""
    log.check_epoch(connection, run.epoch)
    listed = []
    for row in rows:
        try:
            outbox.check(outbox.prefix + row.bytes + outbox.suffix, 1)
            listed.append(row)
        except DisclosureError:
            connection.execute(_WITHHOLD_BY_POLICY, {"event": row.id})
    return listed


def intend(
    ledger: Ledger, run: Run, outbox: RequestTemplate, claimed: ClaimedBatch, examined: ValidatedBatch
) -> Attempt | list[WorkItem]:
    """Commit the attempt; or, where not all of it may be sent any more, say so in the store and return what may.

    Raises LedgerError where the store fails or is another run's now.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        now = ledger.now_us
        left_out = _recheck(connection, now, outbox, claimed)
        if not left_out:
            connection.execute(_MARK_IN_FLIGHT, {"run": run.id, "now_us": now, **_among(claimed.events)})
            said = replace(claimed, work=replace(claimed.work, purpose=Purpose.RESTATE))
            return replace(commit(connection, now, run, outbox, said, examined), work=claimed.work)
        left = tuple(event for event in claimed.events if event not in left_out)
        return [replace(claimed.work, events=left)] if left else []


def _recheck(connection: Connection, now_us: int, outbox: RequestTemplate, claimed: ClaimedBatch) -> set[int]:
    """What may not be sent any more: said in the store, and returned to be left out."""
    asked = {"now": now_us // 1_000_000, "now_us": now_us, "resend_us": outbox.resend_us, **_among(claimed.events)}
    doubtful = connection.execute(_TO_RECHECK, asked).all()
    for row in doubtful:
        if row.state == State.UNKNOWN:
            _close(connection, row.id, State.WITHHELD, Reason.MAYBE_RECEIVED)
        elif row.state == State.PENDING:
            _close(connection, row.id, State.WITHHELD, _why(row, now_us // 1_000_000))
    return {row.id for row in doubtful}


def _why(row: Row[Any], now: int) -> str:
    if row.objected:
        return Reason.OBJECTION
    if row.erased or row.held == State.ERASED:
        return Reason.ERASED
    return Reason.TOO_OLD if row.expires_at <= now else f"order_{row.held}"


def settle(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> Settlement:
    """Record the answer; on a conclusive yes the platform holds the new values."""
    request = {"request": attempt.request}
    with ledger.transaction() as connection:
        match receipt.outcome:
            case Outcome.RECEIVED:
                connection.execute(_SET_STATE, request | {"state": State.RECEIVED})
                connection.execute(_HOLD, request)
            case Outcome.UNKNOWN:
                connection.execute(_SET_STATE, request | {"state": State.UNKNOWN})
            case Outcome.REFUSED | Outcome.NOT_SENT:
                connection.execute(_RETURN_TO_PENDING, request | {"state": _unanswered(attempt.work)})
        again = follows(attempt, receipt, still_unknown=receipt.outcome is Outcome.UNKNOWN)
        refused = _refuse(connection, attempt, receipt) if receipt.next is Next.ISOLATE else 0
        record(connection, ledger.now_us, attempt.request, receipt, epoch=run.epoch)
        return Settlement(again, refused)


def _unanswered(work: WorkItem) -> State:
    """What the restatements of *work* are while they are not under way."""
    return State.UNKNOWN if work.purpose is Purpose.RESEND else State.PENDING


def _refuse(connection: Connection, attempt: Attempt, receipt: Receipt) -> int:
    """Close those at fault, with what the platform said of them; how many."""
    faults = receipt.faults(len(attempt.events))
    for position, detail in faults.items():
        connection.execute(_REFUSE, {"event": attempt.events[position], "detail": detail})
    return len(faults)


def refused_later(connection: Connection, events: Sequence[int], state: State, detail: str) -> None:
    """The platform did not take received restatements after all; in the caller's transaction.

    It holds the old value, unless a later restatement has replaced both. *state*: ``rejected`` where the same value
    would be refused again, ``withheld`` where it may be asked for once more.
    """
    for event in events:
        connection.execute(_REVERT_VALUE, {"event": event})
        connection.execute(_CARRY_OLD_VALUE, {"event": event})
        _close(connection, event, state, detail)


def has_open(ledger: Ledger, destination: int) -> bool:
    """Whether anything of *destination* is staged or unanswered."""
    query = text(f"SELECT EXISTS (SELECT 1 FROM revision v WHERE {HERE} AND {OPEN})")
    with ledger.transaction() as connection:
        return bool(connection.execute(query, {"destination": destination}).scalar_one())


def _close(connection: Connection, event: int, state: State, detail: str | None) -> None:
    connection.execute(_CLOSE, {"event": event, "state": state, "detail": detail})


def _among(events: Sequence[int]) -> dict[str, str]:
    return {"events": orjson.dumps(events).decode()}
