"""Why a queue stops in this run, as the message that the operator reads."""

from datetime import datetime
from http.client import HTTPS_PORT
from urllib.parse import urlsplit

from conversions.delivery.queue import DestinationQueue
from conversions.destinations.base import title
from conversions.destinations.responses import WEB_PAGE
from conversions.errors import ConversionsError, Refused, SettingsError, Throttled, Unauthorised, Unavailable
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport import clock_skew, unreachable
from conversions.transport.not_sent import Cause, NotSent

MAX_CONSECUTIVE_REFUSALS = 64
"""After so many refusals in a row the fault is not with single orders, and the isolation ends.

The isolation of one run may take so many requests, and those that it took to find the orders at fault.
"""


def stop_reason(queue: DestinationQueue, receipt: Receipt, now: datetime) -> ConversionsError | None:
    """Return the error that stops the queue, after *receipt* was applied; None where it goes on; *now* is aware."""
    if mistake := clock_skew.difference(queue.template.name, receipt.date, now):
        return SettingsError(mistake)
    name, code, isolation = queue.template.name, receipt.code, queue.isolation
    advice = queue.destination.advice(code)
    match receipt.next:
        case Next.STOP_CREDENTIALS:
            next_step = advice or "See the README's checklist."
            return Unauthorised(f"{name} refuses the credentials ({code}). {next_step} Then `conversions run`.")
        case Next.STOP_REFUSED:
            next_step = advice or "`conversions doctor` checks it."
            return Refused(f"{name} refuses for a reason that no single order causes ({code}). {next_step}")
        case Next.STOP_QUOTA:
            return Throttled(f"{name}: today's quota is used up ({code}). The next run tries again.")
        case Next.PROBE if isolation.settings_at_fault:
            next_step = advice or "`conversions doctor` checks them."
            return Refused(
                f"{name} refuses single orders, all for the same reason ({', '.join(receipt.reasons)}), and accepts "
                f"none: the settings are at fault, and no order is quarantined. {next_step}"
            )
        case Next.ISOLATE | Next.PROBE if isolation.consecutive_refusals >= MAX_CONSECUTIVE_REFUSALS:
            return Refused(
                f"{name} refused {MAX_CONSECUTIVE_REFUSALS} requests in a row ({code}); the other orders wait. Is "
                "the mapping right?"
            )
        case Next.ISOLATE | Next.PROBE if isolation.requests > MAX_CONSECUTIVE_REFUSALS + _requests_needed(queue):
            return Refused(
                f"{name} refuses requests ({code}) and accepts parts of them: this run sent {isolation.requests} "
                "requests to find the bad orders, and stops. The other orders wait; `conversions run` goes on."
            )
        case _:
            return None


def _requests_needed(queue: DestinationQueue) -> int:
    """Return how many requests it takes to find as many bad orders as were found, each in a full batch."""
    return queue.isolation.refused * (2 * queue.template.max_events.bit_length() + 1)


def backoff_exhausted(queue: DestinationQueue, backoff: Receipt) -> ConversionsError:
    """Return the error of a platform that asks for a longer wait than the run has, or never answers for the rest."""
    name, code = queue.template.name, backoff.code
    called = title(name, queue.destination.kind)
    if backoff.not_sent:
        return Unavailable(f"{unreachable.sentence(called, backoff.not_sent)} The next run tries again.")
    if code.endswith(WEB_PAGE):
        page = NotSent(Cause.WEB_PAGE, urlsplit(queue.template.url).hostname or "", HTTPS_PORT)
        return Unavailable(f"{unreachable.sentence(called, page)} The next run tries again.")
    if queue.received and queue.timed_out and not (queue.retry_queue or queue.backlog):
        unanswered = sum(len(work.events or ()) for work in queue.timed_out)
        return Unavailable(f"{name} accepted {queue.received} orders, and gives no answer for {unanswered} ({code}).")
    wait = f" and asks to wait {_duration(backoff.wait)}" if backoff.wait else ""
    error = Throttled if backoff.outcome is Outcome.REFUSED else Unavailable
    state = "gives no answer" if backoff.outcome is Outcome.UNKNOWN and not wait else "accepts nothing"
    return error(f"{name} {state} at the moment ({code}){wait}. The next run tries again.")


def _duration(seconds: float) -> str:
    for unit, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def inconclusive(queue: DestinationQueue) -> Refused:
    """Return the error of too few refused orders to tell their fault from the settings' fault."""
    reasons = ", ".join(sorted(queue.isolation.suspects.reasons))
    return Refused(
        f"{queue.template.name} refuses all of the few orders of this run ({reasons}): the orders or the settings are "
        "at fault. The orders wait, and the next run sends them with others; `conversions doctor` checks the settings."
    )
