"""What a platform says later of a request that it received, in words that hold for every platform."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from conversions.errors import DestinationError, Exit, worst


class Told(StrEnum):
    """What it says of the request as a whole."""

    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial success"
    FAILED = "failed"
    PROCESSING = "processing"
    """Not known yet: to be asked again."""
    NOT_KNOWN = "not known there"
    TOO_OLD = "too old"
    NO_ANSWER = "no answer"
    """To be asked again, though not at once."""


class Fate(StrEnum):
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


class Ruling(NamedTuple):
    """What one of a platform's reasons means."""

    fate: Fate
    wait: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Finding:
    """The events of one request that met the same reason."""

    reason: str
    """The platform's name for it, never its prose."""
    ruling: Ruling
    events: int
    positions: frozenset[int]
    """In the request, from 0; fewer than ``events`` where the platform does not say which."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One answer about one request."""

    told: Told
    code: str = ""
    """What decided where there is no verdict: status or reason."""
    events: int | None = None
    """How many events the platform counts; None where it does not say."""
    findings: tuple[Finding, ...] = ()

    def names_all(self, events: int) -> bool:
        """Whether it says of each of *events* what became of it."""
        counted = self.events in {None, events}
        located = all(len(f.positions) == f.events and f.positions <= set(range(events)) for f in self.findings)
        return counted and located and (self.told is Told.SUCCESS or bool(self.findings))

    def setup(self, events: int) -> str | None:
        """The account's reason that over half of *events* met, if one did."""
        of_account = [f for f in self.findings if f.ruling.fate is Fate.SETUP]
        most = max(of_account, key=lambda f: f.events, default=None)
        return most.reason if most and 2 * sum(f.events for f in of_account) > events else None


@dataclass(slots=True)
class Late:
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
    trouble: str | None = None
    """Why not every question was answered; nothing is lost by it."""
    ending: DestinationError | None = None
    """What stops this destination."""

    def add(self, other: "Late") -> None:
        """Take in what one more request told."""
        self.asked += other.asked
        self.moved += other.moved
        self.rejected += other.rejected
        self.counts_only += other.counts_only

    @property
    def exit_code(self) -> Exit:
        """Unmatched is normal; rejected orders are news."""
        codes = [Exit.OK]
        codes += [self.ending.exit_code] if self.ending else []
        codes += [Exit.TRY_AGAIN] if self.trouble else []
        codes += [Exit.ATTENTION] if self.rejected else []
        return worst(codes)

    def json(self) -> dict[str, object]:
        """One destination of the document."""
        return {
            "asked": self.asked,
            "open": self.open,
            "moved": {str(state): count for state, count in sorted(self.moved.items())},
            "rejected": dict(sorted(self.rejected.items())),
            "counts_only": self.counts_only,
            "trouble": self.trouble,
            "stopped": None if self.ending is None else str(self.ending),
            "exit_code": int(self.exit_code),
        }
