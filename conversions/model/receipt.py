"""The answer of a platform to one request, in terms common to all platforms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conversions.transport.not_sent import NotSent


class Outcome(StrEnum):
    """The four classes of an answer."""

    RECEIVED = "received"
    """Conclusive: the platform has every event of the request."""
    REFUSED = "refused"
    """Conclusive: the platform has none of the events."""
    NOT_SENT = "not_sent"
    """No byte of the request left: it can be sent again."""
    UNKNOWN = "unknown"
    """Bytes may have left, and no conclusive answer came."""


class Next(StrEnum):
    """What the queue does next."""

    DONE = "done"
    RETRY = "retry"
    """Back off, then send again; ``wait`` has the time if the platform names one."""
    ISOLATE = "isolate"
    """Some events are at fault: take out the named ones, or halve the batch where none is named."""
    PROBE = "probe"
    """Events or the settings may be at fault: send a few events alone, unless it is known which."""
    RETRY_ONCE = "once more"
    """Back off, then send once more; the same answer again stops the destination."""
    STOP_CREDENTIALS = "stop: credentials"
    STOP_REFUSED = "stop: refused"
    STOP_QUOTA = "stop: quota"


@dataclass(frozen=True, slots=True)
class FailedItem:
    """One event that the platform names as a cause of its refusal."""

    position: int
    """Position in the request, from 0."""
    code: str
    field: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """One classified answer."""

    outcome: Outcome
    next: Next
    code: str
    """The cause: HTTP status, code, subcode or reason; numbers and enum names, never the platform's text."""
    http_status: int | None = None
    reference: str | None = None
    """The platform's id of the request (Google ``requestId``, Meta ``fbtrace_id``), for support and diagnostics."""
    wait: float | None = None
    """Seconds that the platform asks to wait."""
    failed_items: tuple[FailedItem, ...] = ()
    warnings: Mapping[str, int] = field(default_factory=dict)
    """Events that the platform accepted without some part of them, by its code for that part."""
    date: str | None = None
    """The ``Date`` header of the answer."""
    ask_after: float | None = None
    """Seconds until the platform may report what became of each event; None: it never reports it."""

    not_sent: NotSent | None = None
    """Why no byte left, where the network is at fault."""

    @property
    def reasons(self) -> frozenset[str]:
        """The causes of the refusal: one for each named event, or else one for all."""
        return frozenset(self.faults(1).values())

    def faults(self, events: int) -> dict[int, str]:
        """Return the cause for each event at fault, by its position; a single event is at fault without being named."""
        named = {c.position: f"{self.code} {c.code} {c.field}".strip() for c in self.failed_items}
        return named or ({0: self.code} if events == 1 else {})
