"""The rules of staging: from the current state in the ledger and the incoming order to a transition.

A pure function of two values; ``docs/design.md`` has the table. Every cell has a test through the command line.
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
    """An order in the ledger, at one destination."""

    state: State
    reason: str | None
    value: Money | None
    """The value of the open event, or of the last one sent."""
    fingerprint: bytes | None
    unconfirmed: bool = False
    """Refused on a resend, after an attempt without an answer: the platform may hold it."""
    other_value: bool = False
    """True if the platform may hold another value: a restatement ended without an answer."""
    detail: str | None = None
    """The platform's code of a refusal."""
    granted: bool = False
    """True if the event that the platform refused for consent contained the buyer's consent."""
    acknowledged: bool = False
    """True if a person has acknowledged the refusal."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """An order as the source has it now, for one destination: ready to send, or with a reason not to."""

    reason: Reason | None
    quarantined: bool
    due: Money
    """The value that the platform should hold; 0 where the order is not completed or fully refunded."""
    fingerprint: bytes | None
    event: bytes | None = None
    ready_at: int | None = None
    expires_at: int | None = None

    @property
    def granted(self) -> bool:
        """True if the event contains the buyer's consent."""
        return self.event is not None and GRANTED in self.event


class Transition(StrEnum):
    """What staging does with an order."""

    REPLACE = "replace"
    """Not sent yet: the incoming order replaces the current one."""
    EXPIRE = "expire"
    """The order waited and is too old now."""
    KEEP = "keep"
    """Nothing changes."""
    CHANGED = "changed"
    """Sent with another value than is due now, or perhaps with another."""
    HOLD = "hold"
    """Unanswered: the same bytes are sent again first."""
    AGAIN = "again"
    """Unanswered, then refused, now corrected: the incoming order follows the rules of unanswered orders."""
    DROP = "drop"
    """Unanswered, and sending is now forbidden."""


def next_transition(current: Current, incoming: Incoming) -> Transition:
    """Return the transition of an order that the ledger already has."""
    match current.state:
        case State.PENDING | State.DEFERRED:
            return Transition.EXPIRE if incoming.reason is Reason.TOO_OLD else Transition.REPLACE
        case State.WITHHELD if current.reason == Reason.MAYBE_RECEIVED:
            return Transition.KEEP
        case State.WITHHELD:
            return Transition.REPLACE
        case State.QUARANTINED | State.REJECTED if of_consent(current.detail):
            return _granted(current, incoming)
        case State.REJECTED if current.reason == Reason.SETUP:
            return Transition.KEEP  # the source cannot correct an account: a person decides
        case State.QUARANTINED | State.REJECTED | State.EXPIRED:
            return _corrected(current, incoming)
        case State.UNKNOWN | State.IN_FLIGHT:
            return Transition.DROP if incoming.reason in FORBIDDEN else Transition.HOLD
        case State.RECEIVED | State.RECORDED | State.UNMATCHED | State.DUPLICATE:
            return Transition.CHANGED if _value_differs(current, incoming) else Transition.KEEP
        case State.ERASED:
            return Transition.KEEP
    assert_never(current.state)


def _granted(current: Current, incoming: Incoming) -> Transition:
    """Send an order refused for consent again only with the buyer's consent: a new one, or one that a person checked.

    No other change of the row is a consent. Where the account was at fault, a person decides first.
    """
    undecided = current.reason == Reason.SETUP and not current.acknowledged
    if undecided or not incoming.granted or (current.granted and not current.acknowledged):
        return Transition.KEEP
    return Transition.AGAIN if current.unconfirmed else Transition.REPLACE


def _corrected(current: Current, incoming: Incoming) -> Transition:
    """Return the transition of a quarantined, rejected or expired order, by what changed in the source."""
    if current.state is State.QUARANTINED and current.fingerprint is None:
        return Transition.REPLACE  # our own checks quarantined it
    same = _same(current, incoming) and incoming.reason not in FORBIDDEN
    if same or incoming.reason is Reason.TOO_OLD:
        return Transition.KEEP
    if current.unconfirmed and incoming.reason not in FORBIDDEN:
        return Transition.AGAIN if incoming.reason is None else Transition.KEEP
    return Transition.DROP if current.unconfirmed else Transition.REPLACE


def _same(current: Current, incoming: Incoming) -> bool:
    return current.fingerprint == incoming.fingerprint and current.value == incoming.due


def _value_differs(current: Current, incoming: Incoming) -> bool:
    """True if the platform holds, or may hold, another value than is due, and sending is not forbidden."""
    differs = current.value is not None and (current.value != incoming.due or current.other_value)
    return differs and incoming.reason not in FORBIDDEN
