"""How orders stand: as the batch of their event says, or by an exception of their own; and which orders a run read."""

from conversions.ledger.standing.change import Change, change, set_late_state
from conversions.ledger.standing.exceptions import make_exceptions, remove_orders, vacate

__all__ = ["Change", "change", "make_exceptions", "remove_orders", "set_late_state", "vacate"]
