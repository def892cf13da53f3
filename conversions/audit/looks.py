"""Looks at the sent data: recorded before anything is shown. Who cannot record a look sees nothing."""

from collections.abc import Iterable

from conversions.errors import LedgerError
from conversions.ledger import Clock, open_shared
from conversions.ledger.subjects import access_log
from conversions.ledger.subjects.access_log import Look
from conversions.settings import Settings


def record(settings: Settings, clock: Clock, looks: Iterable[Look]) -> None:
    """Record *looks*, also during a run. Raises LedgerError where the store takes no entry."""
    if not settings.store_path.exists():
        return  # nothing to look at; the reader says so
    try:
        with open_shared(settings, clock) as ledger:
            access_log.record_looks(ledger, looks)
    except LedgerError as error:
        raise LedgerError(f"Nothing is shown, because this look cannot be recorded. {error}") from None
