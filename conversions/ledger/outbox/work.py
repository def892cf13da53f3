"""What is to be sent, what is about to be, and what follows from an answer: values, and no store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from conversions.model.receipt import Next, Receipt

MIN_PROBES = 3
"""At least so many events are asked alone where a refusal may be one event's fault or the settings'."""
MAX_UNANSWERED_TRIES = 3
"""How often a request goes without an answer before it is halved, where the platform answers others."""


class Purpose(StrEnum):
    """Why a request is made."""

    FIRST = "first"
    RETRY = "retry"
    RESEND = "resend"
    REST = "rest"
    HALF = "half"
    RESTATE = "restate"
    """Another value of an order that the platform holds; its retries and halves are restatements, too."""
    ALONE = "alone"
    """One event by itself, where the refusal of many may be its fault or the settings'."""
    PROBE = "probe"
    """A made-up event that the platform checks and does not count; nobody's, so that it is all envelope."""


@dataclass(slots=True)
class RequestTemplate:
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
class WorkItem:
    """What to send next: these events again, or (``events`` None) the next that wait."""

    purpose: Purpose
    events: tuple[int, ...] | None = None
    parent: int | None = None
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """Events that are to leave together, and the body they make."""

    work: WorkItem
    events: tuple[int, ...]
    """In the order of their positions."""
    salts: tuple[bytes, ...] = field(repr=False)
    bodies: tuple[bytes, ...] = field(repr=False)

    @property
    def again(self) -> WorkItem:
        """The same events, to be claimed later."""
        return replace(self.work, events=self.events)


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
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
    work: WorkItem


@dataclass(frozen=True, slots=True)
class Settlement:
    """What followed from an answer."""

    again: list[WorkItem]
    quarantined: int = 0


def follows(attempt: Attempt, receipt: Receipt, *, still_unknown: bool) -> list[WorkItem]:
    """What follows from the answer for the events of this request; of ``Next.PROBE`` the whole, to be split later."""
    nth = attempt.work.attempt + 1
    same = WorkItem(Purpose.RETRY, attempt.events, attempt.request, nth)
    match receipt.next:
        case Next.RETRY | Next.RETRY_ONCE:
            return [replace(same, purpose=Purpose.RESEND) if still_unknown else same]
        case Next.ISOLATE:
            return _isolated(_part(same, attempt, Purpose.HALF), receipt)
        case Next.PROBE:
            return [_part(same, attempt, Purpose.ALONE)]
        case Next.DONE | Next.STOP_CREDENTIALS | Next.STOP_REFUSED | Next.STOP_QUOTA:
            return []


def probes(whole: WorkItem, count: int) -> list[WorkItem]:
    """So many events spread over *whole*, each alone; others every night."""
    events = whole.events or ()
    step = max(len(events) // count, 1)
    chosen = events[(whole.parent or 0) % step :: step][:count]
    purpose = Purpose.RESEND if whole.purpose is Purpose.RESEND else Purpose.ALONE
    return [replace(whole, purpose=purpose, events=(event,)) for event in chosen]


def halves(whole: WorkItem) -> list[WorkItem]:
    """*whole* in two, or in one where it is a single event."""
    events = whole.events or ()
    middle = len(events) // 2
    purpose = Purpose.HALF if whole.purpose is Purpose.ALONE else whole.purpose
    return [replace(whole, purpose=purpose, events=part) for part in (events[:middle], events[middle:]) if part]


def _isolated(whole: WorkItem, receipt: Receipt) -> list[WorkItem]:
    """Without the named culprits, or in halves where none is named; a single one left is the culprit."""
    events = whole.events or ()
    named = {culprit.position for culprit in receipt.failed_items}
    if not named:
        return halves(whole) if len(events) > 1 else []
    rest = tuple(event for i, event in enumerate(events) if i not in named)
    purpose = Purpose.REST if whole.purpose is Purpose.HALF else whole.purpose
    return [replace(whole, purpose=purpose, events=rest)] if rest else []


def _part(same: WorkItem, attempt: Attempt, purpose: Purpose) -> WorkItem:
    """A part of events without an answer is without one itself."""
    return replace(same, purpose=Purpose.RESEND if attempt.work.purpose is Purpose.RESEND else purpose)
