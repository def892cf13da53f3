"""Stage the source snapshot page by page; no order is claimed before the last page is written.

New orders are written by SQL alone; orders that the ledger has go through ``transitions``, one by one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text

from conversions.errors import LedgerError
from conversions.ledger import judgements, log
from conversions.ledger.batches.blank import move_out
from conversions.ledger.batches.buyers import set_buyers
from conversions.ledger.batches.seal import NewEvent, seal
from conversions.ledger.restatements.unconfirmed import newest
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, POSITION_BITS, REVISION_BITS
from conversions.ledger.staging.evaluate import ROWS_PER_PAGE, SNAPSHOT_ROWS, Evaluation, evaluate_page, pages
from conversions.ledger.staging.transitions import Incoming, Transition
from conversions.ledger.states import SENT, State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import REASON_FOR
from conversions.model.conversion import Money, Reason

_INSERT_SALES = text("""
    INSERT INTO sale(shop, order_no, shown_no, purchased_us, status, first_run, subject)
    SELECT :shop, s.order_no, s.shown_no, s.purchased_us, s.status, :run, s.subject FROM order_row s
    WHERE s.id > :after AND s.id <= :upto
    AND NOT EXISTS (SELECT 1 FROM sale a WHERE a.shop = :shop AND a.order_no = s.order_no) ORDER BY s.id
""")
_UPDATE_STATUSES = text("""
    UPDATE sale SET status = s.status, shown_no = CASE WHEN sale.purchased_us IS NULL THEN NULL ELSE s.shown_no END
    FROM order_row s
    WHERE s.id > :after AND s.id <= :upto AND sale.shop = :shop AND sale.order_no = s.order_no
    AND (
        (sale.status IS NULL) <> (s.status IS NULL) OR sale.status <> s.status
        OR coalesce(sale.shown_no, '') <> coalesce(s.shown_no, '')
    )
""")
_SET_PURCHASE_TIMES = text(f"""
    UPDATE sale SET purchased_us = s.purchased_us FROM order_row s
    WHERE s.id > :after AND s.id <= :upto AND sale.shop = :shop AND sale.order_no = s.order_no
    AND sale.purchased_us IS NULL AND NOT EXISTS (
        SELECT 1 FROM delivery x WHERE x.state = 'erased'
        AND x.id BETWEEN sale.id << {DESTINATION_BITS} AND sale.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
    )
""")
"""For sales that an older version of the program stored without a time."""
_KEY = f"a.id << {DESTINATION_BITS} | p.destination"
_PAGE = (
    f"{SNAPSHOT_ROWS} JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no WHERE s.id > :after AND s.id <= :upto"
)
_IF_SENDABLE = "CASE WHEN o.id IS NULL AND d.event IS NOT NULL THEN"
_INSERT_DELIVERIES = text(f"""
    INSERT INTO delivery(
        id, sale, destination, run, day, state, reason, revision,
        value_minor, value_currency, value_exponent, stated_minor, stated_currency, stated_exponent, due_minor,
        fingerprint, ready_at, expires_at, attempted, settled_run, judged_run
    ) SELECT {_KEY}, a.id, p.destination, :run, s.day,
        CASE WHEN o.id IS NOT NULL THEN 'withheld' WHEN d.quarantined = 1 THEN 'quarantined'
            WHEN d.reason IS NOT NULL THEN 'withheld' WHEN d.ready_at > :now THEN 'deferred' ELSE 'pending' END,
        CASE o.kind {" ".join(f"WHEN '{kind}' THEN '{reason}'" for kind, reason in REASON_FOR.items())}
            ELSE d.reason END, 0,
        {_IF_SENDABLE} d.due_minor END, {_IF_SENDABLE} s.currency END, {_IF_SENDABLE} s.exponent END,
        s.minor, s.currency, s.exponent, d.due_minor,
        d.fingerprint, d.ready_at, d.expires_at, 0,
        CASE WHEN d.quarantined = 1 OR d.reason = '{Reason.UNUSUAL_AMOUNT}' THEN CAST(:run AS BIGINT) END, :run
    {_PAGE} AND NOT EXISTS (SELECT 1 FROM delivery x WHERE x.id = {_KEY}) ORDER BY s.id, p.position
""")
_OTHER_BUYERS = text(f"""
    SELECT a.id, s.subject FROM order_row s JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    WHERE s.id > :after AND s.id <= :upto AND s.subject IS NOT NULL AND (a.subject IS NULL OR a.subject <> s.subject)
    AND EXISTS (
        SELECT 1 FROM delivery x WHERE x.run + 0 = :run
        AND x.id BETWEEN a.id << {DESTINATION_BITS} AND a.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
    )
""")
"""Sales that the ledger had, with their buyers now, where a destination reads the order for the first time.

The sum keeps SQLite from the index on ``run``, which has every order of the run.
"""
_NEW_EVENTS = text(f"""
    SELECT x.id << {REVISION_BITS}, s.day, d.due_minor, s.currency, s.exponent, d.event
    FROM order_row s CROSS JOIN place p
    JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
    JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    JOIN delivery x ON x.id = {_KEY} WHERE s.id > :after AND s.id <= :upto
    AND x.run = :run AND x.state IN ('pending', 'deferred') ORDER BY s.id, p.position
""")
_JUDGED = text(f"""
    SELECT x.id FROM order_row s CROSS JOIN place p JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    JOIN delivery x ON x.id = {_KEY} WHERE s.id > :after AND s.id <= :upto AND (
        (x.state IN ('withheld', 'quarantined', 'rejected', 'expired') OR x.reason IS NOT NULL)
        AND (x.judged_run + 0 = :run OR :anew = 1)
        OR x.judged_run + 0 = :run AND (a.first_run IS NULL OR a.first_run <> :run)
        AND EXISTS (SELECT 1 FROM judgement j WHERE j.delivery = x.id)
    ) ORDER BY x.id
""")
"""Orders that this run judged otherwise than the last one, and, with *anew*, all that stand against sending."""
_PASS_UNCHANGED = text(f"""
    UPDATE delivery SET run = :run, due_minor = NULL WHERE id IN (
        SELECT x.id FROM order_row s CROSS JOIN place p
        JOIN draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM place) + p.position + 1
        JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no JOIN delivery x ON x.id = {_KEY}
        WHERE s.id > :after AND s.id <= :upto AND x.run + 0 <> :run
        AND x.state IN ({", ".join(f"'{state}'" for state in sorted(SENT))})
        AND x.value_minor = d.due_minor AND x.value_currency = s.currency AND x.value_exponent = s.exponent
        AND x.stated_minor = s.minor AND x.stated_currency = s.currency AND x.stated_exponent = s.exponent
        AND {newest("x.id")} IS NULL
    )
""")
"""Orders that were sent with the value that the source has still, of which ``transitions`` keeps everything.

Most orders of a later reading are such: they need not be compared one by one.
"""
_COUNT_DRAFTS = text("""
    SELECT (SELECT count(*) FROM order_row s WHERE s.id > :after AND s.id <= :upto)
    * (SELECT count(*) FROM place)
""")
_UPDATE_DELIVERY = text("""
    UPDATE delivery SET
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
    UPDATE delivery SET run = :run, stated_minor = CASE state WHEN 'erased' THEN 0 ELSE :stated_minor END,
    stated_currency = :stated_currency, stated_exponent = :stated_exponent, due_minor = :due_minor WHERE id = :delivery
""")
_SET_STATE = text("""
    UPDATE delivery SET state = :state, reason = :reason, settled_run = :run, judged_run = :run, decision = NULL,
    acknowledged_us = NULL WHERE id = :delivery
""")
_MARK_AS_READ = text_with_lists(
    f"""
    UPDATE batch SET read_run = :run WHERE id IN (SELECT e.place >> {POSITION_BITS} FROM event e WHERE e.id IN :events)
""",
    "events",
)


def stage(ledger: Ledger, run: int, shop: str, limits: Mapping[int, int]) -> Iterator[int]:
    """Write the snapshot page by page; yield the number of orders in each page.

    *limits* are the events of one request, by destination.
    """
    orders = pages(ledger)
    for after in orders:
        with ledger.transaction() as connection:
            log.check_epoch(connection, ledger.epoch)
            now = int(ledger.clock().timestamp())
            page = {"shop": shop, "after": after, "upto": after + ROWS_PER_PAGE, "run": run, "now": now}
            connection.execute(_INSERT_SALES, page)
            connection.execute(_UPDATE_STATUSES, page)
            connection.execute(_SET_PURCHASE_TIMES, page)
            new = connection.execute(_INSERT_DELIVERIES, page).rowcount
            set_buyers(connection, {row.id: row.subject for row in connection.execute(_OTHER_BUYERS, page)})
            events = [NewEvent(key, day, Money(*value), body) for key, day, *value, body in _plain(connection, page)]
            new += connection.execute(_PASS_UNCHANGED, page).rowcount
            if new < connection.execute(_COUNT_DRAFTS, page).scalar_one():
                rows = _Rows(connection, run, now)
                for evaluation in evaluate_page(connection, shop, after, run=run):
                    rows.add(evaluation)
                rows.write()
                events += rows.events
            seal(connection, run, events, limits)
            judged = connection.execute(_JUDGED, page | {"anew": int(judgements.is_new_basis(connection))})
            judgements.record(connection, ledger.now_us, judged.scalars().all(), run=run)
        yield min(ROWS_PER_PAGE, orders.stop - after)


def _plain(connection: Connection, page: Mapping[str, object]) -> Sequence[tuple[Any, ...]]:
    """Return the new events of a page as the driver's own tuples: Row objects would cost more than the query."""
    result = connection.execute(_NEW_EVENTS, page)
    assert result.cursor is not None
    return result.cursor.fetchall()


def destination_id(ledger: Ledger, name: str) -> int:
    """Return the destination id in the ledger; a new destination gets one.

    Raises LedgerError where there is no room for another: its keys would be those of other orders.
    """
    with ledger.transaction() as connection:
        t = tables.destination
        number = connection.execute(select(t.c.id).where(t.c.name == name)).scalar()
        if number is None:
            number = connection.execute(insert(t).values(name=name).returning(t.c.id)).scalar_one()
        if number >= MAX_DESTINATIONS:
            raise LedgerError(
                f"This store has had {MAX_DESTINATIONS - 1} destinations and cannot hold more. Give {name} the name of "
                "one that is not used any more, then `conversions adopt --destination NAME --reason TEXT`."
            )
        return int(number)


class _Rows:
    """The changes of orders that the ledger has, by statement, in the sequence of writing."""

    def __init__(self, connection: Connection, run: int, now: int) -> None:
        self.connection, self.run, self.now = connection, run, now
        self.replaced: list[dict[str, object]] = []
        self.stated: list[dict[str, object]] = []
        self.settled: list[dict[str, object]] = []
        self.events: list[NewEvent] = []
        self.unsent: list[int] = []
        """Events that no request has, and that the events of this reading replace."""
        self.same: list[int] = []
        """Events that a request has, and that wait with the same bytes."""
        self.buyers: dict[int, bytes] = {}

    def add(self, evaluation: Evaluation) -> None:
        """Add the rows of one evaluation."""
        if evaluation.transition in {Transition.REPLACE, Transition.AGAIN}:
            self._replace(evaluation)
            return
        order = {"delivery": evaluation.row.delivery_id, "run": self.run}
        due = evaluation.incoming.due.minor if evaluation.value_differs else None
        self.stated.append({**order, "due_minor": due, **_money("stated", evaluation.stated)})
        if evaluation.transition is Transition.EXPIRE:
            self.settled.append({**order, "state": State.EXPIRED, "reason": Reason.TOO_OLD})
        elif evaluation.transition is Transition.DROP:
            self.settled.append({**order, "state": State.WITHHELD, "reason": Reason.MAYBE_RECEIVED})

    def write(self) -> None:
        """Write all rows, with one executemany per statement, and take the events out that are replaced."""
        move_out(self.connection, self.unsent)
        set_buyers(self.connection, self.buyers)
        for page in pages_of(self.same):
            self.connection.execute(_MARK_AS_READ, {"run": self.run, "events": page})
        written = ((_UPDATE_DELIVERY, self.replaced), (_UPDATE_STATED, self.stated), (_SET_STATE, self.settled))
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
            self._event(row, draft, revision)
        elif draft.event not in {None, evaluation.body}:  # bytes that were sent are evidence and never change
            revision, attempted = revision + 1, 0
            self._event(row, draft, revision)
        elif draft.event is not None:
            self.same.append(tables.event_key(row.delivery_id, revision))
        again = evaluation.transition is Transition.AGAIN
        state = State.UNKNOWN if again else self._state(draft, evaluation.ready_at)
        self.replaced.append(
            {
                "delivery": row.delivery_id,
                "run": self.run,
                "state": state,
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
        )

    def _event(self, row: Row[Any], draft: Incoming, revision: int) -> None:
        if draft.event is not None:
            key = tables.event_key(row.delivery_id, revision)
            self.events.append(NewEvent(key, row.day, draft.due, draft.event))

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


def _is_acknowledged_amount(draft: Incoming, row: Row[Any]) -> bool:
    """False for an unusual amount that differs from the one that a person may have acknowledged."""
    return draft.reason is not Reason.UNUSUAL_AMOUNT or bool(row.stored_minor == draft.due.minor)


def _money(name: str, money: Money | None) -> dict[str, object]:
    """Return the columns of an amount that begin with *name*; None where there is none."""
    minor, currency, exponent = money or (None, None, None)
    return {f"{name}_minor": minor, f"{name}_currency": currency, f"{name}_exponent": exponent}
