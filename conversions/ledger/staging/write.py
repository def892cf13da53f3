"""The barrier: one page of this reading is written at a time; nothing is claimed before the last one is.

What the ledger has not met yet is written by SQL alone; what it holds goes through the matrix, order by order.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, insert, select, text

from conversions.ledger import log
from conversions.ledger.schema import tables
from conversions.ledger.schema.tables import DESTINATION_BITS, MAX_DESTINATIONS, REVISION_BITS
from conversions.ledger.staging.evaluate import ROWS_PER_PAGE, SNAPSHOT_ROWS, Evaluation, evaluate_page, pages
from conversions.ledger.staging.transitions import Incoming, Transition
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.conversion import Money, Reason

_SALES = text("""
    INSERT INTO sale(shop, order_no, purchased_us, status)
    SELECT :shop, s.order_no, s.purchased_us, s.status FROM temp.order_row s
    WHERE s.id > :after AND s.id <= :upto
    AND NOT EXISTS (SELECT 1 FROM sale a WHERE a.shop = :shop AND a.order_no = s.order_no) ORDER BY s.id
""")
_STATUSES = text("""
    UPDATE sale SET status = s.status FROM temp.order_row s
    WHERE s.id > :after AND s.id <= :upto AND sale.shop = :shop AND sale.order_no = s.order_no
    AND sale.status IS NOT s.status
""")
_MOMENTS = text(f"""
    UPDATE sale SET purchased_us = s.purchased_us FROM temp.order_row s
    WHERE s.id > :after AND s.id <= :upto AND sale.shop = :shop AND sale.order_no = s.order_no
    AND sale.purchased_us IS NULL AND NOT EXISTS (
        SELECT 1 FROM delivery x WHERE x.state = 'erased'
        AND x.id BETWEEN sale.id << {DESTINATION_BITS} AND sale.id << {DESTINATION_BITS} | {MAX_DESTINATIONS - 1}
    )
""")
"""Of sales that an older version has met."""
_KEY = f"a.id << {DESTINATION_BITS} | p.destination"
_PAGE = (
    f"{SNAPSHOT_ROWS} JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no WHERE s.id > :after AND s.id <= :upto"
)
_IF_SENT = "CASE WHEN o.id IS NULL AND d.event IS NOT NULL THEN"
_DELIVERIES = text(f"""
    INSERT INTO delivery(
        id, sale, destination, run, day, state, reason, revision, wire_id, scheme,
        value_minor, value_currency, value_exponent, stated_minor, stated_currency, stated_exponent, due_minor,
        fingerprint, ready_at, expires_at, attempted, settled_run, subject
    ) SELECT {_KEY}, a.id, p.destination, :run, s.day,
        CASE WHEN o.id IS NOT NULL THEN 'withheld' WHEN d.quarantined THEN 'quarantined'
            WHEN d.reason IS NOT NULL THEN 'withheld' WHEN d.ready_at > :now THEN 'deferred' ELSE 'pending' END,
        CASE WHEN o.kind = '{SuppressionKind.WITHDRAWAL}' THEN '{Reason.WITHDRAWN}'
            WHEN o.id IS NOT NULL THEN '{Reason.OBJECTION}' ELSE d.reason END, 0,
        {_IF_SENT} d.wire_id END, {_IF_SENT} :scheme END,
        {_IF_SENT} d.due_minor END, {_IF_SENT} s.currency END, {_IF_SENT} s.exponent END,
        s.minor, s.currency, s.exponent, d.due_minor,
        d.fingerprint, d.ready_at, d.expires_at, 0,
        CASE WHEN d.quarantined OR d.reason = '{Reason.UNUSUAL_AMOUNT}' THEN :run END,
        CASE WHEN o.id IS NOT NULL OR d.event IS NULL THEN s.subject END
    {_PAGE} AND NOT EXISTS (SELECT 1 FROM delivery x WHERE x.id = {_KEY}) ORDER BY s.id, p.position
""")
_EVENTS = text(f"""
    INSERT INTO event(id, delivery, revision, subject, salt, bytes)
    SELECT x.id << {REVISION_BITS}, x.id, 0, s.subject, d.salt, d.event
    FROM temp.order_row s CROSS JOIN temp.place p
    JOIN temp.draft d ON d.id = (s.id - 1) * (SELECT count(*) FROM temp.place) + p.position + 1
    JOIN sale a ON a.shop = :shop AND a.order_no = s.order_no
    JOIN delivery x ON x.id = {_KEY} WHERE s.id > :after AND s.id <= :upto
    AND x.run = :run AND x.state IN ('pending', 'deferred') ORDER BY s.id, p.position
""")
_SNAPSHOT_STATE = text("""
    SELECT (SELECT count(*) FROM temp.order_row s WHERE s.id > :after AND s.id <= :upto)
    * (SELECT count(*) FROM temp.place)
""")
_REPLACE = """
    UPDATE delivery SET acknowledged_us = CASE WHEN state = ? AND reason IS ? AND ? THEN acknowledged_us END,
    decision = NULL, run = ?, day = ?, state = ?, reason = ?, detail = NULL,
    revision = ?, wire_id = ?, scheme = ?, value_minor = ?, value_currency = ?, value_exponent = ?,
    stated_minor = ?, stated_currency = ?, stated_exponent = ?, due_minor = ?,
    fingerprint = ?, ready_at = ?, expires_at = ?, first_attempt_us = iif(?, first_attempt_us, NULL),
    attempted = ?, settled_run = ?, subject = ? WHERE id = ?
"""
_NOTE = """
    UPDATE delivery SET run = ?, stated_minor = CASE state WHEN 'erased' THEN 0 ELSE ? END,
    stated_currency = ?, stated_exponent = ?, due_minor = ? WHERE id = ?
"""
_MOVE = """
    UPDATE delivery SET state = ?, reason = ?, settled_run = ?, decision = NULL, acknowledged_us = NULL WHERE id = ?
"""
_NO_EVENT = "DELETE FROM event WHERE id = ?"
_EVENT = "INSERT INTO event(id, delivery, revision, subject, salt, bytes) VALUES (?, ?, ?, ?, ?, ?)"


def stage(ledger: Ledger, run: int, shop: str, scheme: str) -> Iterator[int]:
    """Write the reading page by page; yields how many sightings each page holds at the most."""
    for after in pages(ledger):
        with ledger.transaction() as connection:
            log.check_epoch(connection, ledger.epoch)
            now = int(ledger.clock().timestamp())
            page = {
                "shop": shop,
                "after": after,
                "upto": after + ROWS_PER_PAGE,
                "run": run,
                "now": now,
                "scheme": scheme,
            }
            connection.execute(_SALES, page)
            connection.execute(_STATUSES, page)
            connection.execute(_MOMENTS, page)
            new = connection.execute(_DELIVERIES, page).rowcount
            connection.execute(_EVENTS, page)
            if new < connection.execute(_SNAPSHOT_STATE, page).scalar_one():
                rows = _Rows(connection, run, scheme, now)
                for judged in evaluate_page(connection, shop, after, run=run):
                    rows.take(judged)
                rows.write()
        yield ROWS_PER_PAGE


def destination_id(ledger: Ledger, name: str) -> int:
    """The ledger's number of a destination, given at first meeting."""
    with ledger.transaction() as connection:
        found = connection.execute(select(tables.destination.c.id).where(tables.destination.c.name == name)).scalar()
        if found is None:
            found = connection.execute(
                insert(tables.destination).values(name=name).returning(tables.destination.c.id)
            ).scalar_one()
        return int(found)


class _Rows:
    """What changes for orders that the ledger holds, by statement, in writing order."""

    def __init__(self, connection: Connection, run: int, scheme: str, now: int) -> None:
        self.connection, self.run, self.scheme, self.now = connection, run, scheme, now
        self.by_statement: dict[str, list[tuple[object, ...]]] = {
            statement: [] for statement in (_NO_EVENT, _REPLACE, _NOTE, _MOVE, _EVENT)
        }

    def take(self, one: Evaluation) -> None:
        """Turn one judgement into rows."""
        if one.transition in {Transition.REPLACE, Transition.AGAIN}:
            self._replace(one)
            return
        due = one.incoming.due.minor if one.value_differs else None
        self.by_statement[_NOTE].append((self.run, *_flat(one.stated), due, one.row.held))
        if one.transition is Transition.EXPIRE:
            self.by_statement[_MOVE].append((State.EXPIRED, Reason.TOO_OLD, self.run, one.row.held))
        elif one.transition is Transition.DROP:
            self.by_statement[_MOVE].append((State.WITHHELD, Reason.MAYBE_RECEIVED, self.run, one.row.held))

    def write(self) -> None:
        """Write everything, one executemany a statement."""
        for statement, rows in self.by_statement.items():
            if rows:
                self.connection.exec_driver_sql(statement, rows)

    def _replace(self, one: Evaluation) -> None:
        draft, row = one.incoming, one.row
        revision, attempted = row.revision, row.attempted
        if not attempted:
            self.by_statement[_NO_EVENT].append((tables.event_key(row.held, revision),))
            self._event(row, draft, revision)
        elif draft.event not in {None, self._bytes(row)}:  # what was on the wire once is evidence, and frozen
            revision, attempted = revision + 1, 0
            self._event(row, draft, revision)
        again = one.transition is Transition.AGAIN
        state = State.UNKNOWN if again else self._state(draft, one.ready_at)
        self.by_statement[_REPLACE].append(
            (
                state,
                draft.reason,
                _as_known(draft, row),
                self.run,
                row.day,
                state,
                draft.reason,
                revision,
                *self._sendable(draft),
                *_flat(one.stated),
                draft.due.minor,
                draft.fingerprint,
                one.ready_at,
                draft.expires_at,
                again,
                attempted,
                self._since(draft, row),
                row.subject if draft.event is None else None,
                row.held,
            )
        )

    def _event(self, row: Row[Any], draft: Incoming, revision: int) -> None:
        if draft.event is not None:
            key = tables.event_key(row.held, revision)
            self.by_statement[_EVENT].append((key, row.held, revision, row.subject, row.salt, draft.event))

    def _bytes(self, row: Row[Any]) -> bytes | None:
        key = tables.event_key(row.held, row.revision)
        return self.connection.execute(select(tables.event.c.bytes).where(tables.event.c.id == key)).scalar()

    def _state(self, draft: Incoming, ready_at: int | None) -> State:
        if draft.reason is not None:
            return State.QUARANTINED if draft.quarantined else State.WITHHELD
        return State.DEFERRED if ready_at is not None and ready_at > self.now else State.PENDING

    def _since(self, draft: Incoming, row: Row[Any]) -> int | None:
        """The run that set it aside, so that a person is told once."""
        if draft.reason is Reason.UNUSUAL_AMOUNT:
            return row.settled_run if row.held_reason == draft.reason and _as_known(draft, row) else self.run
        if not draft.quarantined:
            return None
        return row.settled_run if row.state == State.QUARANTINED else self.run

    def _sendable(self, draft: Incoming) -> tuple[object, ...]:
        if draft.event is None:
            return (None, None, None, None, None)
        return (draft.wire_id, self.scheme, *_flat(draft.due))


def _as_known(draft: Incoming, row: Row[Any]) -> bool:
    """Whether a person who took note of it knows it: another unusual amount is another matter."""
    return draft.reason is not Reason.UNUSUAL_AMOUNT or bool(row.held_minor == draft.due.minor)


def _flat(money: Money) -> tuple[int, str, int]:
    return money.minor, money.currency, money.exponent
