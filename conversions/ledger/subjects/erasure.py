"""Erase a person's data from the ledger (GDPR art. 17) and open recipient notices (art. 19).

An erased order keeps its number, its day, its id at the platform and the state ``erased``, so it is never sent again.
The keyed subjects stay on the suppression list, and the erasure names that entry, so that the person can be told who
was notified.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, text

from conversions.ledger import judgements, log, runs
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import pages_of, text_with_lists
from conversions.ledger.schema.keys import deliveries_of, event_spans, events_of
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import DESTINATION_BITS, SALE_OF_EVENT
from conversions.ledger.standing import make_exceptions
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
from conversions.ledger.subjects.scrub import Deletion, Traces, demand
from conversions.ledger.subjects.suppressions import SuppressionKind
from conversions.ledger.subjects.wire_ids import keep_wire_ids
from conversions.model.subject import Person

NOTICE = "erase"

_EVENTS_UNDER_ADDRESS = text_with_lists(
    f"""
    SELECT e.id FROM event e JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT} LEFT JOIN earlier_person p ON p.event = e.id
    WHERE e.id IN :events AND {PERSON_OF_EVENT} = :subject ORDER BY e.id
""",
    "events",
)
_CLOSE = text_with_lists(
    f"""
    UPDATE exception SET state = '{State.ERASED}', reason = NULL, detail = NULL, value_minor = NULL,
    value_currency = NULL, value_exponent = NULL, stated_minor = 0, due_minor = NULL, fingerprint = NULL,
    ready_at = NULL, expires_at = NULL, first_attempt_us = NULL, decision = NULL, accepted_minor = NULL
    WHERE id IN :deliveries
""",
    "deliveries",
)
_ELSEWHERE = text_with_lists(
    f"""
    INSERT INTO exception(id, run, day, state, revision, stated_minor, stated_currency, stated_exponent, attempted)
    SELECT d.sale << {DESTINATION_BITS} | p.id, max(d.run), max(d.day), '{State.ERASED}', 0, 0,
        max(d.stated_currency), max(d.stated_exponent), 0
    FROM delivery d CROSS JOIN destination p WHERE d.id IN :deliveries
    AND NOT EXISTS (SELECT 1 FROM delivery_place k WHERE k.id = d.sale << {DESTINATION_BITS} | p.id)
    GROUP BY d.sale, p.id RETURNING id
""",
    "deliveries",
)
_PLACE = text("INSERT INTO delivery_place(id) VALUES (:id)")
"""Close the order at destinations that have not read it yet, so that it is not sent there either."""
_CLOSE_REVISIONS = text(
    f"""
    UPDATE revision SET state = '{State.ERASED}', detail = NULL, unconfirmed = 0, old_minor = 0, new_minor = 0
    WHERE id BETWEEN :first AND :last
    """
)
_CLEAR_SALES = text_with_lists(
    """
    UPDATE sale SET shown_no = NULL, purchased_us = NULL, status = NULL, minor = NULL, currency = NULL, exponent = NULL,
    erased_us = :now_us WHERE id IN :sales
    """,
    "sales",
)
_DELETE_AMOUNTS = text_with_lists("DELETE FROM latest_amount WHERE sale IN :sales", "sales")
_ORDER_NUMBERS = text_with_lists("SELECT order_no FROM sale WHERE id IN :sales", "sales")
_FORGET_ELSEWHERE = tuple(
    text_with_lists(f"UPDATE {table} SET {column} = :value WHERE {column} IN :gone", "gone")
    for table, column in (("rectification", "corrected"), ("rectified_order", "wrong"), ("look", "subject"))
)
_LISTED = select(tables.objection.c.subject, tables.objection.c.since_us).where(
    tables.objection.c.subject.in_(bindparam("person", expanding=True))
)
_CLEAR_LOOKS = text_with_lists("UPDATE look SET sale = NULL WHERE sale IN :sales", "sales")


@dataclass(frozen=True, slots=True)
class ErasureSummary:
    """Counts of one person's erasure."""

    orders: int
    events: int
    recipients: tuple[str, ...]
    """Recipients of the person's data; each has an open notice."""
    traces: Traces | None = field(default=None, repr=False, compare=False)
    """What no file may hold any more; None where nothing was erased."""


def erase_person(ledger: Ledger, person: Person, case: str) -> ErasureSummary:
    """Erase a person's data. The caller holds the run lock, and calls ``scrub`` with the traces afterwards.

    Every attempt must be settled. A repeated erasure without new data changes nothing. Purchases that retention purged
    may have been this person's, so their recipients get a notice, too. Raises LedgerError where another run has taken
    over the store.
    """
    fresh = suppressions.add(ledger, person, None, SuppressionKind.ERASURE, case)
    entry = next(
        e.id for e in suppressions.entries(ledger, person) if e.kind is SuppressionKind.ERASURE and not e.removed
    )
    with ledger.transaction() as connection:
        sales, of_others = records.own_sales(connection, person), records.sales_of_others(connection, person)
        if not (sales or of_others or fresh):
            return ErasureSummary(0, 0, ())
        recipients = {*recipient_notices.recipients(connection, [*sales, *of_others])}
        if fresh and (purged := purged_purchases(connection)):
            recipients.update(purged.recipients)
        keep_wire_ids(connection, [*sales, *of_others])
        rectification.stop_sending(connection, ledger.now_us, of_others, person)
        rectified = records.sales_rectified_to(connection, person)
        under_others = events_of(connection, rectified)  # of this person's orders, under a wrong address
        events = sorted({*_events_under(connection, [*sales, *of_others], person), *under_others})
        blanked = judgements.blank(connection, deliveries_of(connection, sales))
        _close(connection, ledger.now_us, sales)
        gone = redaction.redact(connection, events)
        redaction.forget_buyers(connection, [*sales, *of_others], person)
        redaction.forget_buyers(connection, rectified, records.buyers_of(connection, rectified))
        _forget_elsewhere(connection, person)
        number = demand(connection, ledger.now_us, Deletion.ERASURE)
        traces = Traces(number, {*gone, *person}, _listed(connection, person))
        _record(connection, ledger, {"case_no": case, "entry": entry}, events, sorted(recipients), blanked)
    return ErasureSummary(len(sales), len(events), tuple(sorted(recipients)), traces)


def _close(connection: Connection, now_us: int, sales: Sequence[int]) -> None:
    """Erase the orders of *sales* and every mention of them, but for the bytes of their events."""
    if not sales:
        return
    deliveries = {"deliveries": deliveries_of(connection, sales)}
    make_exceptions(connection, deliveries["deliveries"])
    connection.execute(_CLOSE, deliveries)
    if elsewhere := [{"id": key} for key in connection.execute(_ELSEWHERE, deliveries).scalars()]:
        connection.execute(_PLACE, elsewhere)
    connection.execute(_CLOSE_REVISIONS, event_spans(sales))
    for statement in (_CLEAR_SALES, _DELETE_AMOUNTS):
        connection.execute(statement, {"sales": sales, "now_us": now_us})
    with bound.changed(connection, "look", tables.look.c.sale.in_(sales)):
        connection.execute(_CLEAR_LOOKS, {"sales": sales})
    order_mentions.forget_orders(connection, set(connection.execute(_ORDER_NUMBERS, {"sales": sales}).scalars()))


def _forget_elsewhere(connection: Connection, person: Person) -> None:
    """Remove *person* from the access log and from rectifications; each value is overwritten in its length first."""
    with (
        bound.changed(connection, "look", tables.look.c.subject.in_(person)),
        bound.changed(connection, "rectification", tables.rectification.c.corrected.in_(person)),
        bound.changed(connection, "rectified_order", tables.rectified_order.c.wrong.in_(person)),
    ):
        for statement in _FORGET_ELSEWHERE:
            for value, gone in ((redaction.ZEROS, [*person]), (None, [redaction.ZEROS])):
                connection.execute(statement, {"value": value, "gone": gone})


def _listed(connection: Connection, person: Person) -> dict[bytes, list[bytes]]:
    """Return what follows the subjects of *person* in the suppression list and its index: an instant, or a kind."""
    endings: dict[bytes, list[bytes]] = {subject: [kind.encode() for kind in SuppressionKind] for subject in person}
    for subject, since_us in connection.execute(_LISTED, {"person": person}):
        endings[subject].append(since_us.to_bytes(8))
    return endings


def _events_under(connection: Connection, sales: Sequence[int], person: Person) -> list[int]:
    """Return the events of *sales* that have *person*'s address, ascending; those of another buyer stay."""
    events = set[int]()
    for page in pages_of(events_of(connection, sales)):
        for subject in person:
            events.update(connection.execute(_EVENTS_UNDER_ADDRESS, {"events": page, "subject": subject}).scalars())
    return sorted(events)


def _record(  # noqa: PLR0913 - what the entry says
    connection: Connection,
    ledger: Ledger,
    row: dict[str, Any],
    events: Sequence[int],
    recipients: Sequence[str],
    blanked: list[list[int]],
) -> None:
    """Store the log entry, the erasure and one recipient notice per recipient."""
    now, operator = ledger.now_us, runs.operator()
    covered = redaction.ranges(connection, events)
    facts = {"basis": "art17", "case": row["case_no"], "events": covered, "count": len(events), "operator": operator}
    more = {"entry": row["entry"], "tasks": len(recipients), "judgements": blanked}
    row |= {"at_us": now, "operator": operator, "events": len(events)}
    with log.entry(connection, "erasure", now, facts | more, epoch=ledger.epoch) as leaf:
        new = insert(tables.erasure).values(**row, leaf=leaf).returning(tables.erasure.c.id)
        erasure = connection.execute(new).scalar_one()
        bound.bind(connection, "erasure", tables.erasure.c.id == erasure)
        recipient_notices.open_notices(connection, now, recipients, NOTICE, erasure=erasure)
