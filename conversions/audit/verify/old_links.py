"""Compares the links of events from before schema 0007 with the root in the log entry of the upgrade.

The requests of these events commit to their bytes alone, so the log says since the upgrade only whose orders they were.
"""

import sqlite3
from collections.abc import Iterator, Mapping

from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.payloads import stored_contents, stored_links
from conversions.ledger.batches.form import Form
from conversions.ledger.batches.old_links import commitments
from conversions.ledger.log.merkle import root_of

_OLD = "SELECT batch FROM blob WHERE form = ? ORDER BY batch"


def compare(store: sqlite3.Connection, logged: Mapping[int, str], notes: list[str]) -> Iterator[VerificationFinding]:
    """Compare with the roots that entries of kind ``upgraded`` have, by entry; say in *notes* what they bind."""
    batches = [batch for (batch,) in store.execute(_OLD, (Form.BYTES,))]
    if batches and not logged:
        yield VerificationFinding(
            "the events from before schema 0007", "are bound to no order by an entry of an upgrade"
        )
    root = root_of([root_of(_commitments(store, batch)) for batch in batches]).hex() if logged else ""
    for seq, stated in logged.items():
        if stated != root:
            yield VerificationFinding(
                f"entry {seq}", "commits to other orders or persons of the events from before the upgrade"
            )
        elif batches:
            notes.append(
                f"Entry {seq}: the orders and persons of events from before this upgrade are bound since then only,"
                " their bytes since they were sent."
            )


def _commitments(store: sqlite3.Connection, batch: int) -> list[bytes]:
    contents = stored_contents(store, batch)
    return commitments(contents, stored_links(store, contents, batch, range(len(contents.events))))
