"""The transitions as a pure function of the current and the incoming order; see ``docs/design.md``."""

import pytest

from conversions.ledger.staging.transitions import Current, Transition, next_transition
from conversions.ledger.states import FORBIDDEN, SENT, UNANSWERED, WAITING, State
from conversions.model.conversion import QUARANTINES, Money, Reason
from tests.ledger.builders import FREE, PRICE, against, draft

SAID = {
    "the same": draft("1"),
    "dearer": draft("1", due=Money(9990, "DKK", 2)),
    "in another currency": draft("1", due=Money(4990, "SEK", 2)),
    "moved": draft("1", fingerprint=b"\x00another"),
    "refunded": against(Reason.AMOUNT_NOT_ABOVE_ZERO, due=FREE),
    "cancelled": against(Reason.NOT_COMPLETED, due=FREE),
    "forbidden": against(Reason.DENIED),
    "too old": against(Reason.TOO_OLD),
    "unfit": against(Reason.TOO_MANY_DECIMALS, quarantined=True),
    "before start": against(Reason.BEFORE_START),
}
"""Incoming versions of an order with the former value PRICE."""

HELD = {state.value: Current(state, None, PRICE, draft("1").fingerprint) for state in State} | {
    "withheld, maybe received": Current(State.WITHHELD, Reason.MAYBE_RECEIVED, PRICE, draft("1").fingerprint),
    "quarantined by our own checks": Current(State.QUARANTINED, Reason.TOO_MANY_DECIMALS, None, None),
    "refused_by_platform": Current(State.QUARANTINED, Reason.REFUSED_BY_PLATFORM, PRICE, draft("1").fingerprint),
    "refused when sent again": Current(
        State.QUARANTINED, Reason.REFUSED_BY_PLATFORM, PRICE, draft("1").fingerprint, unconfirmed=True
    ),
}

REPLACE, EXPIRE, KEEP, CHANGED, HOLD, AGAIN, DROP = Transition
WAITS = dict.fromkeys(SAID, REPLACE) | {"too old": EXPIRE}
UNANSWERED_ROW = dict.fromkeys(SAID, HOLD) | {"forbidden": DROP}
SENT_ROW = dict.fromkeys(SAID, KEEP) | dict.fromkeys(
    ("dearer", "in another currency", "refunded", "cancelled"), CHANGED
)
REFUSED_ROW = dict.fromkeys(SAID, REPLACE) | dict.fromkeys(("the same", "too old"), KEEP)
MATRIX = {
    "pending": WAITS,
    "deferred": WAITS,
    "in_flight": UNANSWERED_ROW,
    "unknown": UNANSWERED_ROW,
    "received": SENT_ROW,
    "recorded": SENT_ROW,
    "unmatched": SENT_ROW,
    "duplicate": SENT_ROW,
    "withheld": dict.fromkeys(SAID, REPLACE),
    "withheld, maybe received": dict.fromkeys(SAID, KEEP),
    "quarantined": REFUSED_ROW,
    "quarantined by our own checks": dict.fromkeys(SAID, REPLACE),
    "refused_by_platform": REFUSED_ROW,
    "refused when sent again": dict.fromkeys(SAID, KEEP)
    | dict.fromkeys(("dearer", "in another currency", "moved"), AGAIN)
    | {"forbidden": DROP},
    "rejected": REFUSED_ROW,
    "expired": REFUSED_ROW,
    "erased": dict.fromkeys(SAID, KEEP),
}


@pytest.mark.parametrize("held", HELD)
@pytest.mark.parametrize("said", SAID)
def test_step(held: str, said: str) -> None:
    assert next_transition(HELD[held], SAID[said]) is MATRIX[held][said]


def test_every_state_has_a_row() -> None:
    assert {known.state for known in HELD.values()} == set(State)
    assert set(MATRIX) == set(HELD)


@pytest.mark.parametrize("reason", sorted(FORBIDDEN))
def test_a_forbidden_order_is_neither_resent_nor_restated(reason: Reason) -> None:
    denied = against(reason, due=Money(1, "DKK", 2))

    assert next_transition(HELD["unknown"], denied) is DROP
    assert next_transition(HELD["received"], denied) is KEEP


@pytest.mark.parametrize("reason", sorted(set(Reason) - FORBIDDEN))
def test_nothing_else_lets_an_unanswered_order_go(reason: Reason) -> None:
    assert next_transition(HELD["unknown"], against(reason, quarantined=reason in QUARANTINES)) is HOLD


@pytest.mark.parametrize("state", sorted(SENT))
def test_a_sent_order_is_never_sent_anew(state: State) -> None:
    assert {next_transition(Current(state, None, PRICE, None), said) for said in SAID.values()} <= {KEEP, CHANGED}


@pytest.mark.parametrize("state", sorted(SENT))
def test_what_was_sent_before_values_were_kept_owes_nothing(state: State) -> None:
    assert next_transition(Current(state, None, None, None), draft("1")) is KEEP


def test_no_state_is_both_sent_and_open() -> None:
    assert not SENT & UNANSWERED
    assert not SENT & WAITING
    assert not UNANSWERED & WAITING
