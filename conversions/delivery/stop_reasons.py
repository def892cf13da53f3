"""Why a destination gets no more in this run, as the sentence that its operator reads."""

from datetime import datetime

from conversions.delivery.queue import Lane
from conversions.errors import ConversionsError, Refused, SettingsError, Throttled, Unauthorised, Unavailable
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport import clock_skew

SEARCHES = 64
"""Refusals in a row that are followed up to find the orders at fault: more, and the fault is not theirs.

So many requests, and what the culprits need that were found, is all that a run spends on searching.
"""


def ending(lane: Lane, receipt: Receipt, now: datetime) -> ConversionsError | None:
    """What stops the destination for this run, after *receipt* has been taken in; *now* is aware."""
    if mistake := clock_skew.difference(lane.outbox.name, receipt.date, now):
        return SettingsError(mistake)
    name, code, search = lane.outbox.name, receipt.code, lane.search
    advice = lane.destination.advice(code)
    match receipt.next:
        case Next.STOP_CREDENTIALS:
            then = advice or "See the README's checklist."
            return Unauthorised(f"{name} refuses the credentials ({code}). {then} Then `conversions run`.")
        case Next.STOP_REFUSED:
            then = advice or "`conversions doctor` looks at it."
            return Refused(f"{name} refuses for a reason that is not one order's ({code}). {then}")
        case Next.STOP_FOR_TODAY:
            return Throttled(f"{name}: today's quota is used up ({code}).")
        case Next.PROBE if search.blameless:
            then = advice or "`conversions doctor` looks at them."
            return Refused(
                f"{name} refuses orders each for itself, all in the same way ({', '.join(receipt.reasons)}), and "
                f"accepts none: the settings are at fault, and no order is set aside. {then}"
            )
        case Next.ISOLATE | Next.PROBE if search.in_a_row >= SEARCHES:
            return Refused(
                f"{name} refused {SEARCHES} requests in a row ({code}); the rest waits. Is the mapping right?"
            )
        case Next.ISOLATE | Next.PROBE if search.requests > SEARCHES + _needed(lane):
            return Refused(
                f"{name} refuses requests ({code}) whose parts it takes: {search.requests} were spent searching for "
                "bad orders, which is enough for one run; the rest waits, and `conversions run` goes on with it."
            )
        case _:
            return None


def _needed(lane: Lane) -> int:
    """How many requests it takes to find as many culprits as were found, each in a full one."""
    return lane.search.refused * (2 * lane.outbox.max_events.bit_length() + 1)


def impatient(lane: Lane, trouble: Receipt) -> ConversionsError:
    """The platform asks for more patience than a run has, or never answers for what is left."""
    name, code = lane.outbox.name, trouble.code
    if lane.received and lane.unanswered and not (lane.again or lane.streams):
        left = sum(len(work.events or ()) for work in lane.unanswered)
        return Unavailable(f"{name} has taken {lane.received}, and gives no answer for {left} ({code}).")
    asked = f" and asks to wait {trouble.wait:.0f} s" if trouble.wait else ""
    kind = Throttled if trouble.outcome is Outcome.REFUSED else Unavailable
    return kind(f"{name} takes nothing right now ({code}){asked}.")


def undecided(lane: Lane) -> Refused:
    """Too few orders were sent to know whose fault their refusal is; the next run sends them among others."""
    reasons = ", ".join(sorted(lane.search.doubt.reasons))
    return Refused(
        f"{lane.outbox.name} refuses the few orders that it was sent ({reasons}) and was "
        "sent no others: whether they or the settings are at fault is known once it accepts some. They wait; "
        "`conversions doctor` looks at the settings."
    )
