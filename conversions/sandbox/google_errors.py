"""Google's error bodies: google.rpc.Status as the guide "Understand errors" shows it; they name fields, not values."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic.alias_generators import to_snake
from pydantic_core import ErrorDetails

from conversions.sandbox.base import Answer, packed

REASONS = {
    "missing": "REQUIRED_FIELD_MISSING",
    "extra_forbidden": "INVALID_ARGUMENT",
    "literal_error": "INVALID_ENUM_VALUE",
    "string_too_long": "FIELD_VALUE_TOO_LONG",
    "string_too_short": "FIELD_VALUE_TOO_SHORT",
    "too_short": "TOO_FEW_ELEMENTS",
    "too_long": "TOO_MANY_ELEMENTS",
}
"""pydantic's error types; others that are no ``ErrorReason`` themselves are INVALID_FORMAT."""
CROWDED = {
    "events": "TOO_MANY_EVENTS",
    "destinations": "TOO_MANY_DESTINATIONS",
    "userIdentifiers": "TOO_MANY_USER_IDENTIFIERS",
}

Violation = dict[str, str]


def invalid(violations: Iterable[Violation]) -> Answer:
    """A 400 that names the fields at fault."""
    return error(400, "INVALID_ARGUMENT", "There was a problem with the request.", violations=list(violations))


def violation(mistake: ErrorDetails) -> Violation:
    """*mistake* in Google's words."""
    *_, last = mistake["loc"] or ("",)
    kind = mistake["type"]
    reason = kind if kind.isupper() else REASONS.get(kind, "INVALID_FORMAT")
    if kind == "too_long" and isinstance(last, str):
        reason = CROWDED.get(last, reason)
    said = f'Unknown name "{last}": Cannot find field.' if kind == "extra_forbidden" else mistake["msg"]
    return {"field": _path(mistake["loc"]), "description": said, "reason": reason}


def bad_event(position: int, reason: str = "INVALID_EVENT") -> Violation:
    """What is said of an event that is bad without a field to name."""
    return {"field": f"events.events[{position}]", "description": "Invalid event.", "reason": reason}


def error(
    http_status: int,
    status: str,
    message: str,
    reason: str = "",
    *,
    metadata: Mapping[str, str] | None = None,
    violations: Sequence[Violation] = (),
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """An error body with the details Google sends; request ids of errors begin with ``t-``."""
    request_id = f"t-{uuid.uuid4().hex}"
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason or status,
            "domain": "googleapis.com" if http_status == 401 else "datamanager.googleapis.com",
            "metadata": {"requestId": request_id, **(metadata or {})},
        },
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id},
    ]
    if violations:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations})
    body = {"error": {"code": http_status, "message": message, "status": status, "details": details}}
    named = violations[0] if violations else {"reason": reason or status, "field": message}
    return Answer(http_status, packed(body), named["reason"], f"{named['field']}: {named['reason']}", headers or {})


def _path(loc: tuple[int | str, ...]) -> str:
    """snake_case with indices, and ``events.events[3]`` for an event, whatever the request's spelling."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{to_snake(step)}" for step in loc)
    path = "".join(steps).removeprefix(".")
    return f"events.{path}" if path.startswith("events[") else path
