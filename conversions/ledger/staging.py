"""The barrier: one page of judgements is written at a time; nothing is claimed before the last one is."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, insert, select

from conversions.conversion import Reason
from conversions.ledger import log, tables
from conversions.ledger.judging import Judged
from conversions.ledger.matrix import Draft, State, Step
from conversions.ledger.store import Ledger

SALT_BYTES = 32


def stage(
    ledger: Ledger, run: int, shop: str, destinations: Sequence[int], scheme: str, page: Iterable[Judged]
) -> None:
    """Write one page: what was not sent is replaced by what the source says now, what was sent is only noted."""
    with ledger.transaction() as connection:
        log.still_ours(connection, ledger.epoch)
        rows = _Rows(connection, run, shop, destinations, scheme, int(ledger.clock().timestamp()))
        for judged in page:
            rows.take(judged)
        rows.write()


def number_of(ledger: Ledger, name: str) -> int:
    """The ledger's number of a destination, given at first meeting."""
    with ledger.transaction() as connection:
        found = connection.execute(select(tables.destination.c.id).where(tables.destination.c.name == name)).scalar()
        if found is None:
            found = connection.execute(
                insert(tables.destination).values(name=name).returning(tables.destination.c.id)
            ).scalar_one()
        return int(found)


def _insert(table: Table) -> str:
    names = [column.name for column in table.columns]
    return f"INSERT INTO {table.name}({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


_SALE, _DELIVERY, _EVENT = _insert(tables.sale), _insert(tables.delivery), _insert(tables.event)
_NO_EVENT = "DELETE FROM event WHERE id = ?"
_REPLACE = """
    UPDATE delivery SET run = ?, subject = ?, day = ?, state = ?, reason = ?, detail = NULL,
    revision = ?, wire_id = ?, scheme = ?,
    value_minor = ?, value_currency = ?, value_exponent = ?,
    stated_minor = ?, stated_currency = ?, stated_exponent = ?, due_minor = ?,
    fingerprint = ?, ready_at = ?, expires_at = ?, first_attempt_us = ?, settled_run = NULL WHERE id = ?
"""
_NOTE = """
    UPDATE delivery SET run = ?, stated_minor = ?, stated_currency = ?, stated_exponent = ?, due_minor = ? WHERE id = ?
"""
_MOVE = "UPDATE delivery SET state = ?, reason = ?, settled_run = ? WHERE id = ?"


class _Rows:
    """The rows of one page by statement, in writing order. Keys rise, and only this run writes."""

    def __init__(
        self, connection: Connection, run: int, shop: str, destinations: Sequence[int], scheme: str, now: int
    ) -> None:
        self.run, self.shop, self.destinations, self.scheme, self.now = run, shop, destinations, scheme, now
        self.connection = connection
        self.sales: dict[str, int] = {}
        self.last_sale = _last(connection, tables.sale)
        self.by_statement: dict[str, list[tuple[object, ...]]] = {
            statement: [] for statement in (_SALE, _NO_EVENT, _DELIVERY, _REPLACE, _NOTE, _MOVE, _EVENT)
        }

    def take(self, one: Judged) -> None:
        """Turn one judgement into rows."""
        if one.held is None:
            self._new(one)
        elif one.step is Step.REPLACE:
            self._replace(one, one.held)
        else:
            self.by_statement[_NOTE].append((*self._said(one), one.held.id))
            if one.step is Step.EXPIRE:
                self.by_statement[_MOVE].append((State.EXPIRED, Reason.TOO_OLD, self.run, one.held.id))
            elif one.step is Step.DROP:
                self.by_statement[_MOVE].append((State.WITHHELD, Reason.MAYBE_RECEIVED, self.run, one.held.id))

    def write(self) -> None:
        """Write everything, one executemany a statement."""
        for statement, rows in self.by_statement.items():
            if rows:
                self.connection.exec_driver_sql(statement, rows)

    def _new(self, one: Judged) -> None:
        draft, sale, destination = one.draft, self._sale(one), self.destinations[one.destination]
        delivery = tables.delivery_key(sale, destination)
        self.by_statement[_DELIVERY].append(
            (
                delivery,
                sale,
                destination,
                self.run,
                one.sighting.subject,
                one.sighting.day,
                self._state(draft),
                draft.reason,
                None,
                0,
                *self._sendable(draft),
                *self._said(one)[1:],
                draft.fingerprint,
                draft.ready_at,
                draft.expires_at,
                None,
                None,
            )
        )
        self._event(draft, delivery, 0)

    def _replace(self, one: Judged, held: Row[Any]) -> None:
        draft, revision, attempted = one.draft, held.revision, held.first_attempt_us
        if attempted is None:
            self.by_statement[_NO_EVENT].append((tables.event_key(held.id, revision),))
            self._event(draft, held.id, revision)
        elif draft.event not in {None, self._bytes(held)}:  # what was on the wire once is evidence, and frozen
            revision, attempted = revision + 1, None
            self._event(draft, held.id, revision)
        said = self._said(one)
        self.by_statement[_REPLACE].append(
            (
                self.run,
                one.sighting.subject,
                one.sighting.day,
                self._state(draft),
                draft.reason,
                revision,
                *self._sendable(draft),
                *said[1:],
                draft.fingerprint,
                draft.ready_at,
                draft.expires_at,
                attempted,
                held.id,
            )
        )

    def _sale(self, one: Judged) -> int:
        if one.sale is not None:
            return one.sale
        number = self.sales.get(one.sighting.order_no)
        if number is None:
            self.last_sale += 1
            number = self.sales[one.sighting.order_no] = self.last_sale
            self.by_statement[_SALE].append((number, self.shop, one.sighting.order_no))
        return number

    def _event(self, draft: Draft, delivery: int, revision: int) -> None:
        if draft.event is not None:
            salt = secrets.token_bytes(SALT_BYTES)
            event = tables.event_key(delivery, revision)
            self.by_statement[_EVENT].append((event, delivery, revision, salt, draft.event))

    def _bytes(self, held: Row[Any]) -> bytes | None:
        key = tables.event_key(held.id, held.revision)
        return self.connection.execute(select(tables.event.c.bytes).where(tables.event.c.id == key)).scalar()

    def _state(self, draft: Draft) -> State:
        if draft.reason is not None:
            return State.QUARANTINED if draft.quarantined else State.WITHHELD
        return State.DEFERRED if draft.ready_at is not None and draft.ready_at > self.now else State.PENDING

    def _sendable(self, draft: Draft) -> tuple[object, ...]:
        if draft.event is None:
            return (None, None, None, None, None)
        return (draft.wire_id, self.scheme, draft.due.minor, draft.due.currency, draft.due.exponent)

    def _said(self, one: Judged) -> tuple[object, ...]:
        stated = one.sighting.stated
        return (self.run, stated.minor, stated.currency, stated.exponent, one.draft.due.minor)


def _last(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one())
