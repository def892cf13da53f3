"""Classifies the answers of Meta's Conversions API (Graph API v26.0, error references of 2026).

HTTP statuses, codes and subcodes decide. Texts are in the account's language, and ``type`` is OAuthException for nearly
every error, so neither decides. One exception has no code of its own: a missing ``appsecret_proof``.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, OnErrorOmit, StrictInt, TypeAdapter, ValidationError

from conversions.destinations.responses import (
    ACCEPTED,
    AMBIGUOUS,
    BAD_EVENT,
    BY_STATUS,
    CONFIG,
    CREDENTIALS,
    FINAL_WARNING,
    RETRY,
    THROTTLED,
    WITHOUT_BODY,
    Verdict,
    enum_name,
    payload_too_large,
    receipt,
    with_wait,
)
from conversions.destinations.warnings import API_VERSION, MESSAGE
from conversions.model.receipt import Receipt
from conversions.transport.http import Answer

CODES: dict[int, Verdict] = {
    1: RETRY,  # unknown, possibly an outage
    2: RETRY,  # service outage
    3: CONFIG,  # method or capability missing
    4: THROTTLED,  # the app's limit
    10: CREDENTIALS,
    17: THROTTLED,  # the user's or account's limit
    32: THROTTLED,  # a page's limit
    100: AMBIGUOUS,  # invalid parameter
    102: CREDENTIALS,
    104: CREDENTIALS,  # incorrect signature
    105: BAD_EVENT,  # too many parameters
    190: CREDENTIALS,  # token unusable, for every subcode
    **dict.fromkeys(range(200, 300), CREDENTIALS),  # permission missing
    341: THROTTLED,
    368: CONFIG,  # blocked by a policy; retries would make it worse
    506: BAD_EVENT,  # duplicate post
    613: THROTTLED,  # rate
    803: CONFIG,  # unknown id
    2500: CONFIG,  # unknown path
    2635: CONFIG,  # API version gone
    5000: RETRY,
    21009: RETRY,  # dataset temporarily not ready
    **dict.fromkeys((80000, 80001, 80003, 80004, 80014), THROTTLED),  # business use case limits
    1870092: CONFIG,  # Business Tools terms not accepted
}
SUBCODES: dict[tuple[int, int | None], Verdict] = {
    (100, 33): CREDENTIALS,  # object missing, or the token may not write to it
    (100, 34): CONFIG,
    (100, 2044055): CREDENTIALS,  # the question for quality: no such dataset, or none of this token
    # Known are 2804001, …03 (too old), …07, …09 (no value), …10 (no currency), …16, …17, …19, …30, …48, …50
    # (identifiers too weak): the whole range is about events.
    **{(100, subcode): BAD_EVENT for subcode in range(2_804_000, 2_805_000)},
    (613, None): FINAL_WARNING,  # abuse prevention
}
"""Codes for which the subcode, or a missing subcode (None), changes the verdict."""
STATUSES: dict[int, Verdict] = {401: CREDENTIALS, 403: CREDENTIALS, 404: CONFIG, 413: BAD_EVENT}
"""For codes that are not listed above; any other status is AMBIGUOUS."""
NO_PROOF = "APPSECRET_PROOF"
"""Our subcode for a missing or wrong ``appsecret_proof``."""
DEFAULT_LIMIT_WAIT_SECONDS = 60.0
"""Wait for a rate limit where no header names a time; Meta counts limits in minutes."""


class _Error(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    code: int
    error_subcode: int | None = None
    is_transient: bool | None = None
    message: str | None = None
    fbtrace_id: str | None = None


class _Refused(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    error: _Error


class _Accepted(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    events_received: StrictInt | None = None
    messages: list[OnErrorOmit[str]] | None = None
    fbtrace_id: str | None = None
    error: Any = None


class _Usage(BaseModel):
    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    estimated_time_to_regain_access: float = Field(0.0, ge=0, allow_inf_nan=False)
    """Minutes."""


_USAGE = TypeAdapter(dict[str, list[OnErrorOmit[_Usage]]])


def classify_response(answer: Answer, events: int) -> Receipt:
    """Classify *answer* to a request with *events* events. Meta never names the event at fault."""
    return _accepted(answer, events) if 200 <= answer.status < 300 else _refused(answer, events)


def _accepted(answer: Answer, events: int) -> Receipt:
    try:
        body = _Accepted.model_validate_json(answer.body)
    except ValidationError:
        return receipt(answer, RETRY, "UNREADABLE")
    if body.error is not None:
        return receipt(answer, RETRY, "ERROR", reference=body.fbtrace_id)
    if body.events_received != events:
        return receipt(answer, RETRY, "EVENTS_RECEIVED", reference=body.fbtrace_id)
    warnings = Counter(enum_name(message) or MESSAGE for message in body.messages or [])
    if "X-Ad-Api-Version-Warning" in answer.headers:
        warnings[API_VERSION] += 1
    return replace(receipt(answer, ACCEPTED, reference=body.fbtrace_id), warnings=warnings)


def _refused(answer: Answer, events: int) -> Receipt:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        verdict = payload_too_large(WITHOUT_BODY.get(answer.status, RETRY), answer, events)
        return with_wait(receipt(answer, verdict, "UNREADABLE"), _wait_seconds(answer))
    subcode = None if error.error_subcode is None else str(error.error_subcode)
    verdict, wait = payload_too_large(_verdict(answer.status, error), answer, events), _wait_seconds(answer)
    if wait is None and verdict in {THROTTLED, FINAL_WARNING}:
        wait = DEFAULT_LIMIT_WAIT_SECONDS
    codes = (str(error.code), NO_PROOF) if _lacks_proof(error) else (str(error.code), subcode)
    return with_wait(receipt(answer, verdict, *codes, reference=error.fbtrace_id), wait)


def _verdict(status: int, error: _Error) -> Verdict:
    if BY_STATUS.get(status) == RETRY:
        return RETRY
    by_code = SUBCODES.get((error.code, error.error_subcode)) or CODES.get(error.code)
    by_code = by_code or BY_STATUS.get(status)  # a code says more than 429: a final warning has that status, too
    if error.is_transient and by_code not in {THROTTLED, FINAL_WARNING}:
        return RETRY
    return CREDENTIALS if _lacks_proof(error) else by_code or STATUSES.get(status, AMBIGUOUS)


def _lacks_proof(error: _Error) -> bool:
    """Return whether the app requires a proof of its secret, and got none or a wrong one."""
    return error.code == 100 and "appsecret_proof" in (error.message or "")


def _wait_seconds(answer: Answer) -> float | None:
    """Return the longest wait that a header asks for, in seconds."""
    usage = answer.headers.get("X-Business-Use-Case-Usage") or answer.headers.get("X-Business-Use-Case") or "{}"
    try:
        limits = _USAGE.validate_json(usage)
    except ValidationError:
        limits = {}
    regain = [limit.estimated_time_to_regain_access * 60 for each in limits.values() for limit in each]
    waits = [answer.retry_after, *(seconds or None for seconds in regain)]
    return max((seconds for seconds in waits if seconds is not None), default=None)
