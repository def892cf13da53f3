"""Google's Data Manager API: one bad event refuses the whole request."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from conversions.sandbox.base import (
    Accepted,
    Answer,
    ReceivedEvent,
    Request,
    is_json,
    is_poisoned,
    parse_json,
    to_json,
    valid_authorization,
)
from conversions.sandbox.diagnostics import (
    REASON_PREFIX,
    WARNING_PREFIX,
    Diagnostics,
    ReasonShare,
    StatusFaults,
    with_prefix,
)
from conversions.sandbox.faults import FaultPlan, Kind
from conversions.sandbox.google_body import Event, Ingest
from conversions.sandbox.google_errors import ErrorExtras, bad_event, error, invalid, violation

INGEST_PATH = "/v1/events:ingest"
STATUS_PATH = "/v1/requestStatus:retrieve"


class Google:
    """Google as a platform; ``diagnostics`` has the later status of each request."""

    name = "google"

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics

    def check(self, request: Request, now: datetime, plan: FaultPlan) -> Accepted | Answer:
        """Accept or refuse *request* as a whole."""
        if refusal := self._check_envelope(request):
            return refusal
        try:
            ingest = _parse(request.body, now)
        except ValidationError as mistakes:
            return invalid(violation(mistake) for mistake in mistakes.errors(include_url=False, include_input=False))
        except ValueError:
            return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        poison = plan.condition_values(Kind.POISON, self.name)
        if poisoned := [
            i for i, e in enumerate(ingest.events) if is_poisoned(poison, [e.transaction_id], e.product_ids())
        ]:
            return invalid(bad_event(i) for i in poisoned)
        if refused := list(self._refusals(ingest, plan)):
            return invalid(refused)
        return self._accept(ingest, now, plan.condition_values(Kind.WARNING, self.name))

    def status(self, request: Request, now: datetime, plan: FaultPlan) -> Answer:
        """The answer of ``requestStatus:retrieve``."""
        if plan.conditions(Kind.NO_VERDICTS, self.name):
            return self.unavailable()
        if not valid_authorization(request.authorization):
            return self.unauthenticated()
        report = self.diagnostics.report(request.query.get("requestId", ""), now, _status_faults(plan))
        if isinstance(report, str):
            return invalid([{"field": "request_id", "description": "No status under this ID.", "reason": report}])
        return Answer(200, to_json(report))

    def unauthenticated(self) -> Answer:
        """No credential, or a malformed one."""
        return error(401, "UNAUTHENTICATED", "Request is missing a valid credential.", "CREDENTIALS_MISSING")

    def expired_token(self) -> Answer:
        """An expired credential."""
        return error(401, "UNAUTHENTICATED", "Request had an expired credential.", "ACCESS_TOKEN_EXPIRED")

    def throttled(self, seconds: int) -> Answer:
        """The quota per minute is used up."""
        return _exhausted("IngestionMutateRequestsPerMinutePerProject", {"Retry-After": str(seconds)})

    def quota_per_day(self) -> Answer:
        """The quota per day is used up."""
        return _exhausted("IngestionMutateRequestsPerDayPerProject", {})

    def unavailable(self) -> Answer:
        """Temporarily down."""
        return error(503, "UNAVAILABLE", "The service is currently unavailable.")

    def without_request_id(self, accepted: Accepted) -> Answer:  # noqa: ARG002
        """A 200 without ``requestId``."""
        return Answer(200, b"{}")

    def with_wrong_count(self, accepted: Accepted) -> Answer:
        """The normal answer, because Google's answer has no count."""
        return accepted.answer

    def _check_envelope(self, request: Request) -> Answer | None:
        """The refusal of a request by its path or headers, or None."""
        if request.path != INGEST_PATH:
            return error(404, "NOT_FOUND", "The requested URL was not found on this server.")
        if not valid_authorization(request.authorization):
            return self.unauthenticated()
        if not is_json(request.content_type):
            return error(400, "INVALID_ARGUMENT", "The body is not application/json.")
        return None

    def _refusals(self, ingest: Ingest, plan: FaultPlan) -> Iterator[dict[str, str]]:
        for position, event in enumerate(ingest.events):
            drawn = self.diagnostics.draw_share(event.transaction_id)
            for fault in plan.conditions(Kind.REFUSED, self.name):
                if drawn < fault.probability:
                    yield bad_event(position, fault.value)
                    break
                drawn -= fault.probability

    def _accept(self, ingest: Ingest, now: datetime, warning_reasons: Sequence[str]) -> Accepted:
        request_id = uuid.uuid4().hex
        body: dict[str, Any] = {"requestId": request_id}
        if warnings := [*_cart_warnings(ingest.events), *_injected_warnings(ingest.events, warning_reasons)]:
            body["fieldWarnings"] = warnings
        if ingest.validate_only:
            return Accepted(Answer(200, to_json(body)), events=0)
        self.diagnostics.store(request_id, ingest, now)
        return Accepted(Answer(200, to_json(body)), len(ingest.events), _arrivals(ingest))


def _status_faults(plan: FaultPlan) -> StatusFaults:
    def shares(kind: Kind, prefix: str) -> list[ReasonShare]:
        faults = plan.conditions(kind, "google")
        return [ReasonShare(with_prefix(prefix, fault.value), fault.probability) for fault in faults]

    return StatusFaults(
        errors=shares(Kind.VERDICT, REASON_PREFIX),
        warnings=shares(Kind.LATE_WARNING, WARNING_PREFIX),
        counts_only=bool(plan.conditions(Kind.COUNTS_ONLY, "google")),
        processing=bool(plan.conditions(Kind.PROCESSING, "google")),
    )


def _exhausted(limit: str, headers: Mapping[str, str]) -> Answer:
    metadata = {"quota_limit": limit, "consumer": "projects/000000000000", "service": "datamanager.googleapis.com"}
    extras = ErrorExtras(metadata=metadata, headers=headers)
    return error(429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", extras)


def _parse(body: bytearray, now: datetime) -> Ingest:
    raw = parse_json(body)
    encoding = raw.get("encoding") if isinstance(raw, dict) else None
    return Ingest.model_validate(raw, context={"now": now, "encoding": encoding})


def _cart_warnings(events: Sequence[Event]) -> Iterator[dict[str, str]]:
    """Google's own warnings, for missing values that it does not refuse."""
    for i, event in enumerate(events):
        for j, item in enumerate(event.cart_data.items if event.cart_data else ()):
            for name, value in (("merchant_product_id", item.merchant_product_id), ("unit_price", item.unit_price)):
                if value is None:
                    field = f"events.events[{i}].cart_data.items[{j}].{name}"
                    yield {"field": field, "reason": f"WARNING_REASON_CART_DATA_ITEM_{name.upper()}_MISSING"}


def _injected_warnings(events: Sequence[Event], reasons: Sequence[str]) -> Iterator[dict[str, str]]:
    """Warnings that the fault plan adds to every event."""
    for i, _ in enumerate(events):
        for reason in reasons:
            yield {"field": f"events.events[{i}]", "reason": with_prefix("WARNING_REASON_", reason)}


def _arrivals(ingest: Ingest) -> list[ReceivedEvent]:
    """The events by transaction id: a repeat, at any time, is an adjustment that overwrites the value."""
    targets = tuple((d.operating_account.account_id, d.product_destination_id) for d in ingest.destinations)
    return [
        ReceivedEvent(
            key=(targets, event.transaction_id) if event.transaction_id else None,
            value=event.conversion_value,
            currency=event.currency,
            window=None,
            restates=True,
        )
        for event in ingest.events
    ]
