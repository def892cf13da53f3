"""Google's diagnostics of a request that it received: ``requestStatus:retrieve`` (API v1.9, 2026-11-04).

The parser is lenient: the enums are open, and the newest fields are newer than Google's own client libraries.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, OnErrorOmit, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from conversions.catalogue import APPROVE
from conversions.destinations import warnings
from conversions.destinations.responses import enum_name
from conversions.model.late_result import Diagnosis, EventOutcome, ReasonPolicy, RequestStatus, StatusDetail, of_consent
from conversions.transport.http import Answer

STATUSES = {
    "PROCESSING": RequestStatus.PROCESSING,
    "REQUEST_STATUS_UNKNOWN": RequestStatus.PROCESSING,
    "SUCCESS": RequestStatus.SUCCESS,
    "PARTIAL_SUCCESS": RequestStatus.PARTIAL_SUCCESS,
    "FAILED": RequestStatus.FAILED,
    "FAILURE": RequestStatus.FAILED,  # as the guide writes it
}
"""By ``requestStatus``; after any other status the run polls again."""

_REASONS: dict[ReasonPolicy, str] = {
    ReasonPolicy(EventOutcome.UNMATCHED): "CLICK_NOT_FOUND",
    ReasonPolicy(EventOutcome.DUPLICATE): "DUPLICATE_TRANSACTION_ID DUPLICATE_GCLID",
    ReasonPolicy(EventOutcome.DEFERRED, timedelta(hours=6)): "TOO_RECENT_CLICK DESTINATION_TOO_RECENTLY_CREATED",
    ReasonPolicy(EventOutcome.DEFERRED, timedelta(hours=1)): "INTERNAL_ERROR",
    ReasonPolicy(EventOutcome.SETUP): """
        NO_CONSENT DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED
        EXTERNAL_ATTRIBUTION_DATA_MISSING ONE_PER_CLICK_CONVERSION_ACTION_NOT_PERMITTED_WITH_BRAID INVALID_MERCHANT_ID
        INVALID_CUSTOM_VARIABLE CUSTOM_VARIABLE_NOT_ENABLED""",
    ReasonPolicy(EventOutcome.CONSENT): "DENIED_CONSENT UNKNOWN_CONSENT",
    # final; after the empty line, reasons that only calls of other products can get
    ReasonPolicy(EventOutcome.REJECTED): """
        EVENT_TOO_OLD EXPIRED_CLICK CONVERSION_PRECEDES_CLICK INVALID_CLICK INVALID_GCLID INVALID_GBRAID INVALID_WBRAID
        INVALID_AD_IDENTIFIERS INVALID_OPERATING_ACCOUNT_FOR_CLICK
        PROCESSING_ERROR_OPERATING_ACCOUNT_MISMATCH_FOR_AD_IDENTIFIER INVALID_EVENT INVALID_FORMAT

        INSUFFICIENT_MATCHED_TRANSACTIONS INSUFFICIENT_TRANSACTIONS DECRYPTION_ERROR DEK_DECRYPTION_ERROR INVALID_WIP
        INVALID_KEK WIP_AUTH_FAILED KEK_PERMISSION_DENIED AWS_AUTH_FAILED USER_IDENTIFIER_DECRYPTION_ERROR
        MATCH_ID_NOT_FOUND USER_ID_NOT_FOUND USER_ID_NOT_FOUND_FOR_MATCH_ID USER_ID_NOT_FOUND_FOR_GCLID
        USER_ID_NOT_FOUND_FOR_DCLID USER_ID_NOT_FOUND_FOR_IMPRESSION_ID INVALID_MOBILE_ID_FORMAT
        ORIGINAL_CONVERSIONS_NOT_FOUND EVENT_ID_DECODE_ERROR TOO_RECENT_CALL EXPIRED_CALL INVALID_CALL""",
}
REASONS: dict[str, ReasonPolicy] = {reason: policy for policy, names in _REASONS.items() for reason in names.split()}
"""By ``ProcessingErrorReason`` without its prefix."""
PREFIX = "PROCESSING_ERROR_REASON_"
UNLISTED = ReasonPolicy(EventOutcome.UNLISTED)
"""For a reason that is newer than this table: an error of a record means that Google did not record it."""
FAILED = "FAILED"
"""Stands for the missing reason of a request that failed as a whole: an operator must check before more is sent."""

FIXES = {
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": (
        "an administrator of the Google Ads account must accept the customer data terms there (Goals, Settings)"
    ),
    "NO_CONSENT": "an administrator must let the Google Ads account share data with Google's ads services",
    "INVALID_MERCHANT_ID": "correct `merchant_id` in the settings",
    "PERMISSION_DENIED": (
        "give the service account the access Standard in Google Ads (Admin, Access and security), in the account that "
        "its uploads use: the account itself, or the manager account in `login_account_id`"
    ),
    FAILED: "read the diagnostics of the conversion action in Google Ads, and correct the faults that they name",
    "SERVICE_DISABLED": "enable the Data Manager API in the credentials' Cloud project",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "use a service account's key file, which has the scope datamanager",
}
"""What an operator does about a fault of the account, or about a refused status request."""
CONSENT_FIX = (
    "check that `source.columns.consent` maps the shop's consent column, that the disclosure policy lists the consent "
    f"paths (after a change: {APPROVE}), and the consent settings of the Google Ads account"
)
UNLISTED_FIX = (
    "look the reason up in Google's documentation and in the diagnostics of the Google Ads account, and correct it"
)
OTHER_FIX = "correct it in the Google Ads account"

STATUS_BY_REASON = {"REQUEST_TOO_OLD": RequestStatus.TOO_OLD, "INVALID_REQUEST_ID": RequestStatus.NOT_FOUND}
"""By ``ErrorReason`` of a refused status request."""
STATUS_BY_HTTP = {403: RequestStatus.PERMISSION_DENIED, 404: RequestStatus.NOT_FOUND}
"""By HTTP status, where the answer names no such reason."""


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, raw: Any) -> Any:
        """Treat null as absent, as protobuf's JSON does; it may also leave out 0 and the first name of an enum."""
        return {name: value for name, value in raw.items() if value is not None} if isinstance(raw, dict) else raw


class _Count(_Json):
    reason: str = Field("", coerce_numbers_to_str=True)
    record_count: int | None = None
    record_indices: list[int] = []


class _ErrorInfo(_Json):
    error_counts: list[Annotated[_Count | Any, Field(union_mode="left_to_right")]] = []
    """An unreadable count stays in the list: it may be about any order."""


class _WarningInfo(_Json):
    warning_counts: list[OnErrorOmit[_Count]] = []


class _Ingested(_Json):
    record_count: int | None = None


class _Status(_Json):
    request_status: str = ""
    events_ingestion_status: _Ingested = _Ingested()
    error_info: _ErrorInfo = _ErrorInfo()
    warning_info: Annotated[_WarningInfo | Any, Field(union_mode="left_to_right")] = _WarningInfo()
    """The rest stays readable for any form of this field."""


class _Retrieved(_Json):
    request_status_per_destination: list[_Status] = []


class _Violation(_Json):
    reason: str = ""


class _Detail(_Json):
    reason: str = ""
    field_violations: list[OnErrorOmit[_Violation]] = []


class _Error(_Json):
    status: str = ""
    details: list[OnErrorOmit[_Detail]] = []


class _Refused(_Json):
    error: _Error


def policy_for(reason: str) -> ReasonPolicy:
    """Return the policy for *reason*; a reason that is not in the table is about consent if its name says so."""
    return REASONS.get(reason) or (ReasonPolicy(EventOutcome.CONSENT) if of_consent(reason) else UNLISTED)


def fix(reason: str) -> str:
    """Return what an operator does about *reason*, a fault of the account."""
    if reason in FIXES:
        return FIXES[reason]
    by_outcome = {EventOutcome.CONSENT: CONSENT_FIX, EventOutcome.UNLISTED: UNLISTED_FIX}
    return by_outcome.get(policy_for(reason).outcome, OTHER_FIX)


def parse_status(answer: Answer, events: int) -> Diagnosis:
    """Classify *answer*, the status of a request with *events* events."""
    return _diagnosis(answer, events) if 200 <= answer.status < 300 else _refused(answer)


def _diagnosis(answer: Answer, events: int) -> Diagnosis:
    """Read the first status, the only one: our requests have one destination."""
    try:
        statuses = _Retrieved.model_validate_json(answer.body).request_status_per_destination
    except ValidationError:
        return Diagnosis(RequestStatus.PROCESSING, "UNREADABLE")
    if not statuses:
        return Diagnosis(RequestStatus.PROCESSING)
    status = statuses[0]
    request_status = STATUSES.get(status.request_status.upper(), RequestStatus.PROCESSING)
    if request_status is RequestStatus.PROCESSING:
        return Diagnosis(request_status, enum_name(status.request_status) or "")
    counts = status.error_info.error_counts
    usable = [count for count in counts if isinstance(count, _Count) and _plausible(count, events)]
    findings = tuple(finding for finding in map(_finding, usable) if finding.events)
    by_warning = _warnings(status.warning_info, events)
    if request_status is RequestStatus.FAILED and not findings:
        return Diagnosis(request_status, findings=(_whole_request(counts, events),), warnings=by_warning)
    record_count, complete = status.events_ingestion_status.record_count, len(usable) == len(counts)
    return Diagnosis(request_status, "", record_count, findings, complete, by_warning)


def _plausible(count: _Count, events: int) -> bool:
    """Return whether the count states a number of events or their positions, and no more than the request has."""
    possible = range(events + 1)
    has_number = count.record_count is not None or bool(count.record_indices)
    return has_number and (count.record_count or 0) in possible and len(count.record_indices) in possible


def _finding(count: _Count) -> StatusDetail:
    reason, positions = _reason(count), frozenset(count.record_indices)
    return StatusDetail(reason, policy_for(reason), max(count.record_count or 0, len(positions)), positions)


def _whole_request(counts: list[Any], events: int) -> StatusDetail:
    """Return all events of a request that failed as a whole, with the single reason given, or FAILED."""
    reasons = {_reason(count) for count in counts if isinstance(count, _Count)}
    reason = reasons.pop() if len(reasons) == 1 else FAILED
    policy = ReasonPolicy(EventOutcome.SETUP) if reason == FAILED else policy_for(reason)
    return StatusDetail(reason, policy, events, frozenset(range(events)))


def _reason(count: _Count) -> str:
    """Return the enum's name in capitals without its prefix; ``OTHER`` for unknown text, which may repeat sent data."""
    name = count.reason.upper().removeprefix(PREFIX)
    return name if name in REASONS else (enum_name(count.reason) or "OTHER").removeprefix(PREFIX)


def _warnings(info: Any, events: int) -> dict[str, int]:
    """Return the number of recorded events with an ignored part, by kind of warning."""
    by_kind = Counter[str]()
    for count in info.warning_counts if isinstance(info, _WarningInfo) else ():
        by_kind[warnings.kind(count.reason)] += min(events, max(count.record_count or 0, len(count.record_indices)))
    return dict(+by_kind)


def _refused(answer: Answer) -> Diagnosis:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        return Diagnosis(RequestStatus.NO_ANSWER, str(answer.status))
    reasons = list(_reasons(error))
    by_reason = next((STATUS_BY_REASON[reason] for reason in reasons if reason in STATUS_BY_REASON), None)
    status = by_reason or STATUS_BY_HTTP.get(answer.status, RequestStatus.NO_ANSWER)
    return Diagnosis(status, "/".join([str(answer.status), *reasons[:1]]))


def _reasons(error: _Error) -> Iterator[str]:
    """Yield enum names only, the most specific first."""
    named = [violation.reason for detail in error.details for violation in detail.field_violations]
    for reason in [*named, *(detail.reason for detail in error.details), error.status]:
        if known := enum_name(reason):
            yield known
