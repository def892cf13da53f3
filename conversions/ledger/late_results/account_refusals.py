"""Find the cause of late refusals: the account, where most of the latest orders were refused, or the single order.

Counted over several requests and runs, because a shop with three orders a week sends them one by one.
"""

from sqlalchemy import Connection, bindparam, select, text, update

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import json_lists
from conversions.ledger.schema.sql import delivery_of
from conversions.ledger.schema.tables import MAX_REVISIONS
from conversions.ledger.states import State
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
_x, _r, _d = tables.request_event.c, tables.request.c, tables.delivery.c
_SET_REASON = (
    update(tables.delivery)
    .where(
        _d.id.in_(
            select(_d.id)
            .select_from(tables.request_event)
            .join(tables.request, _r.id == _x.request)
            .join(tables.delivery, _d.id == delivery_of(_x.event))
            .where(
                _x.request.in_(bindparam("requests", expanding=True)),
                _d.revision == _x.event % MAX_REVISIONS,
                _d.acknowledged_us.is_(None),
                json_lists(_r.suspects, _d.detail),
                ((_d.state == State.REJECTED) & (_d.reason == Reason.REFUSED_LATER))
                | ((_d.state == State.RECEIVED) & _d.reason.is_(None)),
            )
            .correlate(None)
        )
    )
    .values(reason=Reason.SETUP)
)


def find_account_refusals(ledger: Ledger, run: Run, destination: int) -> None:
    """Keep refused orders for a person where over half of the latest events had a reason that the account may cause.

    Events sent before a person last decided on the account are no evidence.
    """
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        if requests := _evidence(connection, destination):
            connection.execute(_SET_REASON, {"requests": requests})


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
