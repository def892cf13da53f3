"""Rectify an address (GDPR art. 16): orders of one person had the address of another, and may have been sent so."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, text

from conversions.ledger import judgements, log, runs
from conversions.ledger.log import bound
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.keys import deliveries_of
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import REVISION_BITS, SALE_OF_EVENT
from conversions.ledger.standing import make_exceptions
from conversions.ledger.states import State
from conversions.ledger.store import Ledger
from conversions.ledger.subjects import recipient_notices, records
from conversions.ledger.subjects.purged import purged_purchases
from conversions.ledger.subjects.records import SubjectOrder
from conversions.ledger.subjects.wire_ids import keep_wire_ids
from conversions.model.conversion import Reason
from conversions.model.subject import Person

NOTICE = "rectify"
_OPEN = (State.PENDING, State.DEFERRED, State.UNKNOWN)
_TO_STOP = text_with_lists(
    f"""
    SELECT d.id FROM delivery d JOIN event e ON e.id = d.id << {REVISION_BITS} | d.revision
    JOIN sale a ON a.id = d.sale LEFT JOIN earlier_person p ON p.event = e.id
    WHERE d.id IN :deliveries AND d.state IN ({", ".join(f"'{state}'" for state in _OPEN)})
    AND {PERSON_OF_EVENT} = :subject
    """,
    "deliveries",
)
_STOP = text_with_lists(
    f"""
    UPDATE exception SET state = '{State.WITHHELD}', decision = NULL,
    reason = CASE WHEN state = '{State.UNKNOWN}' THEN '{Reason.MAYBE_RECEIVED}' ELSE '{Reason.WRONG_ADDRESS}' END
    WHERE id IN :deliveries
    """,
    "deliveries",
)
_SUBJECTS = text(f"""
    SELECT a.subject FROM sale a WHERE a.id = :sale UNION SELECT p.subject FROM earlier_person p
    WHERE p.event BETWEEN :sale << {SALE_OF_EVENT} AND :sale << {SALE_OF_EVENT} | {(1 << SALE_OF_EVENT) - 1}
""")


@dataclass(frozen=True, slots=True)
class RectificationSummary:
    """What a rectification changed."""

    orders: int
    recipients: tuple[str, ...]
    """Everybody to whom one of the orders went, or may have gone, under the wrong address; each has an open notice."""


def misaddressed(connection: Connection, wrong: Person) -> list[SubjectOrder]:
    """The orders that stand under the address *wrong*, per destination: these may be another person's."""
    return [o for o in records.subject_orders(connection, wrong) if o.rectified is None or o.rectified.own]


def rectify(ledger: Ledger, wrong: Person, right: Person, sales: Sequence[int], case: str) -> RectificationSummary:
    """Record that *sales* had the address *wrong* and are of the person *right*. The caller holds the run lock.

    Nothing more goes out under the wrong address. Without a sale, the recipients of purchases that retention purged are
    to be told. Raises LedgerError where another run has taken over the store.
    """
    with ledger.transaction() as connection:
        recipients = tuple(recipient_notices.recipients(connection, sales))
        if not sales and (purged := purged_purchases(connection)):
            recipients = purged.recipients
        if not (sales or recipients):
            return RectificationSummary(0, ())
        stop_sending(connection, ledger.now_us, sales, wrong)
        keep_wire_ids(connection, sales)
        now, operator = ledger.now_us, runs.operator()
        facts = {"case": case, "operator": operator, "orders": len(sales), "tasks": len(recipients)}
        row = {"corrected": right[0], "case_no": case, "at_us": now, "operator": operator, "orders": len(sales)}
        with log.entry(connection, "rectification", now, facts, epoch=ledger.epoch) as leaf:
            number = _store(connection, row | {"leaf": leaf}, sales, wrong)
            recipient_notices.open_notices(connection, now, recipients, NOTICE, rectification=number)
    return RectificationSummary(len(sales), recipients)


def _store(connection: Connection, row: dict[str, Any], sales: Sequence[int], wrong: Person) -> int:
    """Store a rectification of *sales*; return its number."""
    new = insert(tables.rectification).values(**row).returning(tables.rectification.c.id)
    number = int(connection.execute(new).scalar_one())
    bound.bind(connection, "rectification", tables.rectification.c.id == number)
    rows = [{"rectification": number, "sale": s, "wrong": _stored(connection, s, wrong)} for s in sales]
    if rows:
        connection.execute(insert(tables.rectified_order), rows)
        bound.bind(connection, "rectified_order", tables.rectified_order.c.rectification == number)
    return number


def stop_sending(connection: Connection, now_us: int, sales: Sequence[int], person: Person) -> None:
    """Withhold what waits to be sent, or sent again, under this person's address."""
    deliveries = deliveries_of(connection, sales)
    for subject in person:
        waiting = connection.execute(_TO_STOP, {"deliveries": deliveries, "subject": subject}).scalars().all()
        make_exceptions(connection, waiting)
        connection.execute(_STOP, {"deliveries": waiting})
    judgements.record(connection, now_us, deliveries)


def _stored(connection: Connection, sale: int, person: Person) -> bytes | None:
    """The subject of *person* that the store has for *sale*: it may be of a former key; None where it never had one."""
    stored = set(connection.execute(_SUBJECTS, {"sale": sale}).scalars())
    return next((subject for subject in person if subject in stored), None)
