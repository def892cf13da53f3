"""Write-ahead requests: what is about to leave is on disk before its first byte is written, what came back after.

``intend`` asks everything again inside the transaction that commits an attempt: objection, age, policy, epoch.
``settle`` says what the answer means for every order of the request, and what is to be sent next.
"""

from conversions.ledger.outbox.claim import claim
from conversions.ledger.outbox.intent import intend, validate, validated
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
    "validated",
]
