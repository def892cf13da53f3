"""Whose events may not leave any more: the suppression list and the rectifications, asked again at the intent.

Staging has compared each event with the list, and each batch says up to which entry. The intent asks for newer entries
only, by the index of persons, so that one objection costs one seek and not a look at every event of every request.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from conversions.ledger.batches.contents import batch_of
from conversions.ledger.outbox.work import ClaimedBatch
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import PERSON_OF_EVENT
from conversions.ledger.schema.tables import SALE_OF_EVENT
from conversions.ledger.subjects import suppressions
from conversions.ledger.subjects.persons import sales_under
from conversions.model.conversion import Reason

_LEAST_ASKED = text_with_lists("SELECT min(b.objection) FROM batch b WHERE b.id IN :batches", "batches")
_PERSONS = text_with_lists(
    f"""
    SELECT e.id, {PERSON_OF_EVENT} FROM event e JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT}
    LEFT JOIN earlier_person p ON p.event = e.id WHERE e.id IN :events
""",
    "events",
)
_WRONG = select(tables.rectified_order.c.sale, tables.rectified_order.c.wrong).where(
    tables.rectified_order.c.wrong.is_not(None)
)


def newly_forbidden(connection: Connection, batch: ClaimedBatch) -> dict[int, Reason]:
    """Return the events that may not be sent, each with the reason, and record up to which entry the list was asked."""
    batches = sorted({batch_of(event.place) for event in batch.claimed})
    asked = connection.execute(_LEAST_ASKED, {"batches": batches}).scalar_one()
    newest, listed = suppressions.active_since(connection, asked)
    wrong = {tuple(row) for row in connection.execute(_WRONG)}
    if newest > asked:
        newer = update(tables.batch).where(tables.batch.c.id.in_(batches), tables.batch.c.objection < newest)
        connection.execute(newer.values(objection=newest))
    if not (listed or wrong):
        return {}
    sales = sales_under(connection, listed) | {sale for sale, _ in wrong}
    events = [event for event in batch.events if event >> SALE_OF_EVENT in sales]
    return _forbidden(connection, events, listed, wrong)


def _forbidden(
    connection: Connection, events: Sequence[int], listed: dict[bytes, Reason], wrong: set[tuple[int, bytes]]
) -> dict[int, Reason]:
    forbidden = {}
    for event, subject in connection.execute(_PERSONS, {"events": events}):
        if subject in listed:
            forbidden[event] = listed[subject]
        elif (event >> SALE_OF_EVENT, subject) in wrong:
            forbidden[event] = Reason.WRONG_ADDRESS
    return forbidden
