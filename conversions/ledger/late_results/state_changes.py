"""What a late result means for the orders of its request: a pure function of the platform's diagnosis."""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from conversions.ledger.states import State
from conversions.model.conversion import Reason
from conversions.model.late_result import Diagnosis, EventOutcome, StatusDetail

SEVERITY = (
    EventOutcome.DUPLICATE,
    EventOutcome.SETUP,
    EventOutcome.CONSENT,
    EventOutcome.UNLISTED,
    EventOutcome.REJECTED,
    EventOutcome.DEFERRED,
    EventOutcome.UNMATCHED,
)
"""Order of outcomes where one event has several: an event that the platform holds comes first, then final ones."""


class StateChange(NamedTuple):
    """The new state of some events of a request."""

    state: State
    positions: frozenset[int]
    reason: Reason | None = None
    detail: str | None = None
    wait: timedelta = timedelta()


def state_changes(diagnosis: Diagnosis, events: int) -> Iterator[StateChange]:
    """Yield the state changes of a request with so many *events*; events without a result keep their state.

    Where most events failed because of the account, these events wait for a person.
    """
    setup = diagnosis.setup(events)
    unchanged = frozenset(range(events))
    for finding in sorted(diagnosis.findings, key=lambda f: SEVERITY.index(f.policy.outcome)):
        yield _state_change(finding, finding.among(events) & unchanged, setup=setup is not None)
        unchanged -= finding.among(events)
    if diagnosis.names_all(events):
        yield StateChange(State.RECORDED, unchanged)
    elif setup is not None:
        yield StateChange(State.RECEIVED, unchanged, Reason.SETUP, setup)
    elif suspect := diagnosis.suspect(events):
        yield StateChange(State.RECEIVED, unchanged, detail=suspect)


def _state_change(finding: StatusDetail, positions: frozenset[int], *, setup: bool) -> StateChange:
    match finding.policy.outcome:
        case EventOutcome.UNMATCHED:
            return StateChange(State.UNMATCHED, positions)
        case EventOutcome.DUPLICATE:
            return StateChange(State.DUPLICATE, positions)
        case EventOutcome.DEFERRED:
            return StateChange(State.DEFERRED, positions, detail=finding.reason, wait=finding.policy.wait)
        case EventOutcome.SETUP if setup:
            return StateChange(State.REJECTED, positions, Reason.SETUP, finding.reason)
        case EventOutcome.SETUP | EventOutcome.CONSENT | EventOutcome.UNLISTED | EventOutcome.REJECTED:
            return StateChange(State.REJECTED, positions, Reason.REFUSED_LATER, finding.reason)
