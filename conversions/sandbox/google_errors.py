"""Google's error bodies: google.rpc.Status as in the guide "Understand errors"; they name fields, not values."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic.alias_generators import to_snake
from pydantic_core import ErrorDetails

from conversions.sandbox.base import Answer, to_json

REASONS = {
    "missing": "REQUIRED_FIELD_MISSING",
    "extra_forbidden": "INVALID_ARGUMENT",
    "literal_error": "INVALID_ENUM_VALUE",
    "string_too_long": "FIELD_VALUE_TOO_LONG",
    "string_too_short": "FIELD_VALUE_TOO_SHORT",
    "too_short": "TOO_FEW_ELEMENTS",
    "too_long": "TOO_MANY_ELEMENTS",
}
"""Google's reason by pydantic's error type; other types become INVALID_FORMAT, unless they are a reason themselves."""
TOO_MANY_REASONS = {
    "events": "TOO_MANY_EVENTS",
    "destinations": "TOO_MANY_DESTINATIONS",
    "userIdentifiers": "TOO_MANY_USER_IDENTIFIERS",
}

Violation = dict[str, str]


@dataclass(frozen=True, slots=True)
class ErrorExtras:
    """Optional parts of an error."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    violations: Sequence[Violation] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


NO_EXTRAS = ErrorExtras()


def invalid(violations: Iterable[Violation]) -> Answer:
    """A 400 that names the fields at fault."""
    extras = ErrorExtras(violations=list(violations))
    return error(400, "INVALID_ARGUMENT", "There was a problem with the request.", extras=extras)


def violation(mistake: ErrorDetails) -> Violation:
    """A validation error in the form of Google's field violations."""
    *_, last = mistake["loc"] or ("",)
    kind = mistake["type"]
    reason = kind if kind.isupper() else REASONS.get(kind, "INVALID_FORMAT")
    if kind == "too_long" and isinstance(last, str):
        reason = TOO_MANY_REASONS.get(last, reason)
    description = f'Unknown name "{last}": Cannot find field.' if kind == "extra_forbidden" else mistake["msg"]
    return {"field": _path(mistake["loc"]), "description": description, "reason": reason}


def bad_event(position: int, reason: str = "INVALID_EVENT") -> Violation:
    """A violation that names an event, but no field of it."""
    return {"field": f"events.events[{position}]", "description": "Invalid event.", "reason": reason}


def error(http_status: int, status: str, message: str, reason: str = "", extras: ErrorExtras = NO_EXTRAS) -> Answer:
    """An error body with the details that Google sends; request ids of errors begin with ``t-``."""
    request_id = f"t-{uuid.uuid4().hex}"
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason or status,
            "domain": "googleapis.com" if http_status == 401 else "datamanager.googleapis.com",
            "metadata": {"requestId": request_id, **extras.metadata},
        },
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": request_id},
    ]
    if extras.violations:
        details.append({"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": extras.violations})
    body = {"error": {"code": http_status, "message": message, "status": status, "details": details}}
    first = extras.violations[0] if extras.violations else {"reason": reason or status, "field": message}
    return Answer(http_status, to_json(body), first["reason"], f"{first['field']}: {first['reason']}", extras.headers)


def _path(loc: tuple[int | str, ...]) -> str:
    """A path in snake_case with indices; an event is always ``events.events[3]``."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{to_snake(step)}" for step in loc)
    path = "".join(steps).removeprefix(".")
    return f"events.{path}" if path.startswith("events[") else path
