"""What an answer of Meta's Conversions API means (Graph API v26.0, error references of 2026).

Decided on HTTP statuses, codes and subcodes. Texts follow the account's language and ``type`` says OAuthException of
nearly everything; neither decides, with one exception that has no number: a missing ``appsecret_proof``.
"""

from collections import Counter
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
    judged,
    payload_too_large,
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
    190: CREDENTIALS,  # token unusable, whatever the subcode
    **dict.fromkeys(range(200, 300), CREDENTIALS),  # permission missing
    341: THROTTLED,
    368: CONFIG,  # blocked for policy; to wait for the end of it in a loop would make it worse
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
    # Known are 2804001, …03 (too old), …07, …09 (no value), …10 (no currency), …16, …17, …19, …30, …48, …50
    # (identifiers too weak): the whole family is what this API says of events.
    **{(100, subcode): BAD_EVENT for subcode in range(2_804_000, 2_805_000)},
    (613, None): FINAL_WARNING,  # abuse prevention
}
"""Where the subcode, or that there is none, changes the verdict."""
STATUSES: dict[int, Verdict] = {401: CREDENTIALS, 403: CREDENTIALS, 404: CONFIG, 413: BAD_EVENT}
"""For codes not listed above; otherwise DOUBT."""
LIMIT_PASSES = 60.0
"""Seconds to leave a limit alone where no header names a time: limits are counted in minutes."""


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


def judge(answer: Answer, events: int) -> Receipt:
    """What *answer* says about a request of so many *events*. Meta never names the one at fault."""
    return _accepted(answer, events) if 200 <= answer.status < 300 else _refused(answer, events)


def _accepted(answer: Answer, events: int) -> Receipt:
    try:
        body = _Accepted.model_validate_json(answer.body)
    except ValidationError:
        return judged(answer, RETRY, "UNREADABLE")
    if body.error is not None:
        return judged(answer, RETRY, "ERROR", reference=body.fbtrace_id)
    if body.events_received != events:
        return judged(answer, RETRY, "EVENTS_RECEIVED", reference=body.fbtrace_id)
    counted = Counter(enum_name(message) or MESSAGE for message in body.messages or [])
    if "X-Ad-Api-Version-Warning" in answer.headers:
        counted[API_VERSION] += 1
    return judged(answer, ACCEPTED, reference=body.fbtrace_id, warnings=counted)


def _refused(answer: Answer, events: int) -> Receipt:
    try:
        error = _Refused.model_validate_json(answer.body).error
    except ValidationError:
        verdict = payload_too_large(WITHOUT_BODY.get(answer.status, RETRY), answer, events)
        return judged(answer, verdict, "UNREADABLE", wait=_wait(answer))
    subcode = None if error.error_subcode is None else str(error.error_subcode)
    verdict, wait = payload_too_large(_verdict(answer.status, error), answer, events), _wait(answer)
    if wait is None and verdict in {THROTTLED, FINAL_WARNING}:
        wait = LIMIT_PASSES
    return judged(answer, verdict, str(error.code), subcode, reference=error.fbtrace_id, wait=wait)


def _verdict(status: int, error: _Error) -> Verdict:
    if BY_STATUS.get(status) == RETRY:
        return RETRY
    by_code = SUBCODES.get((error.code, error.error_subcode)) or CODES.get(error.code)
    by_code = by_code or BY_STATUS.get(status)  # 429 says less than a code: a last warning comes under it, too
    if error.is_transient and by_code not in {THROTTLED, FINAL_WARNING}:
        return RETRY
    if error.code == 100 and "appsecret_proof" in (error.message or ""):
        return CREDENTIALS
    return by_code or STATUSES.get(status, AMBIGUOUS)


def _wait(answer: Answer) -> float | None:
    """Seconds; the longest that a header asks for."""
    usage = answer.headers.get("X-Business-Use-Case-Usage") or answer.headers.get("X-Business-Use-Case") or "{}"
    try:
        limits = _USAGE.validate_json(usage)
    except ValidationError:
        limits = {}
    regain = [limit.estimated_time_to_regain_access * 60 for each in limits.values() for limit in each]
    asked = [answer.retry_after, *(seconds or None for seconds in regain)]
    return max((seconds for seconds in asked if seconds is not None), default=None)
