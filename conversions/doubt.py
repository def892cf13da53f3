"""A refusal that may be some event's fault or the settings': while nothing was accepted, three events alone decide."""

from collections import deque
from dataclasses import dataclass, field, replace

from conversions.ledger.attempt import PROBES, Work, halves, probes


@dataclass(slots=True)
class Doubt:
    """What one destination refused in one run without saying whose fault it is, before it accepted anything."""

    probes: deque[Work] = field(default_factory=deque)
    """To be asked next, one at a time."""
    alone: list[Work] = field(default_factory=list)
    """Single events that were refused."""
    whole: list[Work] = field(default_factory=list)
    """Refused together."""
    codes: set[str] = field(default_factory=set)
    """What the single events were refused with."""

    @property
    def open(self) -> bool:
        """Whether something waits for the decision."""
        return bool(self.alone or self.whole)

    @property
    def of_settings(self) -> bool:
        """Whether enough events were refused alone, all alike: nobody is to be quarantined for that."""
        return len(self.alone) >= PROBES and len(self.codes) == 1

    @property
    def of_events(self) -> bool:
        """Whether single events were refused for different reasons: settings would spoil all alike."""
        return len(self.codes) > 1

    def refused(self, work: Work, code: str) -> None:
        """Remember that *work* was refused; of several events three are to be asked alone, if none are yet."""
        if len(work.events or ()) == 1:
            self.alone.append(work)
            self.codes.add(code)
            return
        self.whole.append(work)
        if not self.probes:
            self.probes.extend(probes(work))

    def settled(self) -> list[Work]:
        """Events are at fault: what is to be sent now, each suspect alone and the others in halves."""
        suspects = {event for work in self.alone for event in work.events or ()}
        parts = [half for work in self.whole for half in halves(_without(work, suspects))]
        works = self.alone + parts
        self.probes, self.alone, self.whole, self.codes = deque(), [], [], set()
        return works


def _without(work: Work, suspects: set[int]) -> Work:
    return replace(work, events=tuple(event for event in work.events or () if event not in suspects))
