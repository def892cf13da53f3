"""What a platform says later of a request that it received, in words that hold for every platform."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from conversions.errors import DestinationError, Exit, worst


class RequestStatus(StrEnum):
    """What it says of the request as a whole."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    PROCESSING = "processing"
    """Not known yet: to be asked again."""
    NOT_FOUND = "not_found"
    TOO_OLD = "too_old"
    NO_ANSWER = "no_answer"
    """To be asked again, though not at once."""
    PERMISSION_DENIED = "permission_denied"
    """To be asked again, once a person has let these credentials ask."""


class EventOutcome(StrEnum):
    """What became of an event that it did not simply record."""

    UNMATCHED = "unmatched"
    """No ad was clicked before: normal."""
    DUPLICATE = "duplicate"
    """Held already."""
    DEFERRED = "deferred"
    """Not taken now, and to be sent again after ``wait``."""
    REJECTED = "rejected"
    SETUP = "setup"
    """Rejected for the account's terms or settings, not for the order's sake."""
    CONSENT = "consent"
    """Rejected since the buyer's consent is denied, or not known there."""
    UNLISTED = "unlisted"
    """Rejected for a reason that is younger than this program."""


SUSPECT = frozenset({EventOutcome.SETUP, EventOutcome.CONSENT, EventOutcome.UNLISTED})
"""What is the account's where most orders meet it, and otherwise the order's."""


def of_consent(said: str | None) -> bool:
    """Whether a platform *said* that it lacks a buyer's consent. NO_CONSENT is the advertiser's own."""
    return said is not None and "CONSENT" in said and "NO_CONSENT" not in said


class ReasonPolicy(NamedTuple):
    """What one of a platform's reasons means."""

    outcome: EventOutcome
    wait: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class StatusDetail:
    """The events of one request that met the same reason."""

    reason: str
    """The platform's name for it, never its prose."""
    policy: ReasonPolicy
    events: int
    positions: frozenset[int]
    """In the request, from 0; fewer than ``events`` where the platform does not say which."""

    def among(self, events: int) -> frozenset[int]:
        """Its positions in a request of so many; where all of them met it, nobody needs to say which."""
        everywhere = frozenset(range(events))
        return everywhere if self.events == events and self.positions <= everywhere else self.positions


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One answer about one request."""

    status: RequestStatus
    code: str = ""
    """What decided where there is no verdict: status or reason."""
    events: int | None = None
    """How many events the platform counts; None where it does not say."""
    findings: tuple[StatusDetail, ...] = ()
    complete: bool = True
    """False where some of it could not be read."""
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Events that were taken without some part of them, by the platform's name for it."""

    def names_all(self, events: int) -> bool:
        """Whether it says of each of *events* what became of it."""
        everywhere, named = frozenset(range(events)), [f.among(events) for f in self.findings]
        counted = self.complete and self.events in {None, events}
        located = all(len(its) == f.events and its <= everywhere for f, its in zip(self.findings, named, strict=True))
        return counted and located and self._leaves_no_doubt(everywhere, frozenset().union(*named))

    def _leaves_no_doubt(self, everywhere: frozenset[int], named: frozenset[int]) -> bool:
        """Whether what it does not name was recorded."""
        match self.status:
            case RequestStatus.SUCCESS:
                return True
            case RequestStatus.PARTIAL_SUCCESS:
                return bool(named)
            case _:
                return named == everywhere

    def met(self, events: int, fates: frozenset[EventOutcome]) -> int:
        """How many of *events* met one of *fates*; an event may meet several."""
        found = [f for f in self.findings if f.policy.outcome in fates]
        named = [f.among(events) for f in found]
        if all(len(its) == f.events for f, its in zip(found, named, strict=True)):
            return len(frozenset[int]().union(*named))
        return min(events, sum(f.events for f in found))

    def suspect(self, events: int) -> str | None:
        """The most frequent of the reasons that may be the account's, where over half of *events* met them."""
        found = [f for f in self.findings if f.policy.outcome in SUSPECT]
        most = max(found, key=lambda f: f.events, default=None)
        return most.reason if most and 2 * self.met(events, SUSPECT) > events else None

    def setup(self, events: int) -> str | None:
        """The account's reason that over half of *events* met, if one did."""
        of_account = [f for f in self.findings if f.policy.outcome is EventOutcome.SETUP]
        most = max(of_account, key=lambda f: f.events, default=None)
        return most.reason if most and 2 * sum(f.events for f in of_account) > events else None


@dataclass(slots=True)
class LateResults:
    """What was learned at one destination when its requests were asked about."""

    asked: int = 0
    """Requests."""
    open: int = 0
    """Requests whose verdict is not known yet."""
    moved: Counter[str] = field(default_factory=Counter)
    """Orders by where they stand now."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Of them those that were rejected, by the platform's reason."""
    counts_only: int = 0
    """Orders of requests of which the platform says how many failed, but not which."""
    untold: int = 0
    """Of them those whose request failed, or is not known there any more: a person looks there."""
    trouble: str | None = None
    """Why not every question was answered; nothing is lost by it."""
    denied: bool = False
    """Whether that is for a person to mend."""
    ending: DestinationError | None = None
    """What stops this destination."""

    def add(self, other: "LateResults") -> None:
        """Take in what one more request told."""
        self.asked += other.asked
        self.moved += other.moved
        self.rejected += other.rejected
        self.counts_only += other.counts_only
        self.untold += other.untold

    @property
    def for_a_person(self) -> bool:
        """Whether the platform leaves something open that only a person can find out, or mend."""
        return self.denied or self.untold > 0

    @property
    def exit_code(self) -> Exit:
        """Unmatched is normal; rejected orders are news."""
        codes = [Exit.OK]
        codes += [self.ending.exit_code] if self.ending else []
        codes += [Exit.TRY_AGAIN] if self.trouble and not self.denied else []
        codes += [Exit.ATTENTION] if self.rejected or self.for_a_person else []
        return worst(codes)

    def json(self) -> dict[str, object]:
        """One destination of the document."""
        return {
            "asked": self.asked,
            "open": self.open,
            "moved": {str(state): count for state, count in sorted(self.moved.items())},
            "rejected": dict(sorted(self.rejected.items())),
            "counts_only": self.counts_only,
            "untold": self.untold,
            "trouble": self.trouble,
            "stopped": None if self.ending is None else str(self.ending),
            "exit_code": int(self.exit_code),
        }
