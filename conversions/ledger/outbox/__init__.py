"""The outbox: each request is on disk before its first byte is sent, and its answer is added afterwards.

``intend`` checks objection, age, policy and epoch again, inside the transaction that commits an attempt.
``settle`` applies the answer to every order of the request, and returns what to send next.
"""

from conversions.ledger.outbox.claim import EventPlace, claim, contents_of, fit_in_one_body
from conversions.ledger.outbox.intent import intend, validate, validate_events
from conversions.ledger.outbox.outcome import record_answer, recover, settle
from conversions.ledger.outbox.reinstate import reinstate
from conversions.ledger.outbox.work import (
    MAX_UNANSWERED_TRIES,
    MIN_PROBES,
    Attempt,
    ClaimedBatch,
    ClaimedEvent,
    Intent,
    Purpose,
    RequestTemplate,
    Settlement,
    ValidatedBatch,
    WorkItem,
    follow_up_work,
    halves,
    probes,
)
from conversions.ledger.outbox.write_ahead import commit

__all__ = [
    "MAX_UNANSWERED_TRIES",
    "MIN_PROBES",
    "Attempt",
    "ClaimedBatch",
    "ClaimedEvent",
    "EventPlace",
    "Intent",
    "Purpose",
    "RequestTemplate",
    "Settlement",
    "ValidatedBatch",
    "WorkItem",
    "claim",
    "commit",
    "contents_of",
    "fit_in_one_body",
    "follow_up_work",
    "halves",
    "intend",
    "probes",
    "record_answer",
    "recover",
    "reinstate",
    "settle",
    "validate",
    "validate_events",
]
