"""A refusal that may be some event's fault or the settings': while nothing was accepted, a few events alone decide."""

from collections import deque
from dataclasses import dataclass, field, replace

from conversions.ledger.outbox.work import PROBES, Work, halves, probes
from conversions.model.receipt import Receipt


@dataclass(slots=True)
class Doubt:
    """What one destination refused in one run without saying whose fault it is, before it accepted anything."""

    probes: deque[Work] = field(default_factory=deque)
    """To be asked next, one at a time."""
    enough: int = PROBES
    """How many of a request are asked alone, if all are refused alike."""
    alone: list[Work] = field(default_factory=list)
    """Single events that were refused."""
    whole: list[Work] = field(default_factory=list)
    """Refused together."""
    blamed: int = 0
    """Events that were refused each for itself: alone or by name, and some of them set aside before others followed."""
    reasons: set[str] = field(default_factory=set)
    """What those were refused for."""

    @property
    def open(self) -> bool:
        """Whether something waits for the decision."""
        return bool(self.alone or self.whole)

    @property
    def of_settings(self) -> bool:
        """Whether enough events were refused each for itself, all alike: nobody is to be quarantined for that."""
        return self.blamed >= PROBES and len(self.reasons) == 1 and not self.probes

    @property
    def of_events(self) -> bool:
        """Whether events were refused for different reasons: settings would spoil alike."""
        return len(self.reasons) > 1

    def covers(self, events: int, receipt: Receipt) -> bool:
        """Whether a refusal of so many *events* tells none of them from the others, and is not of too few to matter."""
        told_apart = len(receipt.culprits) not in {0, events} or len(receipt.reasons) > 1
        return not told_apart and (self.open or self.blamed + events >= PROBES)

    def refused(self, work: Work, receipt: Receipt) -> None:
        """Remember that *work* was refused; of several events a few are to be asked alone, unless each was named."""
        single = len(work.events or ()) == 1
        if single or receipt.culprits:
            (self.alone if single else self.whole).append(work)
            self.blame(len(work.events or ()), receipt)
        else:
            self.ask(work)

    def ask(self, work: Work) -> None:
        """Hold *work*, and let a few of its events be asked alone if none are yet."""
        self.whole.append(work)
        if not self.probes:
            self.probes.extend(probes(work, self.enough))

    def blame(self, events: int, receipt: Receipt) -> None:
        """Remember that so many *events* were refused each for itself."""
        self.blamed += events
        self.reasons |= receipt.reasons

    def settled(self) -> list[Work]:
        """Events are at fault: what is to be sent now, each suspect alone and the others in halves."""
        suspects = {event for work in self.alone for event in work.events or ()}
        parts = [half for work in self.whole for half in halves(_without(work, suspects))]
        works = self.alone + parts
        self.probes, self.alone, self.whole, self.blamed, self.reasons = deque(), [], [], 0, set()
        return works


def _without(work: Work, suspects: set[int]) -> Work:
    return replace(work, events=tuple(event for event in work.events or () if event not in suspects))
