"""The outcome: apply an answer to every order of its request, and find what to send next."""

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, select, text, update

from conversions.ledger import judgements, log
from conversions.ledger.batches import parts
from conversions.ledger.log import bound
from conversions.ledger.outbox import platform_warnings
from conversions.ledger.outbox.move import set_state
from conversions.ledger.outbox.work import Attempt, Purpose, Settlement, follow_up_work
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.standing import Change, change, make_exceptions
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason
from conversions.model.receipt import Next, Outcome, Receipt

_SET_STATE = text_with_lists(
    """
    UPDATE exception SET state = :state, reason = NULL, settled_run = :settled_run, decision = NULL
    WHERE id IN :deliveries
""",
    "deliveries",
)
_RECEIVED = Change(
    text_with_lists("UPDATE batch SET state = :state, settled_run = :settled_run WHERE id IN :batches", "batches"),
    _SET_STATE,
)
_RETURN_TO_PENDING = text_with_lists(
    """
    UPDATE exception SET state = :state, reason = NULL, settled_run = :settled_run,
    first_attempt_us = CASE :state WHEN 'unknown' THEN first_attempt_us END WHERE id IN :deliveries
""",
    "deliveries",
)
_PENDING = Change(
    text_with_lists(
        """
        UPDATE batch SET state = :state, settled_run = :settled_run, first_attempt_us = NULL WHERE id IN :batches
    """,
        "batches",
    ),
    _RETURN_TO_PENDING,
)
"""For events refused or not sent: the platform's window begins with a later attempt, and a person's decision stays.

An order stays unknown where an earlier attempt may have delivered it.
"""
_OF_EVENT = text(f"SELECT id, state FROM delivery WHERE id = :event >> {REVISION_BITS}")
_SET_RESTATED_STATE = text_with_lists("UPDATE revision SET state = :state WHERE id IN :events", "events")
"""A restatement never changes the state of its order."""

EARLIER_ATTEMPT_UNANSWERED = "earlier_unanswered"
"""Detail of an event refused on a resend: the platform may hold it, and would count new bytes after its window."""


def settle(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> Settlement:
    """Record the answer and set the state of every order of the request."""
    with ledger.transaction() as connection:
        _set_states(connection, run, attempt, receipt.outcome)
        still_unknown = receipt.outcome is Outcome.UNKNOWN or attempt.work.purpose is Purpose.RESEND
        again = follow_up_work(attempt, receipt, still_unknown=still_unknown)
        quarantined = (
            _quarantine(connection, ledger.now_us, run, attempt, receipt) if receipt.next is Next.ISOLATE else 0
        )
        record_answer(connection, ledger.now_us, attempt.request, receipt, epoch=run.epoch)
        return Settlement(again, quarantined)


def _set_states(connection: Connection, run: Run, attempt: Attempt, outcome: Outcome) -> None:
    """Set the states; *run* settles an order that stays unknown after a resend, so that its report names the order."""
    events, resend = attempt.events, attempt.work.purpose is Purpose.RESEND
    settled_run = run.id if resend else None
    match outcome:
        case Outcome.RECEIVED:
            change(connection, events, _RECEIVED, {"state": State.RECEIVED, "settled_run": run.id})
        case Outcome.UNKNOWN:
            _set_unknown(connection, events, settled_run)
        case Outcome.REFUSED | Outcome.NOT_SENT if resend:
            unknown = {"state": State.UNKNOWN, "settled_run": settled_run}
            connection.execute(_RETURN_TO_PENDING, {**unknown, "deliveries": _exceptions(connection, events)})
        case Outcome.REFUSED | Outcome.NOT_SENT:
            change(connection, events, _PENDING, {"state": State.PENDING, "settled_run": None})


def _set_unknown(connection: Connection, events: Sequence[int], settled_run: int | None) -> None:
    """An order without an answer has an exception: each is sent again, or waits for a person, for itself."""
    unknown = {"state": State.UNKNOWN, "settled_run": settled_run}
    connection.execute(_SET_STATE, {**unknown, "deliveries": _exceptions(connection, events)})


def _exceptions(connection: Connection, events: Sequence[int]) -> list[int]:
    """Return the orders of *events*, which have exceptions from now on."""
    deliveries = [event >> REVISION_BITS for event in events]
    make_exceptions(connection, deliveries)
    return deliveries


def recover(ledger: Ledger) -> None:
    """After a kill: set every request without an outcome to unknown, and its orders too."""
    with ledger.transaction() as connection:
        open_requests = connection.execute(
            select(tables.request.c.id, tables.request.c.purpose, tables.request.c.run)
            .where(tables.request.c.outcome.is_(None))
            .order_by(tables.request.c.id)
        )
        for request, purpose, run in open_requests.all():
            events = parts.events(connection, [request])[request]
            if purpose == Purpose.RESTATE:
                connection.execute(_SET_RESTATED_STATE, {"state": State.UNKNOWN, "events": events})
            else:
                settled_run = run if purpose == Purpose.RESEND else None  # no report has named it yet
                _set_unknown(connection, events, settled_run)
            killed = Receipt(Outcome.UNKNOWN, Next.RETRY, "run was killed")
            record_answer(connection, ledger.now_us, request, killed, epoch=ledger.epoch)


def _quarantine(connection: Connection, now_us: int, run: Run, attempt: Attempt, receipt: Receipt) -> int:
    """Quarantine the events at fault, with the platform's code; return how many."""
    faults = receipt.faults(len(attempt.events))
    for position, detail in faults.items():
        delivery, state = connection.execute(_OF_EVENT, {"event": attempt.events[position]}).one()
        set_state(connection, run, delivery, State.QUARANTINED, Reason.REFUSED_BY_PLATFORM)
        full_detail = f"{detail};{EARLIER_ATTEMPT_UNANSWERED}" if state == State.UNKNOWN else detail
        connection.execute(update(tables.exception).where(tables.exception.c.id == delivery).values(detail=full_detail))
    deliveries = [attempt.events[position] >> REVISION_BITS for position in faults]
    judgements.record(connection, now_us, deliveries, run=run.id)
    return len(faults)


def record_answer(connection: Connection, now_us: int, request: int, receipt: Receipt, *, epoch: int | None) -> None:
    """Store the answer with its request, and append its leaf at the end of the transaction."""
    if receipt.warnings:
        query = select(tables.request.c.destination).where(tables.request.c.id == request)
        platform_warnings.count(connection, now_us, connection.execute(query).scalar_one(), receipt.warnings)
    facts = {
        "outcome": receipt.outcome,
        "http_status": receipt.http_status,
        "code": receipt.code,
        "reference": receipt.reference,
    }
    ask_at = None if receipt.ask_after is None else now_us // 1_000_000 + int(receipt.ask_after)
    this = tables.request.c.id == request
    with (
        log.entry(connection, "outcome", now_us, {"request": request, **facts}, epoch=epoch) as leaf,
        bound.changed(connection, "ask", this),
    ):
        connection.execute(
            update(tables.request)
            .where(this)
            .values(
                **facts,
                answered_us=now_us,
                ask_at=ask_at,
                outcome_leaf=leaf,
                warnings=orjson.dumps(sorted(receipt.warnings)).decode(),
            )
        )
