"""What the source says now x what the ledger holds: the rules by which an order is staged (design §3).

Pure: two values in, one step out. Every cell has a test through the command line.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from conversions.disclosure.schema import GRANTED
from conversions.ledger.states import FORBIDDEN, State
from conversions.model.conversion import Money, Reason
from conversions.model.late_result import of_consent


@dataclass(frozen=True, slots=True)
class Current:
    """What the ledger holds."""

    state: State
    reason: str | None
    value: Money | None
    """Of the event that is open or was sent last."""
    fingerprint: bytes | None
    unconfirmed: bool = False
    """Refused when it was sent again, after an attempt that nobody answered: the platform may hold it all the same."""
    other_value: bool = False
    """Whether the platform may hold another value: a restatement of it ended without an answer."""
    detail: str | None = None
    """What the platform said of a refusal."""
    granted: bool = False
    """Whether the event that it refused for consent told it of the buyer's grant."""
    acknowledged: bool = False
    """Whether a person has taken note of it since."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """What the source says, as one destination would see it: ready to send, or a reason not to."""

    reason: Reason | None
    quarantined: bool
    due: Money
    """What the platform should hold; 0 where the order is not completed or fully refunded."""
    fingerprint: bytes | None
    event: bytes | None = None
    wire_id: str | None = None
    ready_at: int | None = None
    expires_at: int | None = None

    @property
    def granted(self) -> bool:
        """Whether it tells the platform of the buyer's grant."""
        return self.event is not None and GRANTED in self.event


class Transition(StrEnum):
    """What staging does."""

    REPLACE = "replace"
    """Not sent yet: what the source says now takes the place of what it said before."""
    EXPIRE = "expire"
    """It waited and is now too old."""
    KEEP = "keep"
    """Nothing changes."""
    CHANGED = "changed"
    """Sent with another value than is due now, or perhaps."""
    HOLD = "hold"
    """Unanswered: the old bytes are sent again first."""
    AGAIN = "again"
    """Unanswered once, refused then, corrected now: what the source says goes by the rules of the unanswered."""
    DROP = "drop"
    """Unanswered, and it may no longer be sent."""


def decide(known: Current, draft: Incoming) -> Transition:
    """The step for an order that the ledger already knows."""
    match known.state:
        case State.PENDING | State.DEFERRED:
            return Transition.EXPIRE if draft.reason is Reason.TOO_OLD else Transition.REPLACE
        case State.WITHHELD if known.reason == Reason.MAYBE_RECEIVED:
            return Transition.KEEP
        case State.WITHHELD:
            return Transition.REPLACE
        case State.QUARANTINED | State.REJECTED if of_consent(known.detail):
            return _granted(known, draft)
        case State.REJECTED if known.reason == Reason.SETUP:
            return Transition.KEEP  # no row mends an account: a person decides
        case State.QUARANTINED | State.REJECTED | State.EXPIRED:
            return _corrected(known, draft)
        case State.UNKNOWN | State.IN_FLIGHT:
            return Transition.DROP if draft.reason in FORBIDDEN else Transition.HOLD
        case State.RECEIVED | State.RECORDED | State.UNMATCHED | State.DUPLICATE:
            return Transition.CHANGED if _value_differs(known, draft) else Transition.KEEP
        case State.ERASED:
            return Transition.KEEP
    assert_never(known.state)


def _granted(known: Current, draft: Incoming) -> Transition:
    """Refused for consent, it goes again with its buyer's grant only: one that is new, or that a person has looked at.

    No other change of the row is a grant, and where it was the account's fault a person decides first.
    """
    waits = known.reason == Reason.SETUP and not known.acknowledged
    if waits or not draft.granted or (known.granted and not known.acknowledged):
        return Transition.KEEP
    return Transition.AGAIN if known.unconfirmed else Transition.REPLACE


def _corrected(known: Current, draft: Incoming) -> Transition:
    """Whether the source says something else of what was set aside."""
    if known.state is State.QUARANTINED and known.fingerprint is None:
        return Transition.REPLACE  # it never passed our own checks
    same = _same(known, draft) and draft.reason not in FORBIDDEN
    if same or draft.reason is Reason.TOO_OLD:
        return Transition.KEEP
    if known.unconfirmed and draft.reason not in FORBIDDEN:
        return Transition.AGAIN if draft.reason is None else Transition.KEEP
    return Transition.DROP if known.unconfirmed else Transition.REPLACE


def _same(known: Current, draft: Incoming) -> bool:
    return known.fingerprint == draft.fingerprint and known.value == draft.due


def _value_differs(known: Current, draft: Incoming) -> bool:
    """Whether the platform holds, or may hold, another value than is due; never for whom sending is forbidden now."""
    differs = known.value is not None and (known.value != draft.due or known.other_value)
    return differs and draft.reason not in FORBIDDEN
