"""Whose fault a refusal is, some events' or the settings', and what it costs one run to find out."""

from dataclasses import dataclass, field, replace

from conversions.delivery.suspects import Doubt
from conversions.ledger.outbox import Settled, Work
from conversions.ledger.outbox.work import PROBES
from conversions.model.receipt import Next, Receipt

OF_EVENTS = 16
"""Events that are asked alone before settings are found at fault for what is an event's by its code."""


@dataclass(slots=True)
class Search:
    """What was refused so far, and what is known of the settings by it."""

    doubt: Doubt = field(default_factory=Doubt)
    accepted: bool = False
    """Whether the platform took anything in this run."""
    trusted: bool = False
    """Whether the settings are right: a refusal that may be an event's fault is one's."""
    blameless: bool = False
    """Whether the settings are wrong: whom this run has set aside is to wait with the others."""
    refused: int = 0
    """Orders that the platform refused in this run."""
    requests: int = 0
    """What the search has taken, or is about to."""
    in_a_row: int = 0
    """Refusals that were followed up, since the platform last accepted something."""

    def understood(self, receipt: Receipt, events: int) -> Receipt:
        """What *receipt* of a request of so many *events* means after all that was refused or accepted before."""
        if receipt.next is Next.PROBE and self.trusted:
            return replace(receipt, next=Next.ISOLATE)
        if receipt.next is Next.ISOLATE and not self.trusted and self.doubt.covers(events, receipt):
            self.doubt.enough = OF_EVENTS
            return replace(receipt, next=Next.PROBE)
        return receipt

    def isolate(self, settled: Settled, receipt: Receipt) -> list[Work]:
        """What to go on with after events were found at fault, or a half of them.

        Where one is named after the other and nothing accepted, some of the rest are asked alone instead.
        """
        self._count(settled, receipt)
        if not self.trusted and settled.quarantined:
            self.doubt.blame(settled.quarantined, receipt)
            if any(work.attempt > PROBES for work in settled.again):
                for work in settled.again:
                    self.doubt.ask(work)
                return []
        return self._decided() + settled.again

    def probe(self, settled: Settled, receipt: Receipt, *, asked_new: bool) -> list[Work]:
        """What to go on with after a refusal that may be the settings' fault; that it is, only new orders show."""
        self._count(settled, receipt)
        for work in settled.again:
            self.doubt.refused(work, receipt)
        decided = self._decided()
        self.blameless |= self.doubt.of_settings and asked_new
        return decided

    def accept(self) -> list[Work]:
        """The settings are right: what to go on with now."""
        self.accepted, self.in_a_row = True, 0
        return self._trust()

    def _count(self, settled: Settled, receipt: Receipt) -> None:
        """What it costs; names that leave a rest are what the culprits need, where others are accepted."""
        self.refused += settled.quarantined
        self.requests += len(settled.again)
        if not (self.accepted and receipt.culprits and settled.again):
            self.in_a_row += 1

    def _decided(self) -> list[Work]:
        return self._trust() if self.doubt.of_events else []

    def _trust(self) -> list[Work]:
        """Whatever was in doubt is some event's fault, and is sent until it is known whose."""
        self.trusted = True
        return self.doubt.settled()
