"""The intent: check the batch again, pass the gate, and put the request on disk before its first byte is sent."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import repeat
from typing import Any

import orjson
from sqlalchemy import Connection, Row, text

from conversions.ledger import log
from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox.move import set_state
from conversions.ledger.outbox.work import (
    Attempt,
    ClaimedBatch,
    Intent,
    Purpose,
    RequestTemplate,
    ValidatedBatch,
    WorkItem,
)
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.runs import Run
from conversions.ledger.schema.sql import MISADDRESSED
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import REASON_FOR, SuppressionKind
from conversions.model.conversion import Reason

_TO_RECHECK = text(f"""
    SELECT e.id, d.id AS delivery, d.state, d.expires_at, d.first_attempt_us, d.decision, min(o.kind) AS objection,
    {MISADDRESSED} AS misaddressed
    FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    LEFT JOIN objection o ON o.subject = e.subject AND o.removed_us IS NULL
    WHERE d.state <> 'pending' OR o.id IS NOT NULL OR misaddressed OR d.expires_at <= :now GROUP BY e.id, d.id
""")
"""The events of a batch that must be checked one by one before the commit; usually none."""
_MARK_IN_FLIGHT = text(f"""
    UPDATE delivery SET state = 'in_flight', attempted = 1, first_attempt_us = coalesce(first_attempt_us, :now_us)
    WHERE id IN (SELECT value >> {REVISION_BITS} FROM json_each(:events))
""")
_MARK_IN_FLIGHT_IF_FREE = text(f"""
    {_MARK_IN_FLIGHT.text} AND state = 'pending' AND expires_at > :now AND (
        NOT EXISTS (SELECT 1 FROM objection WHERE removed_us IS NULL)
        OR NOT EXISTS (
            SELECT 1 FROM event e JOIN objection o ON o.subject = e.subject AND o.removed_us IS NULL
            WHERE e.id = delivery.id << {REVISION_BITS} | delivery.revision
        )
    ) AND NOT EXISTS (
        SELECT 1 FROM rectified_order x JOIN event e ON e.subject = x.wrong
        WHERE x.sale = delivery.sale AND e.id = delivery.id << {REVISION_BITS} | delivery.revision
    )
""")
"""Checks and marks in one statement: where it changes fewer rows than the batch has, some events need a check."""


def validate(template: RequestTemplate, batch: ClaimedBatch) -> ValidatedBatch:
    """Build the body and check it against the disclosure policy. Raises DisclosureError where it does not fit."""
    return validate_bodies(template.prefix, template.suffix, batch.salts, batch.bodies, template.check)


def validate_bodies(
    prefix: bytes,
    suffix: bytes,
    salts: Sequence[bytes],
    bodies: Sequence[bytes],
    check: Callable[[bytes, int], tuple[str, ...]],
) -> ValidatedBatch:
    """Do the work of ``validate`` on plain values, which a worker process can receive."""
    body = prefix + b",".join(bodies) + suffix
    paths = check(body, len(bodies))
    commitments = list(map(hmac.digest, salts, bodies, repeat("sha256")))
    return ValidatedBatch(body, paths, root_of(commitments).hex())


def intend(
    ledger: Ledger, run: Run, template: RequestTemplate, batch: ClaimedBatch, validated: ValidatedBatch
) -> Attempt | list[WorkItem]:
    """Commit the attempt; where some events may no longer be sent, record why and return the others as work.

    Raises LedgerError where the store fails or another run has taken it over.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        now = ledger.now_us
        if _mark_in_flight(connection, now, batch):
            return commit(connection, run, template, Intent(batch, validated, now))
        left_out = _recheck(connection, now, run, template, batch)
        if not left_out:
            connection.execute(_MARK_IN_FLIGHT, _parameters(now, batch))
            return commit(connection, run, template, Intent(batch, validated, now))
        remaining = tuple(event for event in batch.events if event not in left_out)
        return [replace(batch.work, events=remaining)] if remaining else []


def _parameters(now_us: int, batch: ClaimedBatch) -> dict[str, object]:
    return {"events": orjson.dumps(batch.events).decode(), "now_us": now_us, "now": now_us // 1_000_000}


def _mark_in_flight(connection: Connection, now_us: int, batch: ClaimedBatch) -> bool:
    """Mark the whole batch at once if all of it may be sent now; otherwise mark nothing."""
    if batch.work.purpose is Purpose.RESEND:
        return False
    with connection.begin_nested() as savepoint:
        if connection.execute(_MARK_IN_FLIGHT_IF_FREE, _parameters(now_us, batch)).rowcount == len(batch.events):
            return True
        savepoint.rollback()
    return False


def _recheck(connection: Connection, now_us: int, run: Run, template: RequestTemplate, batch: ClaimedBatch) -> set[int]:
    """Record which events may no longer be sent, or come too late, and return them to be left out."""
    left_out = set()
    for row in connection.execute(_TO_RECHECK, _parameters(now_us, batch)).all():
        if row.state not in {State.PENDING, State.UNKNOWN}:
            pass  # another request took this order meanwhile
        elif row.objection is not None or row.misaddressed:
            reason = REASON_FOR[SuppressionKind(row.objection)] if row.objection else Reason.WRONG_ADDRESS
            if row.state == State.UNKNOWN:
                reason = Reason.MAYBE_RECEIVED
            set_state(connection, run, row.delivery, State.WITHHELD, reason)
        elif row.state == State.PENDING:
            set_state(connection, run, row.delivery, State.EXPIRED, Reason.TOO_OLD)
        elif _may_be_resent(row, template, now_us):
            continue
        # otherwise a resend may count twice or comes too late: the order stays unknown until a person decides
        left_out.add(row.id)
    return left_out


def _may_be_resent(row: Row[Any], template: RequestTemplate, now_us: int) -> bool:
    """True if the platform still counts the event once, or a person decided to send it again."""
    counts_once = row.first_attempt_us + template.resend_us > now_us
    return bool((counts_once or row.decision == "send") and row.expires_at * 1_000_000 > now_us)
