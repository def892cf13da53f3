"""Read access to the log: what left, to which recipient, when, on which legal basis, and the exact bytes.

It opens the store read-only and takes no lock, so that a long question of an auditor keeps no run waiting. Only the
entry of a look or a comparison is written, in a short transaction of its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from conversions.ledger import Clock, open_read_only
from conversions.settings import Settings

__all__ = ["open_log"]


@contextmanager
def open_log(settings: Settings, clock: Clock) -> Iterator[Connection]:
    """Open a read snapshot of the store: the changes of a concurrent run do not appear in it.

    Raises LedgerError where the store is damaged, and SettingsError where it belongs to another user.
    """
    with open_read_only(settings, clock) as ledger, ledger.transaction() as connection:
        yield connection
