"""Find the cause of late refusals: the account, where most of the latest orders were refused, or the single order.

Counted over several requests and runs, because a shop with three orders a week sends them one by one.
"""

import orjson
from sqlalchemy import Connection, bindparam, select, text

from conversions.ledger import judgements, log
from conversions.ledger.batches import parts
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import text_with_lists
from conversions.ledger.schema.sql import IS_PRESENT_EVENT, PERSON_OF_EVENT
from conversions.ledger.schema.tables import REVISION_BITS, SALE_OF_EVENT
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

MIN_EVENTS, MIN_BUYERS = 5, 3
"""Fewer events, or events of fewer buyers, are no evidence about an account."""
MAX_REQUESTS = 200
"""The latest requests that are examined."""

_LATEST_REQUESTS = text("""
    SELECT r.id, r.concluded, r.suspected FROM request r LEFT JOIN destination p ON p.id = r.destination
    WHERE r.destination = :destination AND r.concluded > 0 AND r.answered_us > coalesce(p.decided_us, 0)
    ORDER BY r.id DESC LIMIT :latest
""")
_BUYERS = text_with_lists(
    f"""
    SELECT DISTINCT {PERSON_OF_EVENT} FROM event e JOIN sale a ON a.id = e.id >> {SALE_OF_EVENT}
    LEFT JOIN earlier_person p ON p.event = e.id WHERE e.id IN :events
""",
    "events",
)
_SUSPECTS = select(tables.request.c.id, tables.request.c.suspects).where(
    tables.request.c.id.in_(bindparam("requests", expanding=True))
)
_SET_REASON = text_with_lists(
    f"""
    UPDATE exception SET reason = :account WHERE id IN (
        SELECT d.id FROM event e JOIN delivery d ON {IS_PRESENT_EVENT} WHERE e.id IN :events
    ) AND acknowledged_us IS NULL AND detail IN :suspects
    AND (state = 'rejected' AND reason = :own OR state = 'received' AND reason IS NULL)
""",
    "events",
    "suspects",
)


def find_account_refusals(ledger: Ledger, run: Run, destination: int) -> None:
    """Keep refused orders for a person where over half of the latest events had a reason that the account may cause.

    Events sent before a person last decided on the account are no evidence.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        if requests := _evidence(connection, destination):
            reasons = {"own": Reason.REFUSED_LATER, "account": Reason.SETUP}
            suspects = {row.id: row.suspects for row in connection.execute(_SUSPECTS, {"requests": requests})}
            for request, events in parts.events(connection, requests).items():
                of_request = {"events": events, "suspects": orjson.loads(suspects[request] or "[]")}
                connection.execute(_SET_REASON, reasons | of_request)
                deliveries = [event >> REVISION_BITS for event in events]
                judgements.record(connection, ledger.now_us, deliveries, run=run.id)


def _evidence(connection: Connection, destination: int) -> list[int]:
    """Return the latest requests, as few as suffice, or none where the account is not at fault."""
    concluded, suspected, requests = 0, 0, list[int]()
    buyers = set[bytes | None]()
    for row in connection.execute(_LATEST_REQUESTS, {"destination": destination, "latest": MAX_REQUESTS}).all():
        requests.append(row.id)
        concluded, suspected = concluded + row.concluded, suspected + row.suspected
        if len(buyers) < MIN_BUYERS:
            events = parts.events(connection, [row.id])[row.id]
            buyers.update(connection.execute(_BUYERS, {"events": events}).scalars())
            buyers.discard(None)
        if concluded >= MIN_EVENTS and len(buyers) >= MIN_BUYERS:
            return requests if 2 * suspected > concluded else []
    return []
