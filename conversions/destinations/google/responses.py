"""What an answer of Google's Data Manager API means (error reference of API v1.9, 2026-11-04).

Decided on HTTP statuses and the names of two open enums, ``google.rpc.Code`` and ``ErrorReason``; never on prose.
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
    judged,
    most_severe,
    payload_too_large,
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
"""By the error's canonical code, else by HTTP status; for errors without a reason known below. Any other 4xx: OURS.

Where an event is named, DOUBT becomes DATA.
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
    # accounts, terms and settings; then what only other products' calls can meet
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
"""By ``ErrorReason``; the gravest of those named decides. INVALID_ARGUMENT only wraps others, and decides nothing."""

WAITS = {"CONVERSION_ACTION_TOO_RECENTLY_CREATED": 6 * 3600.0}
"""Seconds, where the reference names a time and the answer does not."""

_EVENTS = re.compile(r"\W*(?:\w+\.)*events\b(?:\[(\d{1,6})\]\.?)?", re.ASCII | re.IGNORECASE)
"""Seen are ``events.events[3].user_data`` and ``events[3]``; taken is whatever message stands before."""
ENOUGH = 5
"""Events that are refused for consent at once: more than half of a request, and it is no single buyer's."""
FIRST_QUESTION = 1800.0
"""Seconds until the first question what became of each event (guide "Diagnostics")."""


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
    """``ErrorInfo``, ``RequestInfo``, ``BadRequest`` or ``RetryInfo``: each fills its own fields."""

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
        """Names only, the most particular first."""
        named = [violation.reason for violation in self.violations] + [detail.reason for detail in self.details]
        return list(dict.fromkeys(filter(None, map(enum_name, named))))

    @property
    def request_id(self) -> str | None:
        """Of an error it begins with ``t-``."""
        ids = [detail.request_id or str(detail.metadata.get("requestId") or "") for detail in self.details]
        return next(filter(None, ids), None)

    @property
    def per_day(self) -> bool:
        return any("PerDay" in str(detail.metadata.get("quota_limit")) for detail in self.details)

    @property
    def outside_events(self) -> bool:
        """Whether all that is named is the part of the request that comes from our settings."""
        fields = [one.field for one in self.violations]
        return bool(fields) and all(field and not _EVENTS.match(field) for field in fields)

    @property
    def retry_after(self) -> float | None:
        return next((float(detail.retry_delay[:-1]) for detail in self.details if detail.retry_delay), None)


class _Refused(_Json):
    error: _Error


def judge(answer: Answer, events: int) -> Receipt:
    """What *answer* says about a request of so many *events*."""
    return _accepted(answer) if 200 <= answer.status < 300 else _refused(answer, events)


def _accepted(answer: Answer) -> Receipt:
    try:
        body = _Accepted.model_validate(from_json(answer.body, allow_partial=answer.cut))
    except ValueError:
        return judged(answer, RETRY, "UNREADABLE")
    if "error" in body.model_fields_set:
        return judged(answer, RETRY, "ERROR")
    if not body.request_id:
        return judged(answer, RETRY, "NO_REQUEST_ID")
    held = judged(answer, ACCEPTED, reference=body.request_id, warnings=_warned(body.field_warnings))
    return replace(held, ask_after=FIRST_QUESTION)


def _warned(found: list[_FieldWarning]) -> dict[str, int]:
    """How many events met each kind of warning: an event of ten products meets it once."""
    fields: dict[str, set[str]] = {}
    for one in found:
        event = _EVENTS.match(one.field)
        fields.setdefault(warnings.kind(one.reason), set()).add(event[1] or "" if event else "")
    return {kind: len(events) for kind, events in fields.items()}


def _refused(answer: Answer, events: int) -> Receipt:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        verdict = payload_too_large(WITHOUT_BODY.get(answer.status, RETRY), answer, events)
        return judged(answer, verdict, "UNREADABLE", wait=answer.retry_after)
    culprits = tuple(_failed_items(error, events))
    verdict, reason = _verdict(answer.status, error)
    verdict = payload_too_large(BAD_EVENT if verdict == AMBIGUOUS and culprits else verdict, answer, events)
    verdict = CONFIG if verdict == BAD_EVENT and _without_consent(culprits, events) else verdict
    return judged(
        answer,
        verdict,
        enum_name(error.status),
        reason,
        reference=error.request_id,
        wait=answer.retry_after or error.retry_after or WAITS.get(reason or ""),
        culprits=culprits if verdict == BAD_EVENT else (),
    )


def _without_consent(culprits: Sequence[FailedItem], events: int) -> bool:
    """Whether it is the account, or what the shop records of consent, rather than the buyers who are named."""
    return len(culprits) >= ENOUGH and 2 * sum(of_consent(one.code) for one in culprits) > events


def _verdict(status: int, error: _Error) -> tuple[Verdict, str | None]:
    """The verdict, and the reason that decided or at least the first one named."""
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
    """One per event named."""
    named: set[int] = set()
    for violation in error.violations:
        found = _EVENTS.match(violation.field)
        if found and found[1] and (position := int(found[1])) < events and position not in named:
            named.add(position)
            rest = re.fullmatch(r"[A-Za-z0-9_.\[\]]{1,200}", violation.field[found.end() :])
            yield FailedItem(position, enum_name(violation.reason) or "OTHER", rest[0] if rest else "")
