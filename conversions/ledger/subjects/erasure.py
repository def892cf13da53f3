"""Erase a person's data from the ledger (GDPR art. 17) and open recipient notices (art. 19).

An erased order keeps its number, its day, its id at the platform and the state ``erased``, so it is never sent again.
The keyed subjects stay on the suppression list, and the erasure names that entry, so that the person can be told who
was notified.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, insert, text

from conversions.ledger import log, runs
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.sql import DELIVERIES_OF, EVENTS_OF
from conversions.ledger.schema.tables import DESTINATION_BITS
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects import (
    order_mentions,
    recipient_notices,
    records,
    rectification,
    redaction,
    suppressions,
)
from conversions.ledger.subjects.purged import purged_purchases
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.model.subject import Person

NOTICE = "erase"

_EVENTS = text(f"SELECT e.id FROM json_each(:sales) j JOIN event e ON e.id {EVENTS_OF} ORDER BY e.id")
_EVENTS_UNDER_ADDRESS = text(f"""
    SELECT e.id FROM json_each(:sales) j JOIN event e ON e.id {EVENTS_OF} WHERE e.subject = :subject ORDER BY e.id
""")
_CLOSE = text(f"""
    UPDATE delivery SET state = '{State.ERASED}', reason = NULL, detail = NULL, value_minor = NULL,
    value_currency = NULL, value_exponent = NULL, stated_minor = 0, due_minor = NULL, fingerprint = NULL,
    ready_at = NULL, expires_at = NULL, first_attempt_us = NULL, decision = NULL, subject = NULL, accepted_minor = NULL
    WHERE id IN (
        SELECT d.id FROM json_each(:sales) j JOIN delivery d ON d.id {DELIVERIES_OF}
    )
""")
_CLOSE_ELSEWHERE = text(f"""
    INSERT INTO delivery(
        id, sale, destination, run, day, state, revision, stated_minor, stated_currency, stated_exponent, attempted
    ) SELECT j.value << {DESTINATION_BITS} | p.id, j.value, p.id, max(d.run), max(d.day), '{State.ERASED}', 0, 0,
        max(d.stated_currency), max(d.stated_exponent), 0
    FROM json_each(:sales) j CROSS JOIN destination p JOIN delivery d ON d.id {DELIVERIES_OF}
    WHERE NOT EXISTS (SELECT 1 FROM delivery x WHERE x.id = j.value << {DESTINATION_BITS} | p.id)
    GROUP BY j.value, p.id
""")
"""Close the order at destinations that have not read it yet, so that it is not sent there either."""
_CLOSE_REVISIONS = text(f"""
    UPDATE revision SET state = '{State.ERASED}', detail = NULL, unconfirmed = 0, old_minor = 0, new_minor = 0
    WHERE id IN (
        SELECT v.id FROM json_each(:sales) j JOIN revision v ON v.id {EVENTS_OF}
    )
""")
_CLEAR_SALES = text(
    "UPDATE sale SET shown_no = NULL, purchased_us = NULL, status = NULL, erased_us = :now_us "
    "WHERE id IN (SELECT value FROM json_each(:sales))"
)
_DELETE_AMOUNTS = text("DELETE FROM latest_amount WHERE sale IN (SELECT value FROM json_each(:sales))")
_ORDER_NUMBERS = text("SELECT a.order_no FROM json_each(:sales) j JOIN sale a ON a.id = j.value")
_FORGET_CORRECTED = text("UPDATE rectification SET corrected = NULL WHERE corrected = :subject")
_FORGET_WRONG = text("UPDATE rectified_order SET wrong = NULL WHERE wrong = :subject")
_CLEAR_ACCESS_LOG = text("UPDATE look SET subject = NULL WHERE subject = :subject")
_CLEAR_LOOKS = text("UPDATE look SET sale = NULL WHERE sale IN (SELECT value FROM json_each(:sales))")


@dataclass(frozen=True, slots=True)
class ErasureSummary:
    """Counts of one person's erasure."""

    orders: int
    events: int
    recipients: tuple[str, ...]
    """Recipients of the person's data; each has an open notice."""


def erase_person(ledger: Ledger, person: Person, case: str) -> ErasureSummary:
    """Erase a person's data. The caller holds the run lock, and calls ``redaction.wipe`` afterwards.

    Every attempt must be settled. A repeated erasure without new data changes nothing. Purchases that retention purged
    may have been this person's, so their recipients get a notice, too. Raises LedgerError where another run has taken
    over the store.
    """
    fresh = suppressions.add(ledger, person, None, SuppressionKind.ERASURE, case)
    entry = next(
        e.id for e in suppressions.entries(ledger, person) if e.kind is SuppressionKind.ERASURE and not e.removed
    )
    with ledger.transaction() as connection:
        sales, of_others = records.sales_of(connection, person), list(records.rectified_away(connection, person))
        if not (sales or of_others or fresh):
            return ErasureSummary(0, 0, ())
        recipients = {*recipient_notices.recipients(connection, [*sales, *of_others])}
        if fresh and (purged := purged_purchases(connection)):
            recipients.update(purged.recipients)
        events = sorted([*_close(connection, ledger.now_us, sales), *_clear_address(connection, of_others, person)])
        redaction.redact(connection, events)
        for subject in person:
            _forget_subject(connection, subject)
        _record(connection, ledger, {"case_no": case, "entry": entry}, events, sorted(recipients))
    return ErasureSummary(len(sales), len(events), tuple(sorted(recipients)))


def _close(connection: Connection, now_us: int, sales: Sequence[int]) -> list[int]:
    """Erase the orders of *sales* and every mention of them; return their events, whose payloads are to be removed."""
    parameters = {"sales": orjson.dumps(sales).decode(), "now_us": now_us}
    for statement in (_CLOSE, _CLOSE_ELSEWHERE, _CLOSE_REVISIONS, _CLEAR_SALES, _DELETE_AMOUNTS):
        connection.execute(statement, parameters)
    with bound.changed(connection, "look", tables.look.c.sale.in_(sales)):
        connection.execute(_CLEAR_LOOKS, parameters)
    order_mentions.forget_orders(connection, set(connection.execute(_ORDER_NUMBERS, parameters).scalars()))
    return list(connection.execute(_EVENTS, parameters).scalars())


def _forget_subject(connection: Connection, subject: bytes) -> None:
    """Remove *subject* from the access log and from rectifications."""
    with (
        bound.changed(connection, "look", tables.look.c.subject == subject),
        bound.changed(connection, "rectification", tables.rectification.c.corrected == subject),
        bound.changed(connection, "rectified_order", tables.rectified_order.c.wrong == subject),
    ):
        for statement in (_CLEAR_ACCESS_LOG, _FORGET_CORRECTED, _FORGET_WRONG):
            connection.execute(statement, {"subject": subject})


def _clear_address(connection: Connection, sales: Sequence[int], person: Person) -> list[int]:
    """The events that have *person*'s address in the orders of others. These orders stay, and are not sent with it."""
    rectification.stop_sending(connection, sales, person)
    parameters = {"sales": orjson.dumps(sales).decode()}
    events_by_subject = [
        connection.execute(_EVENTS_UNDER_ADDRESS, {**parameters, "subject": s}).scalars() for s in person
    ]
    return [event for events in events_by_subject for event in events]


def _record(
    connection: Connection, ledger: Ledger, row: dict[str, Any], events: Sequence[int], recipients: Sequence[str]
) -> None:
    """Store the log entry, the erasure and one recipient notice per recipient."""
    now, operator = ledger.now_us, runs.operator()
    covered = redaction.ranges(connection, events)
    facts = {"basis": "art17", "case": row["case_no"], "events": covered, "count": len(events), "operator": operator}
    more = {"entry": row["entry"], "tasks": len(recipients)}
    row |= {"at_us": now, "operator": operator, "events": len(events)}
    with log.entry(connection, "erasure", now, facts | more, epoch=ledger.epoch) as leaf:
        new = insert(tables.erasure).values(**row, leaf=leaf).returning(tables.erasure.c.id)
        erasure = connection.execute(new).scalar_one()
        bound.bind(connection, "erasure", tables.erasure.c.id == erasure)
        recipient_notices.open_notices(connection, now, recipients, NOTICE, erasure=erasure)
