"""Change the state of a single order."""

from sqlalchemy import Connection, update

from conversions.ledger.runs import Run
from conversions.ledger.schema import tables
from conversions.ledger.standing import make_exceptions
from conversions.ledger.states import State
from conversions.model.conversion import Reason


def set_state(connection: Connection, run: Run, delivery: int, state: State, reason: Reason) -> None:
    """Set the state and its reason; *run* becomes the run that settled the order."""
    changes = {"state": state, "reason": reason, "settled_run": run.id, "decision": None, "acknowledged_us": None}
    make_exceptions(connection, [delivery])
    connection.execute(update(tables.exception).where(tables.exception.c.id == delivery).values(**changes))
