"""Refused one after the other for what turned out to be the settings' fault: nobody stays set aside for that."""

from sqlalchemy import text

from conversions.ledger import log
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.conversion import Reason

_REINSTATE = text("""
    UPDATE delivery SET state = CASE WHEN first_attempt_us IS NULL THEN 'pending' ELSE 'unknown' END,
    reason = NULL, detail = NULL, settled_run = NULL
    WHERE destination = :destination AND settled_run = :run AND state = 'quarantined' AND reason = :reason
""")
"""An instant of a first attempt is left only with those that an earlier one may have brought there."""


def reinstate(ledger: Ledger, run: Run, destination: int) -> int:
    """Let everybody wait again whom *destination* refused in *run*; how many. What was said is in the log all the same.

    Raises LedgerError where the store is another run's now.
    """
    refused = {"destination": destination, "run": run.id, "reason": Reason.REFUSED_BY_PLATFORM}
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        return connection.execute(_REINSTATE, refused).rowcount
