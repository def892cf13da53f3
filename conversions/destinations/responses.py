"""The few verdicts that there are, and what every platform's table shares."""

import re
from collections.abc import Iterable, Mapping

from conversions.model.receipt import Culprit, Next, Outcome, Receipt
from conversions.transport.http import Answer, NoAnswer, NotSent

Verdict = tuple[Outcome, Next]

HELD: Verdict = (Outcome.RECEIVED, Next.DONE)
AGAIN: Verdict = (Outcome.UNKNOWN, Next.RETRY)
"""Nobody knows whether the events are held."""
THROTTLED: Verdict = (Outcome.REFUSED, Next.RETRY)
DATA: Verdict = (Outcome.REFUSED, Next.ISOLATE)
DOUBT: Verdict = (Outcome.REFUSED, Next.PROBE)
"""One event's fault or the settings': the code alone does not say."""
LAST_WARNING: Verdict = (Outcome.REFUSED, Next.ONCE_MORE)
CREDENTIALS: Verdict = (Outcome.REFUSED, Next.STOP_CREDENTIALS)
OURS: Verdict = (Outcome.REFUSED, Next.STOP_REFUSED)
QUOTA: Verdict = (Outcome.REFUSED, Next.STOP_FOR_TODAY)

BY_STATUS: dict[int, Verdict] = {408: AGAIN, 425: AGAIN, 429: THROTTLED} | dict.fromkeys(range(500, 600), AGAIN)
"""Statuses that decide whatever the body says; any 5xx may have come after the events were stored."""
WITHOUT_BODY: dict[int, Verdict] = {413: DATA} | BY_STATUS
"""Statuses that decide where the body is not the platform's JSON; the rest may be a proxy speaking: AGAIN."""


def unanswered(result: NotSent | NoAnswer) -> Receipt:
    """The receipt where no answer came."""
    outcome = Outcome.NOT_SENT if isinstance(result, NotSent) else Outcome.UNKNOWN
    return Receipt(outcome, Next.RETRY, result.why)


def judged(
    answer: Answer,
    verdict: Verdict,
    *codes: str | None,
    reference: str | None = None,
    wait: float | None = None,
    culprits: tuple[Culprit, ...] = (),
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
        wait=wait if then in {Next.RETRY, Next.ONCE_MORE} else None,
        culprits=culprits,
        warnings=warnings or {},
        date=answer.headers.get("Date"),
    )


def sized(verdict: Verdict, answer: Answer, events: int) -> Verdict:
    """*verdict*; but one event is never too large for a platform: something in between says so."""
    return OURS if answer.status == 413 and events == 1 else verdict


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """What stops goes before what waits, and that before what is one order's fault or may be."""
    return min(verdicts, key=(CREDENTIALS, OURS, QUOTA, AGAIN, LAST_WARNING, THROTTLED, DATA, DOUBT).index)


def word(text: str) -> str | None:
    """*text* where it is an enum's name: the platforms' prose may repeat what was sent, and stays out."""
    return text if re.fullmatch(r"[A-Z][A-Z0-9_]{0,99}", text) else None
