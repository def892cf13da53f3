"""Why a destination gets no more in this run, as the sentence that its operator reads."""

from datetime import datetime

from conversions.delivery.queue import DestinationQueue
from conversions.errors import ConversionsError, Refused, SettingsError, Throttled, Unauthorised, Unavailable
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport import clock_skew

MAX_CONSECUTIVE_REFUSALS = 64
"""Refusals in a row that are followed up to find the orders at fault: more, and the fault is not theirs.

So many requests, and what the culprits need that were found, is all that a run spends on searching.
"""


def stop_reason(queue: DestinationQueue, receipt: Receipt, now: datetime) -> ConversionsError | None:
    """What stops the destination for this run, after *receipt* has been taken in; *now* is aware."""
    if mistake := clock_skew.difference(queue.template.name, receipt.date, now):
        return SettingsError(mistake)
    name, code, search = queue.template.name, receipt.code, queue.isolation
    advice = queue.destination.advice(code)
    match receipt.next:
        case Next.STOP_CREDENTIALS:
            then = advice or "See the README's checklist."
            return Unauthorised(f"{name} refuses the credentials ({code}). {then} Then `conversions run`.")
        case Next.STOP_REFUSED:
            then = advice or "`conversions doctor` looks at it."
            return Refused(f"{name} refuses for a reason that is not one order's ({code}). {then}")
        case Next.STOP_QUOTA:
            return Throttled(f"{name}: today's quota is used up ({code}).")
        case Next.PROBE if search.settings_at_fault:
            then = advice or "`conversions doctor` looks at them."
            return Refused(
                f"{name} refuses orders each for itself, all in the same way ({', '.join(receipt.reasons)}), and "
                f"accepts none: the settings are at fault, and no order is set aside. {then}"
            )
        case Next.ISOLATE | Next.PROBE if search.consecutive_refusals >= MAX_CONSECUTIVE_REFUSALS:
            return Refused(
                f"{name} refused {MAX_CONSECUTIVE_REFUSALS} requests in a row ({code}); the rest waits. Is the mapping "
                "right?"
            )
        case Next.ISOLATE | Next.PROBE if search.requests > MAX_CONSECUTIVE_REFUSALS + _needed(queue):
            return Refused(
                f"{name} refuses requests ({code}) whose parts it takes: {search.requests} were spent searching for "
                "bad orders, which is enough for one run; the rest waits, and `conversions run` goes on with it."
            )
        case _:
            return None


def _needed(queue: DestinationQueue) -> int:
    """How many requests it takes to find as many culprits as were found, each in a full one."""
    return queue.isolation.refused * (2 * queue.template.max_events.bit_length() + 1)


def backoff_exhausted(queue: DestinationQueue, trouble: Receipt) -> ConversionsError:
    """The platform asks for more patience than a run has, or never answers for what is left."""
    name, code = queue.template.name, trouble.code
    if queue.received and queue.timed_out and not (queue.retry_queue or queue.backlog):
        left = sum(len(work.events or ()) for work in queue.timed_out)
        return Unavailable(f"{name} has taken {queue.received}, and gives no answer for {left} ({code}).")
    asked = f" and asks to wait {trouble.wait:.0f} s" if trouble.wait else ""
    kind = Throttled if trouble.outcome is Outcome.REFUSED else Unavailable
    return kind(f"{name} takes nothing right now ({code}){asked}.")


def inconclusive(queue: DestinationQueue) -> Refused:
    """Too few orders were sent to know whose fault their refusal is; the next run sends them among others."""
    reasons = ", ".join(sorted(queue.isolation.suspects.reasons))
    return Refused(
        f"{queue.template.name} refuses the few orders that it was sent ({reasons}) and was "
        "sent no others: whether they or the settings are at fault is known once it accepts some. They wait; "
        "`conversions doctor` looks at the settings."
    )
