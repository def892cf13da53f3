"""What a platform said about one request, in words that hold for every platform."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Outcome(StrEnum):
    """The four classes of an answer."""

    RECEIVED = "received"
    """Conclusive: the platform holds every event of the request."""
    REFUSED = "refused"
    """Conclusive: the platform holds none of them."""
    NOT_SENT = "not_sent"
    """No byte of the request left: free to try again."""
    UNKNOWN = "unknown"
    """Bytes may have left and no conclusive answer came."""


class Next(StrEnum):
    """What to do about it."""

    DONE = "done"
    RETRY = "retry"
    """Back off, then again; ``wait`` where the platform named a time."""
    ISOLATE = "isolate"
    """One or more events are at fault: take out the culprits, or halve where none is named."""
    PROBE = "probe"
    """Events may be at fault, or the settings: ask for a few events alone, unless it is known which."""
    RETRY_ONCE = "once more"
    """Back off, then once more; asked a second time, it stops the destination."""
    STOP_CREDENTIALS = "stop: credentials"
    STOP_REFUSED = "stop: refused"
    STOP_QUOTA = "stop: quota"


@dataclass(frozen=True, slots=True)
class FailedItem:
    """One event that the platform named as the reason of its refusal."""

    position: int
    """In the request, from 0."""
    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One answer, judged."""

    outcome: Outcome
    next: Next
    code: str
    """What decided: HTTP status, code, subcode or reason; numbers and enum names, never the platform's prose."""
    http_status: int | None = None
    reference: str | None = None
    """The platform's id of the request (Google ``requestId``, Meta ``fbtrace_id``), for support and diagnostics."""
    wait: float | None = None
    """Seconds the platform asked to wait."""
    failed_items: tuple[FailedItem, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Events that the platform took without some part of them, by its name for what it ignored or missed."""
    date: str | None = None
    """The answer's ``Date`` header."""
    ask_after: float | None = None
    """Seconds until the platform may say what became of each event; None: it never will."""

    @property
    def reasons(self) -> frozenset[str]:
        """What is said of the events at fault: of each that is named its own, else one thing of all."""
        return frozenset(self.faults(1).values())

    def faults(self, events: int) -> dict[int, str]:
        """What is said of the events at fault, by position in a request of so many: a single one need not be named."""
        named = {c.position: f"{self.code} {c.code} {c.field}".strip() for c in self.failed_items}
        return named or ({0: self.code} if events == 1 else {})
