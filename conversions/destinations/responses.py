"""The few verdicts that there are, and what every platform's table shares."""

import re
from collections.abc import Iterable, Mapping

from conversions.model.receipt import FailedItem, Next, Outcome, Receipt
from conversions.transport.http import Answer, NoResponse, NotSent

Verdict = tuple[Outcome, Next]

ACCEPTED: Verdict = (Outcome.RECEIVED, Next.DONE)
RETRY: Verdict = (Outcome.UNKNOWN, Next.RETRY)
"""Nobody knows whether the events are held."""
THROTTLED: Verdict = (Outcome.REFUSED, Next.RETRY)
BAD_EVENT: Verdict = (Outcome.REFUSED, Next.ISOLATE)
AMBIGUOUS: Verdict = (Outcome.REFUSED, Next.PROBE)
"""One event's fault or the settings': the code alone does not say."""
FINAL_WARNING: Verdict = (Outcome.REFUSED, Next.RETRY_ONCE)
CREDENTIALS: Verdict = (Outcome.REFUSED, Next.STOP_CREDENTIALS)
CONFIG: Verdict = (Outcome.REFUSED, Next.STOP_REFUSED)
QUOTA: Verdict = (Outcome.REFUSED, Next.STOP_QUOTA)

BY_STATUS: dict[int, Verdict] = {408: RETRY, 425: RETRY, 429: THROTTLED} | dict.fromkeys(range(500, 600), RETRY)
"""Statuses that decide whatever the body says; any 5xx may have come after the events were stored."""
WITHOUT_BODY: dict[int, Verdict] = {413: BAD_EVENT} | BY_STATUS
"""Statuses that decide where the body is not the platform's JSON; the rest may be a proxy speaking: AGAIN."""


def unanswered(result: NotSent | NoResponse) -> Receipt:
    """The receipt where no answer came."""
    outcome = Outcome.NOT_SENT if isinstance(result, NotSent) else Outcome.UNKNOWN
    return Receipt(outcome, Next.RETRY, result.why)


def judged(
    answer: Answer,
    verdict: Verdict,
    *codes: str | None,
    reference: str | None = None,
    wait: float | None = None,
    culprits: tuple[FailedItem, ...] = (),
    warnings: Mapping[str, int] | None = None,
) -> Receipt:
    """The receipt for *answer*; *codes* are what decided, after the status. *wait* counts only for what is retried."""
    outcome, then = verdict
    return Receipt(
        outcome,
        then,
        "/".join([str(answer.status), *filter(None, codes)]),
        http_status=answer.status,
        reference=reference or None,
        wait=wait if then in {Next.RETRY, Next.RETRY_ONCE} else None,
        failed_items=culprits,
        warnings=warnings or {},
        date=answer.headers.get("Date"),
    )


def payload_too_large(verdict: Verdict, answer: Answer, events: int) -> Verdict:
    """*verdict*; but one event is never too large for a platform: something in between says so."""
    return CONFIG if answer.status == 413 and events == 1 else verdict


def most_severe(verdicts: Iterable[Verdict]) -> Verdict:
    """What stops goes before what waits, and that before what is one order's fault or may be."""
    return min(verdicts, key=(CREDENTIALS, CONFIG, QUOTA, RETRY, FINAL_WARNING, THROTTLED, BAD_EVENT, AMBIGUOUS).index)


def enum_name(text: str) -> str | None:
    """*text* where it is an enum's name: the platforms' prose may repeat what was sent, and stays out."""
    return text if re.fullmatch(r"[A-Z][A-Z0-9_]{0,99}", text) else None
