"""The open store, SQLite underneath, its files and its lock."""

from conversions.ledger.store.ledger import Clock, Ledger, microseconds, trusted
from conversions.ledger.store.sqlite import bare, check_sort, connect, connect_read_only, create, empty, refuse_lost

__all__ = [
    "Clock",
    "Ledger",
    "bare",
    "check_sort",
    "connect",
    "connect_read_only",
    "create",
    "empty",
    "microseconds",
    "refuse_lost",
    "trusted",
]
