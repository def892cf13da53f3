"""One order moved alone, because of what was asked or answered about it."""

from sqlalchemy import Connection, update

from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.states import State
from conversions.model.conversion import Reason


def set_state(connection: Connection, run: Run, delivery: int, state: State, reason: Reason) -> None:
    """Say so in the store; *run* is the one that settled it."""
    moved = {"state": state, "reason": reason, "settled_run": run.id, "decision": None, "acknowledged_us": None}
    connection.execute(update(tables.delivery).where(tables.delivery.c.id == delivery).values(**moved))
