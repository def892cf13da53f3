"""A refusal that may be some event's fault or the settings': while nothing was accepted, a few events alone decide."""

from collections import deque
from dataclasses import dataclass, field, replace

from conversions.ledger.outbox.work import MIN_PROBES, WorkItem, halves, probes
from conversions.model.receipt import Receipt


@dataclass(slots=True)
class SuspectSet:
    """What one destination refused in one run without saying whose fault it is, before it accepted anything."""

    probes: deque[WorkItem] = field(default_factory=deque)
    """To be asked next, one at a time."""
    conclusive: int = MIN_PROBES
    """How many of a request are asked alone, if all are refused alike."""
    single: list[WorkItem] = field(default_factory=list)
    """Single events that were refused."""
    whole_batch: list[WorkItem] = field(default_factory=list)
    """Refused together."""
    failed: int = 0
    """Events that were refused each for itself: alone or by name, and some of them set aside before others followed."""
    reasons: set[str] = field(default_factory=set)
    """What those were refused for."""

    @property
    def open(self) -> bool:
        """Whether something waits for the decision."""
        return bool(self.single or self.whole_batch)

    @property
    def of_settings(self) -> bool:
        """Whether enough events were refused each for itself, all alike: nobody is to be quarantined for that."""
        return self.failed >= MIN_PROBES and len(self.reasons) == 1 and not self.probes

    @property
    def of_events(self) -> bool:
        """Whether events were refused for different reasons: settings would spoil alike."""
        return len(self.reasons) > 1

    def covers(self, events: int, receipt: Receipt) -> bool:
        """Whether a refusal of so many *events* tells none of them from the others, and is not of too few to matter."""
        told_apart = len(receipt.failed_items) not in {0, events} or len(receipt.reasons) > 1
        return not told_apart and (self.open or self.failed + events >= MIN_PROBES)

    def refused(self, work: WorkItem, receipt: Receipt) -> None:
        """Remember that *work* was refused; of several events a few are to be asked alone, unless each was named."""
        single = len(work.events or ()) == 1
        if single or receipt.failed_items:
            (self.single if single else self.whole_batch).append(work)
            self.blame(len(work.events or ()), receipt)
        else:
            self.ask(work)

    def ask(self, work: WorkItem) -> None:
        """Hold *work*, and let a few of its events be asked alone if none are yet."""
        self.whole_batch.append(work)
        if not self.probes:
            self.probes.extend(probes(work, self.conclusive))

    def blame(self, events: int, receipt: Receipt) -> None:
        """Remember that so many *events* were refused each for itself."""
        self.failed += events
        self.reasons |= receipt.reasons

    def settled(self) -> list[WorkItem]:
        """Events are at fault: what is to be sent now, each suspect alone and the others in halves."""
        suspects = {event for work in self.single for event in work.events or ()}
        parts = [half for work in self.whole_batch for half in halves(_without(work, suspects))]
        works = self.single + parts
        self.probes, self.single, self.whole_batch, self.failed, self.reasons = deque(), [], [], 0, set()
        return works


def _without(work: WorkItem, suspects: set[int]) -> WorkItem:
    return replace(work, events=tuple(event for event in work.events or () if event not in suspects))
