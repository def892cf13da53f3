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
class Known:
    """What the ledger holds."""

    state: State
    reason: str | None
    value: Money | None
    """Of the event that is open or was sent last."""
    fingerprint: bytes | None
    doubted: bool = False
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
class Draft:
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


class Step(StrEnum):
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


def judge(known: Known, draft: Draft) -> Step:
    """The step for an order that the ledger already knows."""
    match known.state:
        case State.PENDING | State.DEFERRED:
            return Step.EXPIRE if draft.reason is Reason.TOO_OLD else Step.REPLACE
        case State.WITHHELD if known.reason == Reason.MAYBE_RECEIVED:
            return Step.KEEP
        case State.WITHHELD:
            return Step.REPLACE
        case State.QUARANTINED | State.REJECTED if of_consent(known.detail):
            return _granted(known, draft)
        case State.REJECTED if known.reason == Reason.SETUP:
            return Step.KEEP  # no row mends an account: a person decides
        case State.QUARANTINED | State.REJECTED | State.EXPIRED:
            return _mended(known, draft)
        case State.UNKNOWN | State.IN_FLIGHT:
            return Step.DROP if draft.reason in FORBIDDEN else Step.HOLD
        case State.RECEIVED | State.RECORDED | State.UNMATCHED | State.DUPLICATE:
            return Step.CHANGED if _owes(known, draft) else Step.KEEP
        case State.ERASED:
            return Step.KEEP
    assert_never(known.state)


def _granted(known: Known, draft: Draft) -> Step:
    """Refused for consent, it goes again with its buyer's grant only: one that is new, or that a person has looked at.

    No other change of the row is a grant, and where it was the account's fault a person decides first.
    """
    waits = known.reason == Reason.SETUP and not known.acknowledged
    if waits or not draft.granted or (known.granted and not known.acknowledged):
        return Step.KEEP
    return Step.AGAIN if known.doubted else Step.REPLACE


def _mended(known: Known, draft: Draft) -> Step:
    """Whether the source says something else of what was set aside."""
    if known.state is State.QUARANTINED and known.fingerprint is None:
        return Step.REPLACE  # it never passed our own checks
    same = _same(known, draft) and draft.reason not in FORBIDDEN
    if same or draft.reason is Reason.TOO_OLD:
        return Step.KEEP
    if known.doubted and draft.reason not in FORBIDDEN:
        return Step.AGAIN if draft.reason is None else Step.KEEP
    return Step.DROP if known.doubted else Step.REPLACE


def _same(known: Known, draft: Draft) -> bool:
    return known.fingerprint == draft.fingerprint and known.value == draft.due


def _owes(known: Known, draft: Draft) -> bool:
    """Whether the platform holds, or may hold, another value than is due; never for whom sending is forbidden now."""
    differs = known.value is not None and (known.value != draft.due or known.other_value)
    return differs and draft.reason not in FORBIDDEN
