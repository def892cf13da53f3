"""What is to be sent, what is about to be, and what follows from an answer: values, and no store."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conversions.receipt import Next, Receipt


class Purpose(StrEnum):
    """Why a request is made."""

    FIRST = "first"
    RETRY = "retry"
    RESEND = "resend"
    REST = "rest"
    HALF = "half"


@dataclass(slots=True)
class Outbox:
    """One destination in one run: what its requests share, and how far its orders have been claimed."""

    destination: int
    name: str
    recipient: str
    url: str
    headers: str
    prefix: bytes
    suffix: bytes
    rules: str
    max_events: int
    max_bytes: int
    resend_us: int
    check: Callable[[bytes, int], tuple[str, ...]]
    """The gate: the finished body in, the paths in it out; raises DisclosureError."""
    claimed: Counter[Purpose] = field(default_factory=Counter)
    """The last delivery claimed for each purpose: they are claimed in the order of their keys."""


@dataclass(frozen=True, slots=True)
class Work:
    """What to send next: these events again, or (``events`` None) the next that wait."""

    purpose: Purpose
    events: tuple[int, ...] | None = None
    parent: int | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Claim:
    """Events that are to leave together, and the body they make."""

    work: Work
    events: tuple[int, ...]
    """In the order of their positions."""
    salts: tuple[bytes, ...] = field(repr=False)
    bodies: tuple[bytes, ...] = field(repr=False)

    @property
    def again(self) -> Work:
        """The same events, to be claimed later."""
        return replace(self.work, events=self.events)


@dataclass(frozen=True, slots=True)
class Examined:
    """What the gate says of a claim's finished body, and what the log is to hold of it."""

    body: bytes = field(repr=False)
    paths: tuple[str, ...]
    commitments: str
    """Merkle root over one salted commitment per event, 64 hex."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An intent on disk: exactly these bytes may now leave, once."""

    request: int
    body: bytes = field(repr=False)
    events: tuple[int, ...]
    """In the order of their positions."""
    work: Work


@dataclass(frozen=True, slots=True)
class Settled:
    """What followed from an answer."""

    again: list[Work]
    quarantined: int = 0


def follows(attempt: Attempt, receipt: Receipt, *, still_unknown: bool) -> list[Work]:
    """What follows from the answer for the events of this request."""
    nth = attempt.work.attempt + 1
    same = Work(Purpose.RETRY, attempt.events, attempt.request, nth)
    match receipt.next:
        case Next.RETRY:
            return [replace(same, purpose=Purpose.RESEND) if still_unknown else same]
        case Next.ISOLATE:
            return _isolated(attempt, receipt, same)
        case Next.DONE | Next.STOP_CREDENTIALS | Next.STOP_REFUSED | Next.STOP_FOR_TODAY:
            return []


def _isolated(attempt: Attempt, receipt: Receipt, same: Work) -> list[Work]:
    """Without the named culprits, or in halves where none is named; a single one left is the culprit."""
    resend = attempt.work.purpose is Purpose.RESEND
    named = {culprit.position for culprit in receipt.culprits}
    if named:
        rest = tuple(e for i, e in enumerate(attempt.events) if i not in named)
        parts: Iterable[tuple[Purpose, tuple[int, ...]]] = [(Purpose.REST, rest)]
    else:
        middle = len(attempt.events) // 2
        parts = [(Purpose.HALF, attempt.events[:middle]), (Purpose.HALF, attempt.events[middle:])]
        parts = parts if len(attempt.events) > 1 else []
    return [replace(same, purpose=Purpose.RESEND if resend else p, events=e) for p, e in parts if e]
