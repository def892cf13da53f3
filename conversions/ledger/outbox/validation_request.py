"""A probe: a made-up event that a platform checks and does not count, written ahead like any other request.

It is nobody's, so that nothing of it will ever have to be erased: its whole body is kept as envelope, with no events.
"""

from collections.abc import Sequence
from dataclasses import replace

from conversions.ledger import log
from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox.outcome import record
from conversions.ledger.outbox.work import Attempt, ClaimedBatch, Purpose, RequestTemplate, ValidatedBatch, WorkItem
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.receipt import Receipt

_NO_EVENTS = ClaimedBatch(WorkItem(Purpose.PROBE), (), (), ())


def begin(ledger: Ledger, run: Run, outbox: RequestTemplate, body: bytes, paths: Sequence[str]) -> Attempt:
    """Commit *body*, which has passed the gate and holds *paths*, before its first byte leaves."""
    examined = ValidatedBatch(body, tuple(paths), root_of([]).hex())
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        return commit(connection, ledger.now_us, run, replace(outbox, prefix=body, suffix=b""), _NO_EVENTS, examined)


def finish(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> None:
    """Record the answer; no order moves, and nobody asks later what became of it."""
    with ledger.transaction() as connection:
        told = replace(receipt, ask_after=None)
        record(connection, ledger.now_us, attempt.request, told, epoch=run.epoch)
