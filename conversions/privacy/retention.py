"""Purges old payloads from the store, as every run does at its end."""

from conversions.ledger import Clock, runs
from conversions.ledger.subjects import retention
from conversions.ledger.subjects.retention import PurgeResult
from conversions.ledger.subjects.scrub import scrub
from conversions.privacy.erasure import exclusive_ledger
from conversions.settings import Settings


def purge(settings: Settings, clock: Clock) -> tuple[PurgeResult, bool]:
    """Purge; return the counts, and whether no trace is left in the store's files. Raises AnotherRun during a run."""
    with exclusive_ledger(settings, clock) as ledger:
        purged = retention.purge(
            ledger, retention.first_kept_day(ledger, settings.zone, settings.privacy.retention_days)
        )
        wiped = scrub(ledger)
        runs.record_tree_head(ledger)
        return purged, wiped
