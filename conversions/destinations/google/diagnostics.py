"""What Google says later of a request it took: ``requestStatus:retrieve`` (API v1.9, 2026-11-04).

Parsed leniently, since the enums are open and the newest fields are younger than Google's own client libraries.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, OnErrorOmit, ValidationError, model_validator
from pydantic.alias_generators import to_camel

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
"""By ``requestStatus``; any other is one to ask about again."""

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
    # final; then what only other products' calls can meet
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
REASONS: dict[str, ReasonPolicy] = {reason: ruling for ruling, names in _REASONS.items() for reason in names.split()}
"""By ``ProcessingErrorReason`` without its prefix."""
PREFIX = "PROCESSING_ERROR_REASON_"
OTHERWISE = ReasonPolicy(EventOutcome.UNLISTED)
"""For a reason that is younger than this table: a row error means that the record was not taken."""
FAILED = "FAILED"
"""In place of a reason where a request failed as a whole and none is given: a person looks before more is sent."""

REMEDIES = {
    "DESTINATION_ACCOUNT_ENHANCED_CONVERSIONS_TERMS_NOT_SIGNED": (
        "an administrator of the Google Ads account accepts the customer data terms there (Goals, Settings)"
    ),
    "NO_CONSENT": "an administrator lets the Google Ads account share data with Google's ads services",
    "INVALID_MERCHANT_ID": "correct `merchant_id` in the settings",
    "PERMISSION_DENIED": (
        "give the service account the access Standard in Google Ads (Admin, Access and security), by the way that its "
        "uploads take: the account itself, or the manager in `login_account_id`"
    ),
    FAILED: "look at the diagnostics of the conversion action in Google Ads, and mend what they name",
    "SERVICE_DISABLED": "enable the Data Manager API in the credentials' Cloud project",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": "use a service account's key file, which has the scope datamanager",
}
"""What mends a reason that is the account's, and a question that is not allowed."""
CONSENT_REMEDY = (
    "look whether the shop's consent column is mapped (`source.columns.consent`) and the privacy policy lists what is "
    "sent of it, and at the consent settings of the Google Ads account"
)
UNLISTED_REMEDY = (
    "look the reason up in Google's documentation and in the diagnostics of the Google Ads account, and mend it"
)
OTHER_REMEDY = "mend it in the Google Ads account"

GONE = {"REQUEST_TOO_OLD": RequestStatus.TOO_OLD, "INVALID_REQUEST_ID": RequestStatus.NOT_FOUND}
"""By ``ErrorReason`` of a refused question."""
REFUSALS = {403: RequestStatus.PERMISSION_DENIED, 404: RequestStatus.NOT_FOUND}
"""By status where no such reason is named."""


class _Json(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, said: Any) -> Any:
        """As in protobuf's JSON, where a number that is 0 and a name that is the first may be left out, too."""
        return {name: value for name, value in said.items() if value is not None} if isinstance(said, dict) else said


class _Count(_Json):
    reason: str = Field("", coerce_numbers_to_str=True)
    record_count: int | None = None
    record_indices: list[int] = []


class _ErrorInfo(_Json):
    error_counts: list[Annotated[_Count | Any, Field(union_mode="left_to_right")]] = []
    """A count that cannot be read stays what it is: it may be about any order."""


class _WarningInfo(_Json):
    warning_counts: list[OnErrorOmit[_Count]] = []


class _Ingested(_Json):
    record_count: int | None = None


class _Status(_Json):
    request_status: str = ""
    events_ingestion_status: _Ingested = _Ingested()
    error_info: _ErrorInfo = _ErrorInfo()
    warning_info: Annotated[_WarningInfo | Any, Field(union_mode="left_to_right")] = _WarningInfo()
    """No form of it makes the rest unreadable."""


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


def ruling(reason: str) -> ReasonPolicy:
    """What *reason* means; names of consent that this table does not list are about consent all the same."""
    return REASONS.get(reason) or (ReasonPolicy(EventOutcome.CONSENT) if of_consent(reason) else OTHERWISE)


def remedy(reason: str) -> str:
    """What a person does about *reason*, where it is the account's."""
    if reason in REMEDIES:
        return REMEDIES[reason]
    by_fate = {EventOutcome.CONSENT: CONSENT_REMEDY, EventOutcome.UNLISTED: UNLISTED_REMEDY}
    return by_fate.get(ruling(reason).outcome, OTHER_REMEDY)


def judge(answer: Answer, events: int) -> Diagnosis:
    """What *answer* says of the request of so many *events* that was asked about."""
    return _told(answer, events) if 200 <= answer.status < 300 else _refused(answer)


def _told(answer: Answer, events: int) -> Diagnosis:
    """Our requests have one destination, so that the first status is the only one."""
    try:
        statuses = _Retrieved.model_validate_json(answer.body).request_status_per_destination
    except ValidationError:
        return Diagnosis(RequestStatus.PROCESSING, "UNREADABLE")
    if not statuses:
        return Diagnosis(RequestStatus.PROCESSING)
    status = statuses[0]
    told = STATUSES.get(status.request_status.upper(), RequestStatus.PROCESSING)
    if told is RequestStatus.PROCESSING:
        return Diagnosis(told, enum_name(status.request_status) or "")
    counts = status.error_info.error_counts
    read = [count for count in counts if isinstance(count, _Count) and _readable(count, events)]
    findings = tuple(finding for finding in map(_finding, read) if finding.events)
    warned = _warnings(status.warning_info, events)
    if told is RequestStatus.FAILED and not findings:
        return Diagnosis(told, findings=(_of_all(counts, events),), warnings=warned)
    counted, complete = status.events_ingestion_status.record_count, len(read) == len(counts)
    return Diagnosis(told, "", counted, findings, complete, warned)


def _readable(count: _Count, events: int) -> bool:
    """Whether it says of how many events, or of which, it is; of more than there were, it says nothing."""
    possible = range(events + 1)
    counted = count.record_count is not None or bool(count.record_indices)
    return counted and (count.record_count or 0) in possible and len(count.record_indices) in possible


def _finding(count: _Count) -> StatusDetail:
    reason, positions = _reason(count), frozenset(count.record_indices)
    return StatusDetail(reason, ruling(reason), max(count.record_count or 0, len(positions)), positions)


def _of_all(counts: list[Any], events: int) -> StatusDetail:
    """All events of a request that failed as a whole: for the one reason that is given, or for nobody knows what."""
    given = {_reason(count) for count in counts if isinstance(count, _Count)}
    reason = given.pop() if len(given) == 1 else FAILED
    fate = ReasonPolicy(EventOutcome.SETUP) if reason == FAILED else ruling(reason)
    return StatusDetail(reason, fate, events, frozenset(range(events)))


def _reason(count: _Count) -> str:
    """The enum's name, however it is spelt; a word in lower case that is none of its names may be anything."""
    known = count.reason.upper().removeprefix(PREFIX)
    return known if known in REASONS else (enum_name(count.reason) or "OTHER").removeprefix(PREFIX)


def _warnings(info: Any, events: int) -> dict[str, int]:
    """By kind the events that were taken with a part of them ignored."""
    counted = Counter[str]()
    for count in info.warning_counts if isinstance(info, _WarningInfo) else ():
        counted[warnings.kind(count.reason)] += min(events, max(count.record_count or 0, len(count.record_indices)))
    return dict(+counted)


def _refused(answer: Answer) -> Diagnosis:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        return Diagnosis(RequestStatus.NO_ANSWER, str(answer.status))
    reasons = list(_reasons(error))
    gone = next((GONE[reason] for reason in reasons if reason in GONE), None)
    told = gone or REFUSALS.get(answer.status, RequestStatus.NO_ANSWER)
    return Diagnosis(told, "/".join([str(answer.status), *reasons[:1]]))


def _reasons(error: _Error) -> Iterator[str]:
    """Names only, the most particular first."""
    named = [violation.reason for detail in error.details for violation in detail.field_violations]
    for reason in [*named, *(detail.reason for detail in error.details), error.status]:
        if known := enum_name(reason):
            yield known
