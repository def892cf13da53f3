"""Write the transitions of orders that the ledger has."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, text

from conversions.ledger.batches.blank import move_out
from conversions.ledger.batches.buyers import set_buyers
from conversions.ledger.batches.seal import NewEvent, Terms
from conversions.ledger.restatements.unconfirmed import newest
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import DESTINATION_BITS, POSITION_BITS
from conversions.ledger.staging.evaluate import DRAFTS, KEY, Evaluation
from conversions.ledger.staging.known_rows import CHANGED, KNOWN
from conversions.ledger.staging.transitions import Incoming, Transition
from conversions.ledger.standing import make_exceptions, vacate
from conversions.ledger.states import SENT, State
from conversions.ledger.subjects.suppressions import REASON_FOR
from conversions.model.conversion import Money, Reason

_STATED_SAME = "x.stated_minor = s.minor AND x.stated_currency = s.currency AND x.stated_exponent = s.exponent"
_SENT_SAME = f"""
    x.state IN ({", ".join(f"'{state}'" for state in sorted(SENT))})
    AND x.value_minor = d.due_minor AND x.value_currency = s.currency AND x.value_exponent = s.exponent
    AND {_STATED_SAME} AND {newest("x.id")} IS NULL
"""
"""Sent with the value that the source has still: ``transitions`` keeps everything."""
_WITHHELD_SAME = f"""
    x.state = 'withheld' AND x.reason NOT IN ('{Reason.MAYBE_RECEIVED}', '{Reason.UNUSUAL_AMOUNT}')
    AND x.reason = CASE o.kind {" ".join(f"WHEN '{kind}' THEN '{reason}'" for kind, reason in REASON_FOR.items())}
        ELSE d.reason END
    AND (o.id IS NOT NULL OR d.quarantined = 0) AND {_STATED_SAME} AND x.due_minor = d.due_minor AND x.day = s.day
    AND x.fingerprint IS NOT DISTINCT FROM d.fingerprint AND x.ready_at IS NULL AND x.expires_at IS NULL
    AND (o.id IS NOT NULL OR d.ready_at IS NULL AND d.expires_at IS NULL)
    AND x.attempted = 0 AND x.revision = 0 AND x.value_minor IS NULL AND x.detail IS NULL AND x.decision IS NULL
    AND x.settled_run IS NULL AND x.first_attempt_us IS NULL AND (s.subject IS NULL OR s.subject = a.subject)
"""
"""Withheld, never sent, and withheld for the same reason still: it would be replaced by the same row."""
_MARK_UNCHANGED = text(f"""
    UPDATE exception SET run = :run, due_minor = CASE state WHEN 'withheld' THEN due_minor END WHERE id IN (
        SELECT x.id {KNOWN} {DRAFTS} JOIN exception x ON x.id = {KEY}
        WHERE {CHANGED} AND n.id > :after AND n.id <= :upto AND x.run <> :run
        AND ({_SENT_SAME} OR {_WITHHELD_SAME})
    )
""")
_UPDATE_EXCEPTION = text("""
    UPDATE exception SET
    acknowledged_us = CASE WHEN state = :state AND coalesce(reason, '') = :reason_or_none AND :same_amount = 1
        THEN acknowledged_us END,
    judged_run = CASE WHEN state = :state AND coalesce(reason, '') = :reason_or_none THEN judged_run ELSE :run END,
    decision = NULL, run = :run, day = :day, state = :state, reason = :reason, detail = NULL, revision = :revision,
    value_minor = :value_minor, value_currency = :value_currency, value_exponent = :value_exponent,
    stated_minor = :stated_minor, stated_currency = :stated_currency, stated_exponent = :stated_exponent,
    due_minor = :due_minor, fingerprint = :fingerprint, ready_at = :ready_at, expires_at = :expires_at,
    first_attempt_us = CASE WHEN :again = 1 THEN first_attempt_us END, attempted = :attempted,
    settled_run = :settled_run WHERE id = :delivery
""")
_UPDATE_STATED = text("""
    UPDATE exception SET run = :run, stated_minor = CASE state WHEN 'erased' THEN 0 ELSE :stated_minor END,
    stated_currency = :stated_currency, stated_exponent = :stated_exponent, due_minor = :due_minor WHERE id = :delivery
""")
_SET_STATE = text("""
    UPDATE exception SET state = :state, reason = :reason, settled_run = :run, judged_run = :run, decision = NULL,
    acknowledged_us = NULL WHERE id = :delivery
""")
_MARK_AS_READ = text_with_lists(
    f"""
    UPDATE batch SET read_run = :run WHERE id IN (SELECT e.place >> {POSITION_BITS} FROM event e WHERE e.id IN :events)
""",
    "events",
)


def mark_unchanged(connection: Connection, page: Mapping[str, Any]) -> None:
    """Mark the exceptions of a page that the source leaves as they are as read by this run."""
    connection.execute(_MARK_UNCHANGED, page)


class KnownOrders:
    """The changes of orders that the ledger has, by statement, in the sequence of writing."""

    def __init__(self, connection: Connection, run: int, now: int) -> None:
        self.connection, self.run, self.now = connection, run, now
        self.replaced: list[dict[str, Any]] = []
        self.stated: list[dict[str, Any]] = []
        self.settled: list[dict[str, Any]] = []
        self.regular: list[int] = []
        """Orders that wait in a new batch, and stand as it says."""
        self.events: list[NewEvent] = []
        self.unsent: list[int] = []
        """Events that no request has, and that the events of this reading replace."""
        self.same: list[int] = []
        """Events that a request has, and that wait with the same bytes."""
        self.buyers: dict[int, bytes] = {}

    @property
    def changed(self) -> list[int]:
        """The orders that stand otherwise, perhaps."""
        return [*self.regular, *(row["delivery"] for row in self.replaced)]

    def add(self, evaluation: Evaluation) -> None:
        """Add the rows of one evaluation."""
        if evaluation.transition in {Transition.REPLACE, Transition.AGAIN}:
            self._replace(evaluation)
            return
        row = evaluation.row
        order = {"delivery": row.delivery_id, "run": self.run}
        due = evaluation.incoming.due.minor if evaluation.value_differs else None
        settles = evaluation.transition in {Transition.EXPIRE, Transition.DROP}
        if row.has_exception or settles or due is not None:
            self.stated.append({**order, "due_minor": due, **_money("stated", evaluation.stated)})
        if evaluation.transition is Transition.EXPIRE:
            self.settled.append({**order, "state": State.EXPIRED, "reason": Reason.TOO_OLD})
        elif evaluation.transition is Transition.DROP:
            self.settled.append({**order, "state": State.WITHHELD, "reason": Reason.MAYBE_RECEIVED})

    def write(self) -> None:
        """Write all rows, with one executemany per statement, and take the events out that are replaced."""
        written = (
            (_UPDATE_EXCEPTION, self.replaced),
            (_UPDATE_STATED, self.stated),
            (_SET_STATE, self.settled),
        )
        make_exceptions(self.connection, [row["delivery"] for _, rows in written for row in rows])
        vacate(self.connection, self.regular)
        move_out(self.connection, self.unsent)
        set_buyers(self.connection, self.buyers)
        for page in pages_of(self.same):
            self.connection.execute(_MARK_AS_READ, {"run": self.run, "events": page})
        for statement, rows in written:
            if rows:
                self.connection.execute(statement, rows)

    def _replace(self, evaluation: Evaluation) -> None:
        draft, row = evaluation.incoming, evaluation.row
        revision, attempted = row.revision, row.attempted
        if row.subject not in {None, row.buyer}:
            self.buyers[row.delivery_id >> DESTINATION_BITS] = row.subject
        if not attempted:
            self.unsent.append(tables.event_key(row.delivery_id, revision))
            if self._is_regular(evaluation):
                self.regular.append(row.delivery_id)
                self._event(row, draft, revision, _terms(draft))
                return
            self._event(row, draft, revision)
        elif draft.event not in {None, evaluation.body}:  # bytes that were sent are evidence and never change
            revision, attempted = revision + 1, 0
            self._event(row, draft, revision)
        elif draft.event is not None:
            self.same.append(tables.event_key(row.delivery_id, revision))
        self.replaced.append(self._replacement(evaluation, revision, attempted))

    def _replacement(self, evaluation: Evaluation, revision: int, attempted: int) -> dict[str, Any]:
        """Return the values of the order's exception."""
        draft, row = evaluation.incoming, evaluation.row
        again = evaluation.transition is Transition.AGAIN
        return {
            "delivery": row.delivery_id,
            "run": self.run,
            "state": State.UNKNOWN if again else self._state(draft, evaluation.ready_at),
            "reason": draft.reason,
            "reason_or_none": draft.reason or "",
            "same_amount": int(_is_acknowledged_amount(draft, row)),
            "day": row.day,
            "revision": revision,
            **_money("value", None if draft.event is None else draft.due),
            **_money("stated", evaluation.stated),
            "due_minor": draft.due.minor,
            "fingerprint": draft.fingerprint,
            "ready_at": evaluation.ready_at,
            "expires_at": draft.expires_at,
            "again": int(again),
            "attempted": attempted,
            "settled_run": self._settled_run(draft, row),
        }

    def _is_regular(self, evaluation: Evaluation) -> bool:
        """Whether an unsent order now waits in a batch, and nothing else is to be kept of it."""
        draft, row = evaluation.incoming, evaluation.row
        ready = evaluation.ready_at is not None and evaluation.ready_at <= self.now
        plain = evaluation.transition is Transition.REPLACE and draft.event is not None and draft.reason is None
        kept = (row.accepted_minor, row.wire_id)
        same_value = draft.due == evaluation.stated == (row.minor_of_sale, row.currency_of_sale, row.exponent_of_sale)
        return ready and plain and row.revision == 0 and kept == (None, None) and same_value

    def _event(self, row: Row[Any], draft: Incoming, revision: int, terms: Terms | None = None) -> None:
        if draft.event is not None:
            key = tables.event_key(row.delivery_id, revision)
            self.events.append(NewEvent(key, row.day, draft.due, draft.event, terms))

    def _state(self, draft: Incoming, ready_at: int | None) -> State:
        if draft.reason is not None:
            return State.QUARANTINED if draft.quarantined else State.WITHHELD
        return State.DEFERRED if ready_at is not None and ready_at > self.now else State.PENDING

    def _settled_run(self, draft: Incoming, row: Row[Any]) -> int | None:
        """Return the run that first withheld or quarantined the order, so that it is reported once."""
        if draft.reason is Reason.UNUSUAL_AMOUNT:
            return (
                row.settled_run
                if row.stored_reason == draft.reason and _is_acknowledged_amount(draft, row)
                else self.run
            )
        if not draft.quarantined:
            return None
        return row.settled_run if row.state == State.QUARANTINED else self.run


def _terms(draft: Incoming) -> Terms | None:
    if draft.ready_at is None or draft.expires_at is None or draft.fingerprint is None:
        return None
    return Terms(draft.ready_at, draft.expires_at, draft.fingerprint)


def _is_acknowledged_amount(draft: Incoming, row: Row[Any]) -> bool:
    """False for an unusual amount that differs from the one that a person may have acknowledged."""
    return draft.reason is not Reason.UNUSUAL_AMOUNT or bool(row.stored_minor == draft.due.minor)


def _money(name: str, money: Money | None) -> dict[str, object]:
    """Return the columns of an amount that begin with *name*; None where there is none."""
    minor, currency, exponent = money or (None, None, None)
    return {f"{name}_minor": minor, f"{name}_currency": currency, f"{name}_exponent": exponent}
