"""Purges old payloads from the store, as every run does at its end."""

from conversions.ledger import Clock, runs
from conversions.ledger.subjects import redaction, retention
from conversions.ledger.subjects.retention import Purged
from conversions.privacy.erasure import exclusive_ledger
from conversions.settings import Settings


def purge(settings: Settings, clock: Clock) -> tuple[Purged, bool]:
    """Purge; return the counts, and whether no trace is left in the store's files. Raises AnotherRun during a run."""
    with exclusive_ledger(settings, clock) as ledger:
        purged = retention.purge(ledger, retention.due(ledger, settings.zone, settings.privacy.retention_days))
        wiped = redaction.wipe(ledger)
        runs.remember(ledger)
        return purged, wiped
