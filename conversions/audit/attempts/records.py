"""One attempt as JSON for programs."""

from datetime import datetime
from typing import Any

from conversions.audit.attempts.model import AttemptRecord, Body
from conversions.errors import LedgerError

KEYS = (
    "request_id",
    "parent_id",
    "run_id",
    "attempt",
    "destination",
    "recipient",
    "url",
    "headers",
    "purpose",
    "intended_at",
    "answered_at",
    "http_status",
    "outcome",
    "events",
    "events_erased",
    "body",
    "body_sha256",
    "policy_version",
    "rules",
    "legal_basis",
    "settings_sha256",
    "operator",
    "host",
    "reason",
    "version",
    "rehearsal",
    "route",
)
"""Keys of one line of an export; programs may rely on them."""


def overview(attempt: AttemptRecord) -> dict[str, Any]:
    """One line of a list."""
    return {
        "request_id": attempt.request_id,
        "run_id": attempt.run_id,
        "intended_at": _json_value(attempt.intended_at),
        "destination": attempt.destination,
        "purpose": attempt.purpose,
        "attempt": attempt.attempt,
        "events": attempt.events,
        "bytes": attempt.size,
        "outcome": attempt.outcome,
        "http_status": attempt.http_status,
        "code": attempt.code,
    }


def export_record(attempt: AttemptRecord, body: Body) -> dict[str, Any]:
    """One line of an export; instants are ISO 8601 UTC with microseconds, ``body`` is the exact text that was sent.

    Raises LedgerError where the stored bytes are not valid UTF-8, because such a body was never sent.
    """
    from_body = {
        "events_erased": body.erased,
        "body": _text(attempt, body),
        "body_sha256": body.sha256,
    }
    return {key: from_body[key] if key in from_body else _json_value(getattr(attempt, key)) for key in KEYS}


def details(attempt: AttemptRecord, body: Body) -> dict[str, Any]:
    """Everything that the store knows about one attempt."""
    intent, answer = attempt.intent, attempt.answer
    return {
        **export_record(attempt, body),
        "bytes": attempt.size,
        "policy_sha256": attempt.policy_sha256,
        "code": attempt.code,
        "reference": attempt.reference,
        "warnings": attempt.warnings,
        "intent_entry": intent.number,
        "intent_hash": intent.hash,
        "answer_entry": answer and answer.number,
        "answer_hash": answer and answer.hash,
    }


def _text(attempt: AttemptRecord, body: Body) -> str | None:
    try:
        return None if body.content is None else body.content.decode()
    except UnicodeDecodeError:  # the gate lets only UTF-8 through
        raise LedgerError(
            f"The stored bytes of attempt {attempt.request_id} are not the bytes that were sent; restore the store"
            " from a backup."
        ) from None


def _json_value(value: Any) -> Any:
    return value.isoformat(timespec="microseconds") if isinstance(value, datetime) else value
