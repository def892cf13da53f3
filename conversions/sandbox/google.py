"""Google's Data Manager API: one bad event refuses the whole request."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from conversions.sandbox.base import Accepted, Answer, Arrival, Request, bearer, exact_json, is_json, packed, poisons
from conversions.sandbox.diagnostics import PREFIX, WARNING_PREFIX, Diagnostics, Trouble, Whims, named
from conversions.sandbox.faults import Kind, Plan
from conversions.sandbox.google_body import Event, Ingest
from conversions.sandbox.google_errors import bad_event, error, invalid, violation

INGEST = "/v1/events:ingest"
STATUS = "/v1/requestStatus:retrieve"


class Google:
    """The inbox and, in ``diagnostics``, what became of each request later."""

    name = "google"

    def __init__(self, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics

    def check(self, request: Request, now: datetime, plan: Plan) -> Accepted | Answer:
        """Take *request* as a whole or refuse it as a whole."""
        if refusal := self._refused_unread(request):
            return refusal
        try:
            ingest = _parsed(request.body, now)
        except ValidationError as mistakes:
            return invalid(violation(mistake) for mistake in mistakes.errors(include_url=False, include_input=False))
        except ValueError:
            return error(400, "INVALID_ARGUMENT", "Invalid JSON payload received.")
        poison = plan.standing(Kind.POISON, self.name)
        if poisoned := [i for i, e in enumerate(ingest.events) if poisons(poison, [e.transaction_id], e.product_ids())]:
            return invalid(bad_event(i) for i in poisoned)
        if refused := list(self._refusals(ingest, plan)):
            return invalid(refused)
        return self._accepted(ingest, now, plan.standing(Kind.WARNING, self.name))

    def status(self, request: Request, now: datetime, plan: Plan) -> Answer:
        """The answer of ``requestStatus:retrieve``."""
        if plan.faults(Kind.NO_VERDICTS, self.name):
            return self.unavailable()
        if not bearer(request.authorization):
            return self.unauthenticated()
        found = self.diagnostics.report(request.query.get("requestId", ""), now, _whims(plan))
        if isinstance(found, str):
            return invalid([{"field": "request_id", "description": "No status under this ID.", "reason": found}])
        return Answer(200, packed(found))

    def unauthenticated(self) -> Answer:
        """No credential, or one that is none."""
        return error(401, "UNAUTHENTICATED", "Request is missing a valid credential.", "CREDENTIALS_MISSING")

    def expired_token(self) -> Answer:
        """A credential that is no longer valid."""
        return error(401, "UNAUTHENTICATED", "Request had an expired credential.", "ACCESS_TOKEN_EXPIRED")

    def throttled(self, seconds: int) -> Answer:
        """The minute's quota is used up."""
        return _exhausted("IngestionMutateRequestsPerMinutePerProject", {"Retry-After": str(seconds)})

    def quota_per_day(self) -> Answer:
        """The day's quota is used up."""
        return _exhausted("IngestionMutateRequestsPerDayPerProject", {})

    def unavailable(self) -> Answer:
        """Down, and able to say so."""
        return error(503, "UNAVAILABLE", "The service is currently unavailable.")

    def anonymous(self, accepted: Accepted) -> Answer:  # noqa: ARG002
        """A 200 without ``requestId``."""
        return Answer(200, b"{}")

    def miscounted(self, accepted: Accepted) -> Answer:
        """Google's answer counts nothing."""
        return accepted.answer

    def _refused_unread(self, request: Request) -> Answer | None:
        """What is wrong before the body is looked at."""
        if request.path != INGEST:
            return error(404, "NOT_FOUND", "The requested URL was not found on this server.")
        if not bearer(request.authorization):
            return self.unauthenticated()
        if not is_json(request.content_type):
            return error(400, "INVALID_ARGUMENT", "The body is not application/json.")
        return None

    def _refusals(self, ingest: Ingest, plan: Plan) -> Iterator[dict[str, str]]:
        for position, event in enumerate(ingest.events):
            drawn = self.diagnostics.drawn(event.transaction_id)
            for fault in plan.faults(Kind.REFUSED, self.name):
                if drawn < fault.probability:
                    yield bad_event(position, fault.value)
                    break
                drawn -= fault.probability

    def _accepted(self, ingest: Ingest, now: datetime, warned: Sequence[str]) -> Accepted:
        request_id = uuid.uuid4().hex
        reply: dict[str, Any] = {"requestId": request_id}
        if warnings := [*_warnings(ingest.events), *_warned(ingest.events, warned)]:
            reply["fieldWarnings"] = warnings
        if ingest.validate_only:
            return Accepted(Answer(200, packed(reply)), events=0)
        self.diagnostics.file(request_id, ingest, now)
        return Accepted(Answer(200, packed(reply)), len(ingest.events), _arrivals(ingest))


def _whims(plan: Plan) -> Whims:
    def troubles(kind: Kind, prefix: str) -> list[Trouble]:
        return [Trouble(named(prefix, fault.value), fault.probability) for fault in plan.faults(kind, "google")]

    return Whims(
        troubles=troubles(Kind.VERDICT, PREFIX),
        warnings=troubles(Kind.LATE_WARNING, WARNING_PREFIX),
        counts_only=bool(plan.faults(Kind.COUNTS_ONLY, "google")),
        processing=bool(plan.faults(Kind.PROCESSING, "google")),
    )


def _exhausted(limit: str, headers: Mapping[str, str]) -> Answer:
    metadata = {"quota_limit": limit, "consumer": "projects/000000000000", "service": "datamanager.googleapis.com"}
    return error(
        429, "RESOURCE_EXHAUSTED", "Quota exceeded.", "RATE_LIMIT_EXCEEDED", metadata=metadata, headers=headers
    )


def _parsed(body: bytearray, now: datetime) -> Ingest:
    raw = exact_json(body)
    encoding = raw.get("encoding") if isinstance(raw, dict) else None
    return Ingest.model_validate(raw, context={"now": now, "encoding": encoding})


def _warnings(events: Sequence[Event]) -> Iterator[dict[str, str]]:
    """What Google ignores or misses without refusing it."""
    for i, event in enumerate(events):
        for j, item in enumerate(event.cart_data.items if event.cart_data else ()):
            for name, value in (("merchant_product_id", item.merchant_product_id), ("unit_price", item.unit_price)):
                if value is None:
                    field = f"events.events[{i}].cart_data.items[{j}].{name}"
                    yield {"field": field, "reason": f"WARNING_REASON_CART_DATA_ITEM_{name.upper()}_MISSING"}


def _warned(events: Sequence[Event], reasons: Sequence[str]) -> Iterator[dict[str, str]]:
    """What Google was told to warn of."""
    for i, _ in enumerate(events):
        for reason in reasons:
            yield {"field": f"events.events[{i}]", "reason": named("WARNING_REASON_", reason)}


def _arrivals(ingest: Ingest) -> list[Arrival]:
    """A transaction that the conversion action already holds is an adjustment, at any time: it is overwritten."""
    targets = tuple((d.operating_account.account_id, d.product_destination_id) for d in ingest.destinations)
    return [
        Arrival(
            key=(targets, event.transaction_id) if event.transaction_id else None,
            value=event.conversion_value,
            currency=event.currency,
            window=None,
            restates=True,
        )
        for event in ingest.events
    ]
