"""The outcome: what the answer means for every order of a request, and what is to be sent next."""

import orjson
from sqlalchemy import Connection, select, text, update

from conversions.conversion import Reason
from conversions.ledger import log, tables
from conversions.ledger.attempt import Attempt, Purpose, Settled, follows
from conversions.ledger.matrix import State
from conversions.ledger.requests.moves import move
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.ledger.tables import REVISION_BITS
from conversions.receipt import Next, Outcome, Receipt

_OF_REQUEST = f"WHERE id IN (SELECT event >> {REVISION_BITS} FROM request_event WHERE request = :request)"
_LAND = text(f"""
    UPDATE delivery SET state = :state, reason = NULL, settled_run = :settled_run,
    first_attempt_us = CASE WHEN :state = 'pending' THEN NULL ELSE first_attempt_us END,
    decision = CASE WHEN :left THEN NULL ELSE decision END {_OF_REQUEST}
""")
"""Refused or not sent at all: the platform's window begins with a later attempt, and what a person decided holds."""
_LAND_RESTATED = text(
    "UPDATE revision SET state = :state WHERE id IN (SELECT event FROM request_event WHERE request = :request)"
)
"""A restatement never moves its order."""


def settle(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> Settled:
    """Record the answer and move every order of the request."""
    with ledger.transaction() as connection:
        states = {Outcome.RECEIVED: State.RECEIVED, Outcome.UNKNOWN: State.UNKNOWN}
        unanswered_before = attempt.work.purpose is Purpose.RESEND
        back = State.UNKNOWN if unanswered_before else State.PENDING
        state = states.get(receipt.outcome, back)
        again_unknown = unanswered_before and state is State.UNKNOWN  # which is news where nobody sends it once more
        settled_run = run.id if state is State.RECEIVED or again_unknown else None
        landed = {"state": state, "settled_run": settled_run, "left": receipt.outcome in states}
        connection.execute(_LAND, {**landed, "request": attempt.request})
        again = follows(attempt, receipt, still_unknown=state is State.UNKNOWN)
        quarantined = _quarantine(connection, run, attempt, receipt) if receipt.next is Next.ISOLATE else 0
        record(connection, ledger.now_us, attempt.request, receipt, epoch=run.epoch)
        return Settled(again, quarantined)


def recover(ledger: Ledger) -> None:
    """After a kill: every intent without an outcome becomes unknown, and so do its orders."""
    with ledger.transaction() as connection:
        open_requests = connection.execute(
            select(tables.request.c.id, tables.request.c.purpose)
            .where(tables.request.c.outcome.is_(None))
            .order_by(tables.request.c.id)
        )
        for request, purpose in open_requests.all():
            land = _LAND_RESTATED if purpose == Purpose.RESTATE else _LAND
            connection.execute(land, {"state": State.UNKNOWN, "settled_run": None, "left": True, "request": request})
            killed = Receipt(Outcome.UNKNOWN, Next.RETRY, "run was killed")
            record(connection, ledger.now_us, request, killed, epoch=ledger.epoch)


def _quarantine(connection: Connection, run: Run, attempt: Attempt, receipt: Receipt) -> int:
    """Set the culprits aside, with what the platform said of them; how many."""
    faults = {c.position: f"{receipt.code} {c.code} {c.field}".strip() for c in receipt.culprits}
    if not faults and len(attempt.events) == 1:
        faults = {0: receipt.code}
    for position, detail in faults.items():
        delivery = connection.execute(
            select(tables.event.c.delivery).where(tables.event.c.id == attempt.events[position])
        ).scalar_one()
        move(connection, run, delivery, State.QUARANTINED, Reason.REFUSED_BY_PLATFORM)
        connection.execute(update(tables.delivery).where(tables.delivery.c.id == delivery).values(detail=detail))
    return len(faults)


def record(connection: Connection, now_us: int, request: int, receipt: Receipt, *, epoch: int | None) -> None:
    """Keep the answer with its request, and its leaf as the last thing of the transaction."""
    facts = {
        "outcome": receipt.outcome,
        "http_status": receipt.http_status,
        "code": receipt.code,
        "reference": receipt.reference,
    }
    ask_at = None if receipt.ask_after is None else now_us // 1_000_000 + int(receipt.ask_after)
    leaf = log.append(connection, "outcome", now_us, {"request": request, **facts}, epoch=epoch)
    connection.execute(
        update(tables.request)
        .where(tables.request.c.id == request)
        .values(
            **facts,
            answered_us=now_us,
            ask_at=ask_at,
            outcome_leaf=leaf,
            warnings=orjson.dumps(receipt.warnings).decode(),
        )
    )
