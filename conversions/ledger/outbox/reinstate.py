"""Return quarantined orders to pending where the settings turned out to be at fault, not the orders."""

from sqlalchemy import text

from conversions.ledger import judgements, log
from conversions.ledger.runs import Run
from conversions.ledger.schema.tables import MAX_DESTINATIONS
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_REINSTATE = text(f"""
    UPDATE exception SET state = CASE WHEN first_attempt_us IS NULL THEN 'pending' ELSE 'unknown' END,
    reason = NULL, detail = NULL, settled_run = NULL
    WHERE id & {MAX_DESTINATIONS - 1} = :destination AND settled_run = :run
    AND state = 'quarantined' AND reason = :reason
    RETURNING id
""")
"""Only orders that an earlier attempt may have delivered still have a first attempt: they become unknown."""


def reinstate(ledger: Ledger, run: Run, destination: int) -> int:
    """Return the orders that *destination* refused in *run* to pending; return the count. The log keeps the answers.

    Raises LedgerError where another run has taken over the store.
    """
    refused = {"destination": destination, "run": run.id, "reason": Reason.REFUSED_BY_PLATFORM}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        reinstated = connection.execute(_REINSTATE, refused).scalars().all()
        judgements.record(connection, ledger.now_us, reinstated, run=run.id)
        return len(reinstated)
