"""Fault isolation: find out whether some events or the settings cause a refusal, and count the requests for it."""

from dataclasses import dataclass, field, replace

from conversions.delivery.suspects import SuspectSet
from conversions.ledger.outbox import MIN_PROBES, Settlement, WorkItem
from conversions.model.receipt import Next, Receipt

PROBES_FOR_EVENT_ERRORS = 16
"""Single events that must be refused before the settings are at fault, where the code blames an event."""


@dataclass(slots=True)
class FaultIsolation:
    """The refusals of one queue so far, and what they prove about the settings."""

    suspects: SuspectSet = field(default_factory=SuspectSet)
    accepted: bool = False
    """Whether the platform accepted an event in this run."""
    settings_ok: bool = False
    """Whether the settings are right, so that an ambiguous refusal is the fault of an event."""
    settings_at_fault: bool = False
    """Whether the settings are wrong, so that this run's quarantined orders return to pending."""
    refused: int = 0
    """Orders that the platform refused in this run."""
    requests: int = 0
    """Requests that the isolation has sent or will send."""
    consecutive_refusals: int = 0
    """Refusals since the platform last accepted an event."""

    def classify(self, receipt: Receipt, events: int) -> Receipt:
        """Reinterpret *receipt* of a request of so many *events* in the light of earlier refusals."""
        if receipt.next is Next.PROBE and self.settings_ok:
            return replace(receipt, next=Next.ISOLATE)
        if receipt.next is Next.ISOLATE and not self.settings_ok and self.suspects.covers(events, receipt):
            self.suspects.probes_needed = PROBES_FOR_EVENT_ERRORS
            return replace(receipt, next=Next.PROBE)
        return receipt

    def isolate(self, settlement: Settlement, receipt: Receipt) -> list[WorkItem]:
        """Return the next work after events, or a half of a batch, were found at fault.

        Where the platform names one event after the other and accepts none, some of the rest become probes instead.
        """
        self._count(settlement, receipt)
        if not self.settings_ok and settlement.quarantined:
            self.suspects.count_refused(settlement.quarantined, receipt)
            if any(work.attempt > MIN_PROBES for work in settlement.again):
                for work in settlement.again:
                    self.suspects.add_unclear(work)
                return []
        return self._work_if_decided() + settlement.again

    def probe(self, settlement: Settlement, receipt: Receipt, *, asked_new: bool) -> list[WorkItem]:
        """Return the next work after an ambiguous refusal; only new orders can prove that the settings are at fault."""
        self._count(settlement, receipt)
        for work in settlement.again:
            self.suspects.add_refused(work, receipt)
        works = self._work_if_decided()
        self.settings_at_fault |= self.suspects.blames_settings and asked_new
        return works

    def accept(self) -> list[WorkItem]:
        """Note that the settings are right; return the suspects that can go on now."""
        self.accepted, self.consecutive_refusals = True, 0
        return self._trust()

    def _count(self, settlement: Settlement, receipt: Receipt) -> None:
        """Count the cost; a refusal that names some events is no failure where others are accepted."""
        self.refused += settlement.quarantined
        self.requests += len(settlement.again)
        if not (self.accepted and receipt.failed_items and settlement.again):
            self.consecutive_refusals += 1

    def _work_if_decided(self) -> list[WorkItem]:
        return self._trust() if self.suspects.blames_events else []

    def _trust(self) -> list[WorkItem]:
        """Note that events are at fault, and return the suspects as work that finds them."""
        self.settings_ok = True
        return self.suspects.release()
