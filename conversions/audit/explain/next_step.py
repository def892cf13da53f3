"""What happens next to an order at a destination, and what a person can do."""

from collections.abc import Iterator
from datetime import timedelta

from conversions import catalogue
from conversions.audit.explain.headline import moment
from conversions.audit.explain.statement import OrderAtDestination, Statement
from conversions.destinations.base import ReportsStatus
from conversions.ledger.queries import order_life
from conversions.ledger.states import State
from conversions.ledger.store import instant
from conversions.model.conversion import Reason
from conversions.model.late_result import of_consent
from conversions.model.receipt import Outcome


def next_steps(order: OrderAtDestination) -> Iterator[Statement]:
    """The last statements, each with its command."""
    row = order.life.row
    if order.rules is None:
        yield order.say("not_in_settings")
        return
    match State(row.state):
        case State.PENDING | State.DEFERRED:
            yield from _waiting(order)
        case State.IN_FLIGHT | State.UNKNOWN:
            yield _unanswered(order)
        case State.RECEIVED | State.RECORDED | State.UNMATCHED | State.DUPLICATE:
            yield from _received(order)
        case State.WITHHELD | State.QUARANTINED:
            yield from _not_sent(order)
        case State.REJECTED if row.reason == Reason.SETUP:
            yield from _account(order)
        case State.REJECTED | State.EXPIRED:
            if row.state == State.REJECTED:
                yield order.say("look_up", detail=row.detail or "")
                yield order.say("correct", day=order.day)
            yield from _acknowledge(order)


def _waiting(order: OrderAtDestination) -> Iterator[Statement]:
    row = order.life.row
    if order.is_past(row.expires_at):
        return
    ready, until = moment(row.ready_at), moment(row.expires_at)
    if ready and ready > order.now:
        yield order.say("next_run_then", until=until)
    elif stop := order_life.last_stop(order.connection, order.life.destination):
        run, why = stop
        yield order.say("stopped", run=run.id, at=run.at, why_stopped=why)
        yield order.say("next_run_after", until=until)
    else:
        yield from _advice(order)
        yield order.say("next_run", until=until)


def _advice(order: OrderAtDestination) -> Iterator[Statement]:
    """What to do about the last refusal, where we know it."""
    last = order.life.requests[-1] if order.life.requests else None
    refused = last.code if last and last.outcome == Outcome.REFUSED else None
    if refused and order.rules and (advice := order.rules.destination.advice(refused)):
        yield order.say("advice", advice=advice)


def _unanswered(order: OrderAtDestination) -> Statement:
    row = order.life.row
    if row.state == State.IN_FLIGHT and order.run_under_way:
        return order.say("wait_for_run")
    if row.decision == "send" and not order.is_past(row.expires_at):
        return order.say("decided_to_send", until=moment(row.expires_at))
    window = instant(row.first_attempt_us) + timedelta(microseconds=order.resend_us) if row.first_attempt_us else None
    limits = [limit for limit in (window, moment(row.expires_at)) if limit]
    if limits and min(limits) > order.now:
        return order.say("resent_until", until=min(limits))
    return order.say("give_up" if order.is_past(row.expires_at) else "decide_unknown")


def _received(order: OrderAtDestination) -> Iterator[Statement]:
    row = order.life.row
    if row.reason == Reason.SETUP:
        yield from _account(order)
        return
    asks_at = [request.asks_at for request in order.life.requests if request.asks_at]
    if row.state == State.RECEIVED and asks_at:
        yield order.say("asks", at=max(asks_at))
    elif not order.rules or not isinstance(order.rules.destination, ReportsStatus):
        yield order.say("says_no_more")
    elif row.state == State.RECEIVED:
        yield order.say("look_there")
    elif row.due_minor in {None, row.value_minor}:
        yield order.say("done")


def _not_sent(order: OrderAtDestination) -> Iterator[Statement]:
    row = order.life.row
    if row.reason == Reason.REFUSED_BY_PLATFORM:
        if "earlier_unanswered" in (row.detail or ""):
            yield order.say("earlier_unanswered")
        yield from list(_advice(order)) or [order.say("look_up", detail=row.detail or "")]
        yield order.say("correct", day=order.day)
        yield from _acknowledge(order)
        return
    reason = row.reason or ""
    known = catalogue.has("explain_do", reason)
    yield order.say("do", what=reason if known else "other", reason=reason, day=order.day)
    if row.state == State.QUARANTINED or row.reason == Reason.UNUSUAL_AMOUNT:
        yield from _acknowledge(order)


def _account(order: OrderAtDestination) -> Iterator[Statement]:
    """The account was at fault, so a person corrects it and decides."""
    row = order.life.row
    if row.detail and order.rules and isinstance(order.rules.destination, ReportsStatus):
        yield order.say("fix", fix=order.rules.destination.fix(row.detail))
    too_old = order.is_past(row.expires_at)
    if row.acknowledged_us is None and not too_old and not of_consent(row.detail):
        yield order.say("send_after_correction")
    yield from _acknowledge(order)


def _acknowledge(order: OrderAtDestination) -> Iterator[Statement]:
    at = order.life.row.acknowledged_us
    yield order.say("acknowledged", at=instant(at)) if at else order.say("acknowledge")
