"""One order moved alone, because of what was asked or answered about it."""

from sqlalchemy import Connection, update

from conversions.conversion import Reason
from conversions.ledger import tables
from conversions.ledger.matrix import State
from conversions.ledger.runs import Run


def move(connection: Connection, run: Run, delivery: int, state: State, reason: Reason) -> None:
    """Say so in the store; *run* is the one that settled it."""
    moved = {"state": state, "reason": reason, "settled_run": run.id, "decision": None, "acknowledged_us": None}
    connection.execute(update(tables.delivery).where(tables.delivery.c.id == delivery).values(**moved))
