"""Where an order stands at one destination."""

from enum import StrEnum

from conversions.model.conversion import Reason


class State(StrEnum):
    """Where one order stands at one destination."""

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


SENT = frozenset({State.RECEIVED, State.RECORDED, State.UNMATCHED, State.DUPLICATE})


UNANSWERED = frozenset({State.IN_FLIGHT, State.UNKNOWN})


WAITING = frozenset({State.PENDING, State.DEFERRED})


FORBIDDEN = frozenset(
    {
        Reason.DENIED,
        Reason.NO_CONSENT,
        Reason.OBJECTION,
        Reason.WITHDRAWN,
        Reason.NO_EMAIL,
        Reason.UNUSABLE_EMAIL,
        Reason.ALREADY_A_DIGEST,
    }
)
"""The person, or the loss of the address, forbids any further sending."""
