"""Old payloads leave the store; every run does the same at its end."""

from conversions.ledger import Clock, runs
from conversions.ledger.subjects import redaction, retention
from conversions.ledger.subjects.retention import PurgeResult
from conversions.privacy.erasure import exclusive_ledger
from conversions.settings import Settings


def purge(settings: Settings, clock: Clock) -> tuple[PurgeResult, bool]:
    """What was taken out, and whether every trace of it is gone from the store's files.

    Raises AnotherRun while a run is under way.
    """
    with exclusive_ledger(settings, clock) as ledger:
        purged = retention.purge(
            ledger, retention.first_kept_day(ledger, settings.zone, settings.privacy.retention_days)
        )
        wiped = redaction.wipe(ledger)
        runs.record_tree_head(ledger)
        return purged, wiped
