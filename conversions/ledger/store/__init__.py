"""The open store: its SQLite file, the checks of this file, and the run lock."""

from conversions.ledger.store.integrity import copy, is_readable, is_whole
from conversions.ledger.store.ledger import Clock, Ledger, instant, microseconds, translate_errors
from conversions.ledger.store.sqlite import (
    check_rehearsal,
    connect,
    connect_read_only,
    create,
    empty,
    open_unchecked,
    refuse_lost,
)

__all__ = [
    "Clock",
    "Ledger",
    "check_rehearsal",
    "connect",
    "connect_read_only",
    "copy",
    "create",
    "empty",
    "instant",
    "is_readable",
    "is_whole",
    "microseconds",
    "open_unchecked",
    "refuse_lost",
    "translate_errors",
]
