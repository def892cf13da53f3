"""Late results: what a platform reports later about a request that it received, in terms common to all platforms."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from conversions.errors import DestinationError, Exit, worst
from conversions.transport.not_sent import NotSent


class RequestStatus(StrEnum):
    """The platform's status of a whole request."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    PROCESSING = "processing"
    """Not known yet: the next run asks again."""
    NOT_FOUND = "not_found"
    TOO_OLD = "too_old"
    NO_ANSWER = "no_answer"
    """A later run asks again."""
    PERMISSION_DENIED = "permission_denied"
    """A later run asks again, after a person has given these credentials the permission."""


class EventOutcome(StrEnum):
    """What became of an event that the platform did not simply record."""

    UNMATCHED = "unmatched"
    """The buyer clicked no ad before: this is normal."""
    DUPLICATE = "duplicate"
    """The platform already has the event."""
    DEFERRED = "deferred"
    """Not accepted now; the run sends it again after ``ReasonPolicy.wait``."""
    REJECTED = "rejected"
    SETUP = "setup"
    """Rejected because of the account's terms or settings, not because of the order."""
    CONSENT = "consent"
    """Rejected because the buyer's consent is denied, or the platform does not know it."""
    UNLISTED = "unlisted"
    """Rejected for a reason that this program does not know yet."""


SUSPECT = frozenset({EventOutcome.SETUP, EventOutcome.CONSENT, EventOutcome.UNLISTED})
"""Outcomes that are the account's fault where most orders have them, and otherwise the order's."""


def of_consent(reason: str | None) -> bool:
    """Return whether *reason* says that a buyer's consent is missing; NO_CONSENT means the advertiser's consent."""
    return reason is not None and "CONSENT" in reason and "NO_CONSENT" not in reason


class ReasonPolicy(NamedTuple):
    """What a reason of a platform means for an event."""

    outcome: EventOutcome
    wait: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class StatusDetail:
    """The events of one request that have the same reason."""

    reason: str
    """The platform's code for the reason, never its text."""
    policy: ReasonPolicy
    events: int
    positions: frozenset[int]
    """Positions in the request, from 0; fewer than ``events`` where the platform does not name all of them."""

    def among(self, events: int) -> frozenset[int]:
        """Return the positions in a request of so many *events*: all of them where every event has the reason."""
        all_positions = frozenset(range(events))
        return all_positions if self.events == events and self.positions <= all_positions else self.positions


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The platform's answer to one status request."""

    status: RequestStatus
    code: str = ""
    """The status or reason where there is no result."""
    events: int | None = None
    """How many events the platform counts; None where it does not report it."""
    findings: tuple[StatusDetail, ...] = ()
    complete: bool = True
    """False where a part of the answer could not be read."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Events that the platform accepted without some part of them, by its code for that part."""
    not_sent: NotSent | None = None
    """Why no byte of the question left, where the network is at fault."""

    def names_all(self, events: int) -> bool:
        """Return whether the answer states the outcome of each of *events*."""
        expected, positions = frozenset(range(events)), [f.among(events) for f in self.findings]
        counted = self.complete and self.events in {None, events}
        located = all(len(p) == f.events and p <= expected for f, p in zip(self.findings, positions, strict=True))
        return counted and located and self._records_the_rest(expected, frozenset().union(*positions))

    def _records_the_rest(self, expected: frozenset[int], named: frozenset[int]) -> bool:
        """Return whether the platform recorded every event that it does not name."""
        match self.status:
            case RequestStatus.SUCCESS:
                return True
            case RequestStatus.PARTIAL_SUCCESS:
                return bool(named)
            case _:
                return named == expected

    def met(self, events: int, outcomes: frozenset[EventOutcome]) -> int:
        """Return how many of *events* have one of *outcomes*; an event may have several."""
        details = [f for f in self.findings if f.policy.outcome in outcomes]
        positions = [detail.among(events) for detail in details]
        if all(len(p) == detail.events for detail, p in zip(details, positions, strict=True)):
            return len(frozenset[int]().union(*positions))
        return min(events, sum(detail.events for detail in details))

    def suspect(self, events: int) -> str | None:
        """Return the most frequent reason that may be the account's fault, where over half of *events* have one."""
        details = [f for f in self.findings if f.policy.outcome in SUSPECT]
        most = max(details, key=lambda f: f.events, default=None)
        return most.reason if most and 2 * self.met(events, SUSPECT) > events else None

    def setup(self, events: int) -> str | None:
        """Return the most frequent reason of the account, where over half of *events* have one."""
        of_account = [f for f in self.findings if f.policy.outcome is EventOutcome.SETUP]
        most = max(of_account, key=lambda f: f.events, default=None)
        return most.reason if most and 2 * sum(f.events for f in of_account) > events else None


@dataclass(slots=True)
class LateResults:
    """The late results of the requests to one destination, as one run learned them."""

    asked: int = 0
    """How many requests the run asked about."""
    open: int = 0
    """How many requests have no result yet."""
    next_poll: datetime | None = None
    """When the first of them is due to be asked about."""
    moved: Counter[str] = field(default_factory=Counter)
    """Orders by their new state."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Rejected orders, by the platform's reason."""
    counts_only: int = 0
    """Orders of requests where the platform reports how many events failed, but not which."""
    untold: int = 0
    """Those of them with a request that failed or that the platform no longer knows: a person has to look there."""
    trouble: str | None = None
    """Why the platform did not answer every status request; nothing is lost by this."""
    denied: bool = False
    """Whether the credentials lack the permission to ask."""
    stop_reason: DestinationError | None = None
    """The error that stops this destination."""

    def add(self, other: "LateResults") -> None:
        """Add the results of one more request."""
        self.asked += other.asked
        self.moved += other.moved
        self.rejected += other.rejected
        self.counts_only += other.counts_only
        self.untold += other.untold

    @property
    def needs_a_person(self) -> bool:
        """Whether only a person can find out or correct something at the platform."""
        return self.denied or self.untold > 0

    @property
    def exit_code(self) -> Exit:
        """The exit code: unmatched orders are normal, rejected ones need a person."""
        codes = [Exit.OK]
        codes += [self.stop_reason.exit_code] if self.stop_reason else []
        codes += [Exit.TRY_AGAIN] if self.trouble and not self.denied else []
        codes += [Exit.ATTENTION] if self.rejected or self.needs_a_person else []
        return worst(codes)

    def json(self) -> dict[str, object]:
        """Return the part of the document for one destination."""
        return {
            "asked": self.asked,
            "open": self.open,
            "next_poll": None if self.next_poll is None else self.next_poll.isoformat(),
            "moved": {str(state): count for state, count in sorted(self.moved.items())},
            "rejected": dict(sorted(self.rejected.items())),
            "counts_only": self.counts_only,
            "untold": self.untold,
            "trouble": self.trouble,
            "stopped": None if self.stop_reason is None else str(self.stop_reason),
            "exit_code": int(self.exit_code),
        }
