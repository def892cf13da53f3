"""The reading side of the log: what left, to whom, when, on which basis, and the exact bytes.

The store is opened read-only and no lock is taken, so that an auditor never stands in the way of a run.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from conversions.ledger import Clock, open_read_only
from conversions.settings import Settings

__all__ = ["open_log"]


@contextmanager
def open_log(settings: Settings, clock: Clock) -> Iterator[Connection]:
    """The store as it stood at one moment: a run that goes on beside it does not show.

    Raises LedgerError or SettingsError where it cannot be trusted or belongs to another user.
    """
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        yield connection
