"""Whose fault a refusal is, some events' or the settings', and what it costs one run to find out."""

from dataclasses import dataclass, field, replace

from conversions.delivery.suspects import SuspectSet
from conversions.ledger.outbox import Settlement, WorkItem
from conversions.ledger.outbox.work import MIN_PROBES
from conversions.model.receipt import Next, Receipt

PROBES_FOR_EVENT_ERRORS = 16
"""Events that are asked alone before settings are found at fault for what is an event's by its code."""


@dataclass(slots=True)
class FaultIsolation:
    """What was refused so far, and what is known of the settings by it."""

    suspects: SuspectSet = field(default_factory=SuspectSet)
    accepted: bool = False
    """Whether the platform took anything in this run."""
    settings_ok: bool = False
    """Whether the settings are right: a refusal that may be an event's fault is one's."""
    settings_at_fault: bool = False
    """Whether the settings are wrong: whom this run has set aside is to wait with the others."""
    refused: int = 0
    """Orders that the platform refused in this run."""
    requests: int = 0
    """What the search has taken, or is about to."""
    consecutive_refusals: int = 0
    """Refusals that were followed up, since the platform last accepted something."""

    def classify(self, receipt: Receipt, events: int) -> Receipt:
        """What *receipt* of a request of so many *events* means after all that was refused or accepted before."""
        if receipt.next is Next.PROBE and self.settings_ok:
            return replace(receipt, next=Next.ISOLATE)
        if receipt.next is Next.ISOLATE and not self.settings_ok and self.suspects.covers(events, receipt):
            self.suspects.conclusive = PROBES_FOR_EVENT_ERRORS
            return replace(receipt, next=Next.PROBE)
        return receipt

    def isolate(self, settled: Settlement, receipt: Receipt) -> list[WorkItem]:
        """What to go on with after events were found at fault, or a half of them.

        Where one is named after the other and nothing accepted, some of the rest are asked alone instead.
        """
        self._count(settled, receipt)
        if not self.settings_ok and settled.quarantined:
            self.suspects.blame(settled.quarantined, receipt)
            if any(work.attempt > MIN_PROBES for work in settled.again):
                for work in settled.again:
                    self.suspects.ask(work)
                return []
        return self._decided() + settled.again

    def probe(self, settled: Settlement, receipt: Receipt, *, asked_new: bool) -> list[WorkItem]:
        """What to go on with after a refusal that may be the settings' fault; that it is, only new orders show."""
        self._count(settled, receipt)
        for work in settled.again:
            self.suspects.refused(work, receipt)
        decided = self._decided()
        self.settings_at_fault |= self.suspects.of_settings and asked_new
        return decided

    def accept(self) -> list[WorkItem]:
        """The settings are right: what to go on with now."""
        self.accepted, self.consecutive_refusals = True, 0
        return self._trust()

    def _count(self, settled: Settlement, receipt: Receipt) -> None:
        """What it costs; names that leave a rest are what the culprits need, where others are accepted."""
        self.refused += settled.quarantined
        self.requests += len(settled.again)
        if not (self.accepted and receipt.failed_items and settled.again):
            self.consecutive_refusals += 1

    def _decided(self) -> list[WorkItem]:
        return self._trust() if self.suspects.of_events else []

    def _trust(self) -> list[WorkItem]:
        """Whatever was in doubt is some event's fault, and is sent until it is known whose."""
        self.settings_ok = True
        return self.suspects.settled()
