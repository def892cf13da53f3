"""Classifies the answers of Google's Data Manager API (error reference of API v1.9, 2026-11-04).

HTTP statuses and the names of two open enums decide, ``google.rpc.Code`` and ``ErrorReason``; texts never do.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, OnErrorOmit, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import from_json

from conversions.destinations import warnings
from conversions.destinations.responses import (
    ACCEPTED,
    AMBIGUOUS,
    BAD_EVENT,
    BY_STATUS,
    CONFIG,
    CREDENTIALS,
    QUOTA,
    RETRY,
    THROTTLED,
    WITHOUT_BODY,
    Verdict,
    enum_name,
    most_severe,
    payload_too_large,
    receipt,
    with_wait,
)
from conversions.model.late_result import of_consent
from conversions.model.receipt import FailedItem, Receipt
from conversions.transport.http import Answer

STATUSES: dict[int | str, Verdict] = {
    "INVALID_ARGUMENT": AMBIGUOUS,
    "OUT_OF_RANGE": AMBIGUOUS,
    "FAILED_PRECONDITION": CONFIG,
    "UNAUTHENTICATED": CREDENTIALS,
    "PERMISSION_DENIED": CREDENTIALS,
    "NOT_FOUND": CONFIG,
    "ALREADY_EXISTS": CONFIG,
    "ABORTED": THROTTLED,
    "RESOURCE_EXHAUSTED": THROTTLED,
    "CANCELLED": RETRY,
    "UNKNOWN": RETRY,
    "INTERNAL": RETRY,
    "DATA_LOSS": RETRY,
    "UNAVAILABLE": RETRY,
    "DEADLINE_EXCEEDED": RETRY,
    400: AMBIGUOUS,
    401: CREDENTIALS,
    403: CREDENTIALS,
    404: CONFIG,
    409: RETRY,
    413: BAD_EVENT,
    499: RETRY,
}
"""By the error's canonical code, else by HTTP status; for errors without a known reason. Any other 4xx: CONFIG.

If the error names an event, AMBIGUOUS becomes BAD_EVENT.
"""

_REASONS: dict[Verdict, str] = {
    BAD_EVENT: """
        REQUIRED_FIELD_MISSING INVALID_FORMAT INVALID_HEX_ENCODING INVALID_BASE64_ENCODING INVALID_SHA256_FORMAT
        INVALID_POSTAL_CODE INVALID_COUNTRY_CODE INVALID_ENUM_VALUE
        TOO_MANY_USER_IDENTIFIERS INVALID_MOBILE_ID_FORMAT INVALID_NUMBER_FORMAT INVALID_CURRENCY_CODE INVALID_EVENT
        NO_IDENTIFIERS_PROVIDED EVENT_TIME_INVALID FIELD_VALUE_TOO_LONG FIELD_VALUE_TOO_SHORT TOO_MANY_ELEMENTS
        TOO_FEW_ELEMENTS INVALID_MERCHANT_ID INVALID_MERCHANT_FEED_LANGUAGE_CODE INVALID_REGION_CODE
        INVALID_SUBDIVISION_CODE INVALID_SUBCONTINENT_CODE INVALID_CONTINENT_CODE INVALID_DEVICE_CATEGORY
        THIRD_PARTY_USER_DATA_NOT_ALLOWED INVALID_COUPON_CODE CUSTOM_VARIABLE_VALUE_CONTAINS_PII
        CUSTOM_VARIABLE_NOT_ENABLED INVALID_CUSTOM_VARIABLE_VALUE CUSTOM_VARIABLE_NOT_FOUND
        INVALID_AD_IDENTIFIER_FOR_ACCOUNT""",
    THROTTLED: "RESOURCE_EXHAUSTED CONVERSION_ACTION_TOO_RECENTLY_CREATED",
    RETRY: "INTERNAL_ERROR DEADLINE_EXCEEDED",
    CREDENTIALS: "PERMISSION_DENIED",
    # accounts, terms and settings; after the empty line, reasons that only calls of other products can get
    CONFIG: """
        NOT_FOUND INVALID_DESTINATION OPERATING_ACCOUNT_LOGIN_ACCOUNT_MISMATCH DESTINATION_ACCOUNT_TYPE_MISMATCH
        LINKED_ACCOUNT_ONLY_ALLOWED_WITH_DATA_PARTNER_LOGIN_ACCOUNT MISMATCHED_ACCOUNT_TYPE
        DUPLICATE_DESTINATION_REFERENCE TOO_MANY_DESTINATIONS INVALID_CONVERSION_ACTION_ID
        INVALID_CONVERSION_ACTION_TYPE EVENT_SOURCE_AND_DESTINATION_MISMATCH TERMS_AND_CONDITIONS_NOT_SIGNED
        DESTINATION_ACCOUNT_NOT_ENABLED_ENHANCED_CONVERSIONS_FOR_LEADS
        DESTINATION_ACCOUNT_DATA_POLICY_PROHIBITS_ENHANCED_CONVERSIONS
        DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED NOT_ALLOWLISTED
        EU_POLITICAL_ADVERTISING_DECLARATION_REQUIRED ACCOUNT_INELIGIBLE_FOR_STORE_SALES TOO_MANY_EVENTS
        INVALID_REQUEST_ID REQUEST_TOO_OLD

        INVALID_PROPERTY_TYPE INVALID_STREAM_TYPE RESERVED_NAME_USED INVALID_EVENT_NAME
        MULTIPLE_DESTINATIONS_FOR_GOOGLE_ANALYTICS_EVENT BOTH_CLIENT_ID_AND_APP_INSTANCE_ID_NOT_ALLOWED
        GOOGLE_ANALYTICS_SUBPROPERTY_OR_ROLLUP_PROPERTY_NOT_ALLOWED REQUIRED_PREREQUISITE_LINK_MISSING
        INVALID_USER_LIST_TYPE INVALID_AUDIENCE_MEMBER TOO_MANY_AUDIENCE_MEMBERS
        DATA_PARTNER_USER_LIST_MUTATE_NOT_ALLOWED INVALID_USER_LIST_ID MULTIPLE_DATA_TYPES_NOT_ALLOWED
        DIFFERENT_LOGIN_ACCOUNTS_NOT_ALLOWED_FOR_DATA_PARTNER UNSUPPORTED_OPERATING_ACCOUNT_FOR_DATA_PARTNER
        UNSUPPORTED_LINKED_ACCOUNT_FOR_DATA_PARTNER ALREADY_EXISTS IMMUTABLE_FIELD_FOR_UPDATE INVALID_RESOURCE_NAME
        INVALID_FILTER INVALID_UPDATE_MASK INVALID_PAGE_TOKEN CANNOT_UPDATE_DISABLED_LICENSE
        CANNOT_CREATE_LICENSE_FOR_SENSITIVE_USERLIST INSUFFICIENT_COST CANNOT_DISABLE_LICENSE
        INVALID_CLIENT_ACCOUNT_ID PRICING_ONLY_ZERO_COST_ALLOWED PRICE_TOO_HIGH
        CUSTOMER_NOT_ALLOWED_TO_CREATE_LICENSE INVALID_PRICING_END_DATE
        CANNOT_LICENSE_LOGICAL_LIST_WITH_LICENSED_OR_SHARED_SEGMENT MEDIA_SHARE_COST_NOT_ALLOWED_FOR_LICENSE_TYPE
        MEDIA_SHARE_COST_NOT_ALLOWED_FOR_CLIENT_CUSTOMER INVALID_MEDIA_SHARE_COST INVALID_COST_TYPE
        MEDIA_SHARE_COST_NOT_ALLOWED_FOR_NON_COMMERCE_USER_LIST MAX_COST_NOT_ALLOWED
        COMMERCE_AUDIENCE_CAN_ONLY_BE_DIRECTLY_LICENSED INVALID_DESCRIPTION INVALID_DISPLAY_NAME
        DISPLAY_NAME_ALREADY_USED OWNERSHIP_REQUIRED_FOR_UPDATE USER_LIST_MUTATION_NOT_SUPPORTED
        SENSITIVE_USER_LIST_IMMUTABLE BILLABLE_RECORD_COUNT_IMMUTABLE USER_LIST_NAME_RESERVED
        ADVERTISER_NOT_ALLOWLISTED_FOR_UPLOADED_DATA UNSUPPORTED_PARTNER_AUDIENCE_SOURCE
        COMMERCE_PARTNER_NOT_ALLOWED UNSUPPORTED_PARTNER_AUDIENCE_INFO
        PARTNER_MATCH_FOR_MANAGER_ACCOUNT_DISALLOWED
        DATA_PARTNER_NOT_ALLOWLISTED_FOR_THIRD_PARTY_PARTNER_DATA ADVERTISER_TOS_NOT_ACCEPTED
        ADVERTISER_NOT_ALLOWLISTED_FOR_THIRD_PARTY_PARTNER_DATA USER_LIST_TYPE_NOT_SUPPORTED_FOR_ACCOUNT
        INVALID_COMMERCE_PARTNER CUSTOMER_NOT_ALLOWLISTED_FOR_COMMERCE_AUDIENCE
        UNSUPPORTED_USER_LIST_UPLOAD_KEY_TYPES UNSUPPORTED_INGESTED_USER_LIST_INFO_CONFIG
        UNSUPPORTED_ACCOUNT_TYPES_FOR_USER_LIST_TYPE UNSUPPORTED_ACCOUNT_TYPE_FOR_PARTNER_LINK
        MEMBERSHIP_DURATION_TOO_LONG TOO_MANY_USERS BASELINE_LOCATION_AUTO_DETECTION_FAILED
        INSIGHTS_MISSING_FOR_DIMENSION INVALID_REMOVE_AS_OF_TIME""",
}
REASONS: dict[str, Verdict] = {reason: verdict for verdict, names in _REASONS.items() for reason in names.split()}
"""By ``ErrorReason``; the most severe one in the answer decides. INVALID_ARGUMENT only wraps others: it is not here."""

WAIT_SECONDS = {"CONVERSION_ACTION_TOO_RECENTLY_CREATED": 6 * 3600.0}
"""By reason: wait in seconds, where the reference names a time and the answer does not."""

_EVENTS = re.compile(r"\W*(?:\w+\.)*events\b(?:\[(\d{1,6})\]\.?)?", re.ASCII | re.IGNORECASE)
"""Known forms are ``events.events[3].user_data`` and ``events[3]``; any message name may precede ``events``."""
MIN_CONSENT_REFUSALS = 5
"""Events refused for consent in one request, from which, if they are over half of it, the settings are at fault."""
FIRST_STATUS_POLL_SECONDS = 1800.0
"""Time until the first poll for the status of each event (guide "Diagnostics")."""


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, hide_input_in_errors=True)


class _FieldWarning(_Json):
    reason: str
    field: str = ""


class _Accepted(_Json):
    request_id: str = ""
    field_warnings: list[OnErrorOmit[_FieldWarning]] = []
    error: Any = None


class _FieldViolation(_Json):
    field: str = ""
    reason: str = ""


class _Detail(_Json):
    """``ErrorInfo``, ``RequestInfo``, ``BadRequest`` or ``RetryInfo``; each has its own fields."""

    reason: str = ""
    metadata: dict[str, Any] = {}
    request_id: str = ""
    field_violations: list[OnErrorOmit[_FieldViolation]] = []
    retry_delay: str = Field("", pattern=r"^(\d{1,9}(\.\d{1,9})?s)?$")


class _Error(_Json):
    status: str = ""
    details: list[OnErrorOmit[_Detail]] = []

    @property
    def violations(self) -> list[_FieldViolation]:
        return [violation for detail in self.details for violation in detail.field_violations]

    @property
    def reasons(self) -> list[str]:
        """Enum names only, the most specific first."""
        named = [violation.reason for violation in self.violations] + [detail.reason for detail in self.details]
        return list(dict.fromkeys(filter(None, map(enum_name, named))))

    @property
    def request_id(self) -> str | None:
        """The id that Google gives the request; in an error it begins with ``t-``."""
        ids = [detail.request_id or str(detail.metadata.get("requestId") or "") for detail in self.details]
        return next(filter(None, ids), None)

    @property
    def per_day(self) -> bool:
        return any("PerDay" in str(detail.metadata.get("quota_limit")) for detail in self.details)

    @property
    def outside_events(self) -> bool:
        """Whether the error names only fields that come from the settings."""
        fields = [violation.field for violation in self.violations]
        return bool(fields) and all(field and not _EVENTS.match(field) for field in fields)

    @property
    def retry_after(self) -> float | None:
        return next((float(detail.retry_delay[:-1]) for detail in self.details if detail.retry_delay), None)


class _Refused(_Json):
    error: _Error


def classify_response(answer: Answer, events: int) -> Receipt:
    """Classify *answer* to a request with *events* events."""
    return _accepted(answer) if 200 <= answer.status < 300 else _refused(answer, events)


def _accepted(answer: Answer) -> Receipt:
    try:
        body = _Accepted.model_validate(from_json(answer.body, allow_partial=answer.cut))
    except ValueError:
        return receipt(answer, RETRY, "UNREADABLE")
    if "error" in body.model_fields_set:
        return receipt(answer, RETRY, "ERROR")
    if not body.request_id:
        return receipt(answer, RETRY, "NO_REQUEST_ID")
    accepted = receipt(answer, ACCEPTED, reference=body.request_id)
    return replace(accepted, warnings=_warnings(body.field_warnings), ask_after=FIRST_STATUS_POLL_SECONDS)


def _warnings(field_warnings: list[_FieldWarning]) -> dict[str, int]:
    """Return the number of events by kind of warning; an event with ten products counts once."""
    events_by_kind: dict[str, set[str]] = {}
    for warning in field_warnings:
        event = _EVENTS.match(warning.field)
        events_by_kind.setdefault(warnings.kind(warning.reason), set()).add(event[1] or "" if event else "")
    return {kind: len(events) for kind, events in events_by_kind.items()}


def _refused(answer: Answer, events: int) -> Receipt:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        verdict = payload_too_large(WITHOUT_BODY.get(answer.status, RETRY), answer, events)
        return with_wait(receipt(answer, verdict, "UNREADABLE"), answer.retry_after)
    failed_items = tuple(_failed_items(error, events))
    verdict, reason = _verdict(answer.status, error)
    verdict = payload_too_large(BAD_EVENT if verdict == AMBIGUOUS and failed_items else verdict, answer, events)
    verdict = CONFIG if verdict == BAD_EVENT and _without_consent(failed_items, events) else verdict
    refusal = receipt(answer, verdict, enum_name(error.status), reason, reference=error.request_id)
    if verdict == BAD_EVENT:
        return replace(refusal, failed_items=failed_items)
    return with_wait(refusal, answer.retry_after or error.retry_after or WAIT_SECONDS.get(reason or ""))


def _without_consent(failed_items: Sequence[FailedItem], events: int) -> bool:
    """Return whether the account or the consent column is at fault, rather than the events that the error names."""
    refused_for_consent = sum(of_consent(item.code) for item in failed_items)
    return len(failed_items) >= MIN_CONSENT_REFUSALS and 2 * refused_for_consent > events


def _verdict(status: int, error: _Error) -> tuple[Verdict, str | None]:
    """Return the verdict with the reason that decided, or else with the first reason."""
    known = {reason: REASONS[reason] for reason in error.reasons if reason in REASONS}
    canonical = STATUSES.get(error.status) or STATUSES.get(status, CONFIG)
    verdict = BY_STATUS.get(status) or (most_severe(known.values()) if known else canonical)
    if verdict == THROTTLED and error.per_day:
        verdict = QUOTA
    if verdict in {BAD_EVENT, AMBIGUOUS} and error.outside_events:
        verdict = CONFIG
    decided = (reason for reason, of_reason in known.items() if of_reason == verdict)
    return verdict, next(decided, next(iter(error.reasons), None))


def _failed_items(error: _Error, events: int) -> Iterator[FailedItem]:
    """Yield one item for each event that the error names."""
    positions: set[int] = set()
    for violation in error.violations:
        event = _EVENTS.match(violation.field)
        if event and event[1] and (position := int(event[1])) < events and position not in positions:
            positions.add(position)
            rest = re.fullmatch(r"[A-Za-z0-9_.\[\]]{1,200}", violation.field[event.end() :])
            yield FailedItem(position, enum_name(violation.reason) or "OTHER", rest[0] if rest else "")
