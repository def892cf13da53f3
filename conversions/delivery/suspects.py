"""The suspects of an ambiguous refusal: while nothing was accepted, probes decide between events and settings."""

from collections import deque
from dataclasses import dataclass, field, replace

from conversions.ledger.outbox import MIN_PROBES, WorkItem, halves, probes
from conversions.model.receipt import Receipt


@dataclass(slots=True)
class SuspectSet:
    """Events that one destination refused in one run without a clear reason, before it accepted any."""

    probes: deque[WorkItem] = field(default_factory=deque)
    """Single events to send next, one at a time."""
    probes_needed: int = MIN_PROBES
    """How many probes of one batch decide, if the platform refuses all of them for the same reason."""
    single: list[WorkItem] = field(default_factory=list)
    """Single events that were refused."""
    batches: list[WorkItem] = field(default_factory=list)
    """Batches that were refused as a whole."""
    failed: int = 0
    """How many events were refused alone or by name, including those in quarantine."""
    reasons: set[str] = field(default_factory=set)
    """The reasons of those refusals."""

    @property
    def open(self) -> bool:
        """Whether suspects wait for the decision."""
        return bool(self.single or self.batches)

    @property
    def blames_settings(self) -> bool:
        """Whether enough single events were refused for one reason: then the settings are at fault, and no event."""
        return self.failed >= MIN_PROBES and len(self.reasons) == 1 and not self.probes

    @property
    def blames_events(self) -> bool:
        """Whether events were refused for different reasons: wrong settings would give one reason."""
        return len(self.reasons) > 1

    def covers(self, events: int, receipt: Receipt) -> bool:
        """Return whether the refusal names no single event, and enough events were refused to decide."""
        distinguished = len(receipt.failed_items) not in {0, events} or len(receipt.reasons) > 1
        return not distinguished and (self.open or self.failed + events >= MIN_PROBES)

    def add_refused(self, work: WorkItem, receipt: Receipt) -> None:
        """Add refused *work*; a batch gets probes, unless the platform named each of its events."""
        single = len(work.events or ()) == 1
        if single or receipt.failed_items:
            (self.single if single else self.batches).append(work)
            self.count_refused(len(work.events or ()), receipt)
        else:
            self.add_unclear(work)

    def add_unclear(self, work: WorkItem) -> None:
        """Add a batch without a named event, and choose probes of it if there are none yet."""
        self.batches.append(work)
        if not self.probes:
            self.probes.extend(probes(work, self.probes_needed))

    def count_refused(self, events: int, receipt: Receipt) -> None:
        """Count so many *events* that were refused alone or by name."""
        self.failed += events
        self.reasons |= receipt.reasons

    def release(self) -> list[WorkItem]:
        """Return the work that finds the events at fault: each suspect alone, the others in halves."""
        suspects = {event for work in self.single for event in work.events or ()}
        parts = [half for work in self.batches for half in halves(_without(work, suspects))]
        works = self.single + parts
        self.probes, self.single, self.batches, self.failed, self.reasons = deque(), [], [], 0, set()
        return works


def _without(work: WorkItem, suspects: set[int]) -> WorkItem:
    return replace(work, events=tuple(event for event in work.events or () if event not in suspects))
