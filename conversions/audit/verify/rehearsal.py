"""Whether a store is a rehearsal follows from the addresses in its log; the head only repeats it."""

import sqlite3
from collections.abc import Iterator

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory


def compare(history: LogHistory, store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Compare the head with the addresses to which the log says that requests went."""
    ((rehearsal,),) = store.execute("SELECT rehearsal FROM head").fetchall()
    if rehearsal not in (0, 1):
        yield VerificationFinding("the head", "says neither that this is a rehearsal nor that it is none")
    for local, seq in history.first_intent.items():
        if local != bool(rehearsal):
            says, where = ("a rehearsal", "elsewhere") if rehearsal else ("no rehearsal", "on this machine")
            yield VerificationFinding("the head", f"says that this is {says}, and entry {seq} names an address {where}")
