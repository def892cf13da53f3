"""The outbox: each request is on disk before its first byte is sent, and its answer is added afterwards.

``intend`` checks objection, age, policy and epoch again, inside the transaction that commits an attempt.
``settle`` applies the answer to every order of the request, and returns what to send next.
"""

from conversions.ledger.outbox.claim import claim
from conversions.ledger.outbox.intent import intend, validate, validate_bodies
from conversions.ledger.outbox.outcome import recover, settle
from conversions.ledger.outbox.work import (
    Attempt,
    ClaimedBatch,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
)

__all__ = [
    "Attempt",
    "ClaimedBatch",
    "Purpose",
    "RequestTemplate",
    "Settlement",
    "ValidatedBatch",
    "WorkItem",
    "claim",
    "intend",
    "recover",
    "settle",
    "validate",
    "validate_bodies",
]
