"""A validation request: a sample event that the platform checks and does not count, written ahead like any request.

It belongs to no data subject, so it never needs erasure: its whole body is stored as the envelope, with no events.
"""

from collections.abc import Sequence
from dataclasses import replace

from conversions.ledger import log
from conversions.ledger.log.merkle import root_of
from conversions.ledger.outbox.outcome import record_answer
from conversions.ledger.outbox.work import (
    Attempt,
    ClaimedBatch,
    Intent,
    Purpose,
    RequestTemplate,
    ValidatedBatch,
    WorkItem,
)
from conversions.ledger.outbox.write_ahead import commit
from conversions.ledger.runs import Run
from conversions.ledger.store import Ledger
from conversions.model.receipt import Receipt

_NO_EVENTS = ClaimedBatch(WorkItem(Purpose.PROBE), ())


def begin_validation(ledger: Ledger, run: Run, template: RequestTemplate, body: bytes, paths: Sequence[str]) -> Attempt:
    """Commit *body*, which has passed the gate and contains *paths*, before its first byte is sent."""
    validated = ValidatedBatch(body, tuple(paths), root_of([]).hex())
    with ledger.transaction() as connection:
        log.check_epoch(connection, run.epoch)
        envelope = replace(template, prefix=body, suffix=b"")
        return commit(connection, run, envelope, Intent(_NO_EVENTS, validated, ledger.now_us))


def finish_validation(ledger: Ledger, run: Run, attempt: Attempt, receipt: Receipt) -> None:
    """Record the answer; no order changes, and no late result is polled for it."""
    with ledger.transaction() as connection:
        final = replace(receipt, ask_after=None)
        record_answer(connection, ledger.now_us, attempt.request, final, epoch=run.epoch)
