"""The classes of responses, and the rules that all platforms share."""

import re
from collections.abc import Iterable
from dataclasses import replace

from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport.http import Answer, NoResponse, is_web_page
from conversions.transport.not_sent import NotSent

Verdict = tuple[Outcome, Next]

ACCEPTED: Verdict = (Outcome.RECEIVED, Next.DONE)
RETRY: Verdict = (Outcome.UNKNOWN, Next.RETRY)
"""The platform may or may not have recorded the events."""
THROTTLED: Verdict = (Outcome.REFUSED, Next.RETRY)
BAD_EVENT: Verdict = (Outcome.REFUSED, Next.ISOLATE)
AMBIGUOUS: Verdict = (Outcome.REFUSED, Next.PROBE)
"""The code does not show whether one event or the settings are at fault."""
FINAL_WARNING: Verdict = (Outcome.REFUSED, Next.RETRY_ONCE)
CREDENTIALS: Verdict = (Outcome.REFUSED, Next.STOP_CREDENTIALS)
CONFIG: Verdict = (Outcome.REFUSED, Next.STOP_REFUSED)
QUOTA: Verdict = (Outcome.REFUSED, Next.STOP_QUOTA)

BY_STATUS: dict[int, Verdict] = {408: RETRY, 425: RETRY, 429: THROTTLED} | dict.fromkeys(range(500, 600), RETRY)
"""Statuses that decide regardless of the body. A 5xx may arrive after the platform stored the events."""
WITHOUT_BODY: dict[int, Verdict] = {413: BAD_EVENT} | BY_STATUS
"""Statuses that decide where the body is not the platform's JSON. Others may come from a proxy: RETRY."""
UNREADABLE, WEB_PAGE = "UNREADABLE", "WEB_PAGE"
"""Codes of an answer that is not the platform's JSON, and of one that is a web page, which no platform sends."""


def receipt_without_answer(result: NotSent | NoResponse) -> Receipt:
    """Return the receipt where no answer came."""
    if isinstance(result, NotSent):
        return Receipt(Outcome.NOT_SENT, Next.RETRY, result.why, not_sent=result)
    return Receipt(Outcome.UNKNOWN, Next.RETRY, result.why)


def receipt(answer: Answer, verdict: Verdict, *codes: str | None, reference: str | None = None) -> Receipt:
    """Return the receipt for *answer*; *codes* are the codes that decided, in addition to the HTTP status."""
    outcome, then = verdict
    if UNREADABLE in codes and is_web_page(answer.status, answer.headers):
        codes = (WEB_PAGE,)
    return Receipt(
        outcome,
        then,
        "/".join([str(answer.status), *filter(None, codes)]),
        http_status=answer.status,
        reference=reference or None,
        date=answer.headers.get("Date"),
    )


def with_wait(receipt: Receipt, seconds: float | None) -> Receipt:
    """Add the wait that the platform asked for, where the request will be retried."""
    return replace(receipt, wait=seconds) if receipt.next in {Next.RETRY, Next.RETRY_ONCE} else receipt


def payload_too_large(verdict: Verdict, answer: Answer, events: int) -> Verdict:
    """Return *verdict*, or CONFIG for 413 with one event: no platform refuses that, so a proxy is at fault."""
    return CONFIG if answer.status == 413 and events == 1 else verdict


def most_severe(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the first verdict in this order: stops the destination, waits, blames or suspects single events."""
    return min(verdicts, key=(CREDENTIALS, CONFIG, QUOTA, RETRY, FINAL_WARNING, THROTTLED, BAD_EVENT, AMBIGUOUS).index)


def enum_name(text: str) -> str | None:
    """Return *text* if it is an enum's name. Other text of a platform may repeat sent data and is dropped."""
    return text if re.fullmatch(r"[A-Z][A-Z0-9_]{0,99}", text) else None
