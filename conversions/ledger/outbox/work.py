"""Values of the outbox: work items, batches, attempts and settlements; no access to the store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from conversions.ledger.batches.form import Form, leaf_value
from conversions.model.receipt import Next, Receipt

MIN_PROBES = 3
"""Events sent alone, at least, to find out whether an event or the settings caused a refusal."""
MAX_UNANSWERED_TRIES = 3
"""Attempts without an answer before a request is split in half, where the platform answers other requests."""


class Purpose(StrEnum):
    """Why a request is made."""

    FIRST = "first"
    RETRY = "retry"
    RESEND = "resend"
    REST = "rest"
    HALF = "half"
    RESTATE = "restate"
    """A changed value of an order that the platform holds; its retries and halves are restatements, too."""
    ALONE = "alone"
    """One event by itself, to isolate the cause of a refusal."""
    PROBE = "probe"
    """A sample event that the platform checks and does not count; its whole body is the envelope."""


@dataclass(slots=True)
class RequestTemplate:
    """One destination in one run: what its requests share, and the last order claimed."""

    destination_id: int
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
    """The gate: takes the finished body and its number of events, returns the paths in it; raises DisclosureError."""
    route: str | None = None
    """JSON: proxy, and digest of the authorities in addition to the usual ones; None: directly."""
    last_claimed: Counter[Purpose] = field(default_factory=Counter)
    """The last place claimed for each purpose (of a resend, the last delivery): claims are in the order of keys."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """What to send next: these events again, or (``events`` None) the next pending ones."""

    purpose: Purpose
    events: tuple[int, ...] | None = None
    parent: int | None = None
    attempt: int = 1


class ClaimedEvent(NamedTuple):
    """An event of a request: where it is, its bytes, and what its commitment needs."""

    id: int
    place: int
    form: Form
    salts: bytes
    body: bytes
    link: bytes

    @property
    def leaf_value(self) -> bytes:
        """What the log has instead of the event."""
        return leaf_value(self.form, self.salts, self.body, self.link)


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """Events of one request, in the order of the wire."""

    work: WorkItem
    claimed: tuple[ClaimedEvent, ...] = field(repr=False)

    @property
    def events(self) -> tuple[int, ...]:
        """The events' keys."""
        return tuple(event.id for event in self.claimed)

    @property
    def again(self) -> WorkItem:
        """The same events as a work item, to claim them later."""
        return replace(self.work, events=self.events)


@dataclass(frozen=True, slots=True)
class ValidatedBatch:
    """A finished body that has passed the gate, and what the log stores of it."""

    body: bytes = field(repr=False)
    paths: tuple[str, ...]
    commitments: str
    """Merkle root over the events' leaf values, 64 lower-case hex characters."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One request that is about to be committed."""

    batch: ClaimedBatch
    validated: ValidatedBatch
    at_us: int
    """Microseconds UTC, the same that its orders get as their attempt."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """A committed intent: exactly these bytes may now be sent, once."""

    request: int
    body: bytes = field(repr=False)
    events: tuple[int, ...]
    """In the order of their positions."""
    work: WorkItem


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an answer leads to: work to send again, and how many events were quarantined."""

    again: list[WorkItem]
    quarantined: int = 0


def follow_up_work(attempt: Attempt, receipt: Receipt, *, still_unknown: bool) -> list[WorkItem]:
    """Return what to send after this answer; for ``Next.PROBE`` all events in one item, which is split later."""
    same = WorkItem(Purpose.RETRY, attempt.events, attempt.request, attempt.work.attempt + 1)
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
    """Choose *count* events spread over *whole*, each as its own item; every run chooses others."""
    events = whole.events or ()
    step = max(len(events) // count, 1)
    chosen = events[(whole.parent or 0) % step :: step][:count]
    purpose = Purpose.RESEND if whole.purpose is Purpose.RESEND else Purpose.ALONE
    return [replace(whole, purpose=purpose, events=(event,)) for event in chosen]


def halves(whole: WorkItem) -> list[WorkItem]:
    """Split *whole* in two; a single event stays one item."""
    events = whole.events or ()
    middle = len(events) // 2
    purpose = Purpose.HALF if whole.purpose is Purpose.ALONE else whole.purpose
    return [replace(whole, purpose=purpose, events=part) for part in (events[:middle], events[middle:]) if part]


def _isolated(whole: WorkItem, receipt: Receipt) -> list[WorkItem]:
    """Leave out the failed items, or split in half where none is named; a single event is itself at fault."""
    events = whole.events or ()
    failed = {item.position for item in receipt.failed_items}
    if not failed:
        return halves(whole) if len(events) > 1 else []
    rest = tuple(event for i, event in enumerate(events) if i not in failed)
    purpose = Purpose.REST if whole.purpose is Purpose.HALF else whole.purpose
    return [replace(whole, purpose=purpose, events=rest)] if rest else []


def _part(same: WorkItem, attempt: Attempt, purpose: Purpose) -> WorkItem:
    """Return the item with its *purpose*; a part of a resend stays a resend."""
    return replace(same, purpose=Purpose.RESEND if attempt.work.purpose is Purpose.RESEND else purpose)
