"""States of an order at one destination."""

from enum import StrEnum

from conversions.errors import LedgerError
from conversions.model.conversion import Reason


class State(StrEnum):
    """State of one order at one destination."""

    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    RECEIVED = "received"
    RECORDED = "recorded"
    UNMATCHED = "unmatched"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    DEFERRED = "deferred"
    EXPIRED = "expired"
    WITHHELD = "withheld"
    QUARANTINED = "quarantined"
    ERASED = "erased"


def state_of(stored: str | None) -> State:
    """Return a state that the store has. Raises LedgerError where nothing there says how an order stands."""
    if stored is None:
        raise LedgerError(
            "The store does not say how an order stands, so nothing was sent: `conversions audit verify` names it. Put "
            "the newest copy back with `conversions restore FILE`."
        )
    return State(stored)


SENT = frozenset({State.RECEIVED, State.RECORDED, State.UNMATCHED, State.DUPLICATE})
"""The platform has received the event."""
UNANSWERED = frozenset({State.IN_FLIGHT, State.UNKNOWN})
"""The platform may have received the event: no answer is known."""
WAITING = frozenset({State.PENDING, State.DEFERRED})
"""The event is not sent yet."""
WITHOUT_JUDGEMENT = frozenset({State.RECORDED, State.UNMATCHED, State.DUPLICATE})
"""Late results that need no reason: the history of judgements has none of them."""
FORBIDDEN = frozenset(
    {
        Reason.DENIED,
        Reason.NO_CONSENT,
        Reason.OBJECTION,
        Reason.WITHDRAWN,
        Reason.RESTRICTED,
        Reason.EXCLUDED,
        Reason.NO_EMAIL,
        Reason.UNUSABLE_EMAIL,
        Reason.ALREADY_A_DIGEST,
    }
)
"""Reasons that forbid every later send: the buyer refused or is left out, or there is no usable address."""
