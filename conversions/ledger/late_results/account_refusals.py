"""Whose fault late refusals are: an order's own, or the account's where most of the latest orders met them.

Counted over requests and nights, since a shop of three orders a week sends them one by one.
"""

import orjson
from sqlalchemy import Connection, text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import REVISION_BITS
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

ENOUGH, BUYERS = 5, 3
"""So many events, of so many people, say something of an account."""
LATEST = 200
"""Requests that are looked at, at the most."""

_LATEST = text("""
    SELECT r.id, r.concluded, r.suspected FROM request r LEFT JOIN destination p ON p.id = r.destination
    WHERE r.destination = :destination AND r.concluded > 0 AND r.answered_us > coalesce(p.decided_us, 0)
    ORDER BY r.id DESC LIMIT :latest
""")
_BUYERS = text("""
    SELECT DISTINCT e.subject FROM request_event x JOIN event e ON e.id = x.event
    WHERE x.request = :request AND e.subject IS NOT NULL LIMIT :most
""")
_MARK = text(f"""
    UPDATE delivery SET reason = :account WHERE id IN (
        SELECT d.id FROM request_event x JOIN request r ON r.id = x.request
        JOIN delivery d ON d.id = x.event >> {REVISION_BITS}
        WHERE x.request IN (SELECT value FROM json_each(:requests)) AND x.event = d.id << {REVISION_BITS} | d.revision
        AND d.acknowledged_us IS NULL AND d.detail IN (SELECT value FROM json_each(r.suspects))
        AND (d.state = 'rejected' AND d.reason = :own OR d.state = 'received' AND d.reason IS NULL)
    )
""")


def find_account_refusals(ledger: Ledger, run: Run, destination: int) -> None:
    """Let the refused orders wait for a person where over half of the latest events met what may be the account's.

    What was sent before a person decided on the account is no evidence.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        if requests := _evidence(connection, destination):
            where = {"requests": orjson.dumps(requests).decode(), "own": Reason.REFUSED_LATER, "account": Reason.SETUP}
            connection.execute(_MARK, where)


def _evidence(connection: Connection, destination: int) -> list[int]:
    """The fewest latest requests that are enough to judge by, or none where they do not speak against the account."""
    concluded, suspected, requests = 0, 0, list[int]()
    buyers = set[bytes]()
    for row in connection.execute(_LATEST, {"destination": destination, "latest": LATEST}).all():
        requests.append(row.id)
        concluded, suspected = concluded + row.concluded, suspected + row.suspected
        buyers.update(connection.execute(_BUYERS, {"request": row.id, "most": BUYERS}).scalars())
        if concluded >= ENOUGH and len(buyers) >= BUYERS:
            return requests if 2 * suspected > concluded else []
    return []
