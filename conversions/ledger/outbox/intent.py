"""The intent: everything asked again, the gate, and the bytes on disk before the first of them is written."""

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
from conversions.ledger.outbox.work import Attempt, ClaimedBatch, Purpose, RequestTemplate, ValidatedBatch, WorkItem
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import REASON_FOR, SuppressionKind
from conversions.model.conversion import Reason

_TO_RECHECK = text("""
    SELECT e.id, d.id AS delivery, d.state, d.expires_at, d.first_attempt_us, d.decision, min(o.kind) AS objection
    FROM json_each(:events) j JOIN event e ON e.id = j.value JOIN delivery d ON d.id = e.delivery
    LEFT JOIN objection o ON o.subject = e.subject AND o.removed_us IS NULL
    WHERE d.state <> 'pending' OR o.id IS NOT NULL OR d.expires_at <= :now GROUP BY e.id, d.id
""")
"""Whatever of a claim needs a second look in the transaction that commits it; mostly nothing."""
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
    )
""")
"""Asks and moves at once: as many rows as the claim has events, or somebody needs a second look."""


def validate(outbox: RequestTemplate, claimed: ClaimedBatch) -> ValidatedBatch:
    """The finished body, held against the disclosure policy. Raises DisclosureError where it does not fit."""
    return validated(outbox.prefix, outbox.suffix, claimed.salts, claimed.bodies, outbox.check)


def validated(
    prefix: bytes,
    suffix: bytes,
    salts: Sequence[bytes],
    bodies: Sequence[bytes],
    check: Callable[[bytes, int], tuple[str, ...]],
) -> ValidatedBatch:
    """``examine``, of plain values that can travel to another process."""
    body = prefix + b",".join(bodies) + suffix
    paths = check(body, len(bodies))
    commitments = list(map(hmac.digest, salts, bodies, repeat("sha256")))
    return ValidatedBatch(body, paths, root_of(commitments).hex())


def intend(
    ledger: Ledger, run: Run, outbox: RequestTemplate, claimed: ClaimedBatch, examined: ValidatedBatch
) -> Attempt | list[WorkItem]:
    """Commit the attempt; or, where not all of it may be sent any more, say so in the store and return what may.

    Raises LedgerError where the store fails or is another run's now.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        now = ledger.now_us
        if _mark_in_flight(connection, now, claimed):
            return commit(connection, now, run, outbox, claimed, examined)
        left_out = _recheck(connection, now, run, outbox, claimed)
        if not left_out:
            connection.execute(_MARK_IN_FLIGHT, _mark_batch(now, claimed))
            return commit(connection, now, run, outbox, claimed, examined)
        left = tuple(event for event in claimed.events if event not in left_out)
        return [replace(claimed.work, events=left)] if left else []


def _mark_batch(now_us: int, claimed: ClaimedBatch) -> dict[str, object]:
    return {"events": orjson.dumps(claimed.events).decode(), "now_us": now_us, "now": now_us // 1_000_000}


def _mark_in_flight(connection: Connection, now_us: int, claimed: ClaimedBatch) -> bool:
    """Ask for the whole claim at once whether it may be sent now, and mark it; nothing is marked where some may not."""
    if claimed.work.purpose is Purpose.RESEND:
        return False
    with connection.begin_nested() as asked:
        if connection.execute(_MARK_IN_FLIGHT_IF_FREE, _mark_batch(now_us, claimed)).rowcount == len(claimed.events):
            return True
        asked.rollback()
    return False


def _recheck(connection: Connection, now_us: int, run: Run, outbox: RequestTemplate, claimed: ClaimedBatch) -> set[int]:
    """Whom sending is forbidden or too late now: said in the store, and returned to be left out."""
    left_out = set()
    for row in connection.execute(_TO_RECHECK, _mark_batch(now_us, claimed)).all():
        if row.state not in {State.PENDING, State.UNKNOWN}:
            pass  # another request has taken it meanwhile
        elif row.objection is not None:
            reason = REASON_FOR[SuppressionKind(row.objection)] if row.state == State.PENDING else Reason.MAYBE_RECEIVED
            set_state(connection, run, row.delivery, State.WITHHELD, reason)
        elif row.state == State.PENDING:
            set_state(connection, run, row.delivery, State.EXPIRED, Reason.TOO_OLD)
        elif _may_be_resent(row, outbox, now_us):
            continue
        # else too late to be counted once, or at all, or to be decided first: it stays unknown until a person decides
        left_out.add(row.id)
    return left_out


def _may_be_resent(row: Row[Any], outbox: RequestTemplate, now_us: int) -> bool:
    """Whether the platform still counts it once, or a person has decided that it be sent all the same."""
    counts_once = row.first_attempt_us + outbox.resend_us > now_us
    return bool((counts_once or row.decision == "send") and row.expires_at * 1_000_000 > now_us)
