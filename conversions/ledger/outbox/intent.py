"""The intent: check the batch again, pass the gate, and put the request on disk before its first byte is sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row

from conversions.ledger import judgements, log
from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox.move import set_state
from conversions.ledger.outbox.permission import newly_forbidden
from conversions.ledger.outbox.work import (
    Attempt,
    ClaimedBatch,
    ClaimedEvent,
    Intent,
    Purpose,
    RequestTemplate,
    ValidatedBatch,
    WorkItem,
)
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.runs import Run
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.standing import Change, change
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_IN_FLIGHT = "state = 'in_flight', attempted = 1, first_attempt_us = coalesce(first_attempt_us, :now_us)"
_BATCHES = f"UPDATE batch SET {_IN_FLIGHT} WHERE id IN :batches"
_EXCEPTIONS = f"UPDATE exception SET {_IN_FLIGHT} WHERE id IN :deliveries"
_FREE = "state = 'pending' AND expires_at > :now"
_MARK = Change(text_with_lists(_BATCHES, "batches"), text_with_lists(_EXCEPTIONS, "deliveries"))
_MARK_IF_FREE = Change(
    text_with_lists(f"{_BATCHES} AND {_FREE}", "batches"), text_with_lists(f"{_EXCEPTIONS} AND {_FREE}", "deliveries")
)
"""Checks and marks in one statement: where it changes fewer rows than the batch has, some events need a check."""
_TO_RECHECK = text_with_lists(
    """
    SELECT d.id, d.state, d.expires_at, d.first_attempt_us, d.decision FROM delivery d
    WHERE d.id IN :deliveries AND (d.state <> 'pending' OR d.expires_at <= :now)
""",
    "deliveries",
)


def validate(template: RequestTemplate, batch: ClaimedBatch) -> ValidatedBatch:
    """Build the body and check it against the disclosure policy. Raises DisclosureError where it does not fit."""
    return validate_events(template.prefix, template.suffix, batch.claimed, template.check)


def validate_events(
    prefix: bytes, suffix: bytes, events: Sequence[ClaimedEvent], check: Callable[[bytes, int], tuple[str, ...]]
) -> ValidatedBatch:
    """Do the work of ``validate`` on plain values, which a worker process can receive."""
    body = prefix + b",".join(event.body for event in events) + suffix
    paths = check(body, len(events))
    return ValidatedBatch(body, paths, root_of([event.leaf_value for event in events]).hex())


def intend(
    ledger: Ledger, run: Run, template: RequestTemplate, batch: ClaimedBatch, validated: ValidatedBatch
) -> Attempt | list[WorkItem]:
    """Commit the attempt; where some events may no longer be sent, record why and return the others as work.

    Raises LedgerError where the store fails or another run has taken it over.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        now = ledger.now_us
        forbidden = newly_forbidden(connection, batch)
        if not forbidden and _mark_in_flight(connection, now, batch):
            return commit(connection, run, template, Intent(batch, validated, now))
        left_out = _recheck(connection, now, run, template, batch, forbidden)
        if not left_out:
            change(connection, batch.events, _MARK, _times(now))
            return commit(connection, run, template, Intent(batch, validated, now))
        remaining = tuple(event for event in batch.events if event not in left_out)
        return [replace(batch.work, events=remaining)] if remaining else []


def _times(now_us: int) -> dict[str, object]:
    return {"now_us": now_us, "now": now_us // 1_000_000}


def _mark_in_flight(connection: Connection, now_us: int, batch: ClaimedBatch) -> bool:
    """Mark the whole batch at once if all of it may be sent now; otherwise mark nothing."""
    if batch.work.purpose is Purpose.RESEND:
        return False
    with connection.begin_nested() as savepoint:
        if change(connection, batch.events, _MARK_IF_FREE, _times(now_us)) == len(batch.events):
            return True
        savepoint.rollback()
    return False


def _recheck(  # noqa: PLR0913 - what decides whether an event leaves
    connection: Connection,
    now_us: int,
    run: Run,
    template: RequestTemplate,
    batch: ClaimedBatch,
    forbidden: Mapping[int, Reason],
) -> set[int]:
    """Record which events may no longer be sent, or come too late, and return them to be left out."""
    deliveries = [event >> REVISION_BITS for event in batch.events]
    rows = {row.id: row for row in connection.execute(_TO_RECHECK, {"deliveries": deliveries, **_times(now_us)})}
    left_out = set()
    for event in batch.events:
        delivery = event >> REVISION_BITS
        row = rows.get(delivery)
        state = State.PENDING if row is None else row.state
        if state not in {State.PENDING, State.UNKNOWN}:
            pass  # another request took this order meanwhile
        elif event in forbidden:
            reason = Reason.MAYBE_RECEIVED if state == State.UNKNOWN else forbidden[event]
            set_state(connection, run, delivery, State.WITHHELD, reason)
        elif row is None or _may_be_resent(row, template, now_us):
            continue
        elif state == State.PENDING:
            set_state(connection, run, delivery, State.EXPIRED, Reason.TOO_OLD)
        # otherwise a resend may count twice or comes too late: the order stays unknown until a person decides
        left_out.add(event)
    judgements.record(connection, now_us, [event >> REVISION_BITS for event in left_out], run=run.id)
    return left_out


def _may_be_resent(row: Row[Any], template: RequestTemplate, now_us: int) -> bool:
    """True if the platform still counts the event once, or a person decided to send it again."""
    if row.state != State.UNKNOWN:
        return False
    counts_once = row.first_attempt_us + template.resend_us > now_us
    return bool((counts_once or row.decision == "send") and row.expires_at * 1_000_000 > now_us)
