"""Find the cause of late refusals: the account, where most of the latest orders were refused, or the single order.

Counted over several requests and runs, because a shop with three orders a week sends them one by one.
"""

import orjson
from sqlalchemy import Connection, text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import REVISION_BITS
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
_BUYERS_OF_REQUEST = text("""
    SELECT DISTINCT e.subject FROM request_event x JOIN event e ON e.id = x.event
    WHERE x.request = :request AND e.subject IS NOT NULL LIMIT :most
""")
_SET_REASON = text(f"""
    UPDATE delivery SET reason = :account WHERE id IN (
        SELECT d.id FROM request_event x JOIN request r ON r.id = x.request
        JOIN delivery d ON d.id = x.event >> {REVISION_BITS}
        WHERE x.request IN (SELECT value FROM json_each(:requests)) AND x.event = d.id << {REVISION_BITS} | d.revision
        AND d.acknowledged_us IS NULL AND d.detail IN (SELECT value FROM json_each(r.suspects))
        AND (d.state = 'rejected' AND d.reason = :own OR d.state = 'received' AND d.reason IS NULL)
    )
""")


def find_account_refusals(ledger: Ledger, run: Run, destination: int) -> None:
    """Keep refused orders for a person where over half of the latest events had a reason that the account may cause.

    Events sent before a person last decided on the account are no evidence.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        if requests := _evidence(connection, destination):
            values = {"requests": orjson.dumps(requests).decode(), "own": Reason.REFUSED_LATER, "account": Reason.SETUP}
            connection.execute(_SET_REASON, values)


def _evidence(connection: Connection, destination: int) -> list[int]:
    """Return the latest requests, as few as suffice, or none where the account is not at fault."""
    concluded, suspected, requests = 0, 0, list[int]()
    buyers = set[bytes]()
    for row in connection.execute(_LATEST_REQUESTS, {"destination": destination, "latest": MAX_REQUESTS}).all():
        requests.append(row.id)
        concluded, suspected = concluded + row.concluded, suspected + row.suspected
        buyers.update(connection.execute(_BUYERS_OF_REQUEST, {"request": row.id, "most": MIN_BUYERS}).scalars())
        if concluded >= MIN_EVENTS and len(buyers) >= MIN_BUYERS:
            return requests if 2 * suspected > concluded else []
    return []
