"""The first sentence about an order at a destination: whether it is there, and why not."""

from datetime import UTC, datetime

from conversions import catalogue
from conversions.audit.explain.statement import OrderAtDestination, Statement
from conversions.destinations.base import ReportsStatus
from conversions.ledger.late_results.apply import COUNTS_ONLY, WITHOUT_POSITIONS
from conversions.ledger.queries.order_life import SentRequest
from conversions.ledger.states import State
from conversions.model.conversion import Reason
from conversions.model.receipt import Outcome


def headline(order: OrderAtDestination) -> Statement:
    """The sentence that answers "why is this order not there?"."""
    row = order.life.row
    match State(row.state):
        case State.PENDING | State.DEFERRED:
            return _waiting(order)
        case State.IN_FLIGHT | State.UNKNOWN:
            return _unanswered(order)
        case State.RECEIVED:
            return _received(order)
        case State.WITHHELD | State.QUARANTINED:
            return _not_sent(order)
        case State.REJECTED:
            code = "rejected_setup" if row.reason == Reason.SETUP else "rejected"
            return order.say(code, at=_received_at(order), detail=row.detail or "")
        case State.EXPIRED:
            return order.say("expired", until=moment(row.expires_at))
        case State.RECORDED if row.reason == Reason.SETUP:
            return order.say("recorded_old_value", detail=row.detail or "")
        case state:
            return order.say(str(state), at=_received_at(order))


def moment(seconds: int | None) -> datetime | None:
    """Unix seconds as an instant, aware, UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _waiting(order: OrderAtDestination) -> Statement:
    row, requests = order.life.row, order.life.requests
    ready = moment(row.ready_at)
    if order.is_past(row.expires_at):
        return order.say("pending_too_old", until=moment(row.expires_at))
    if row.state == State.DEFERRED and ready is not None and ready > order.now:
        return order.say("deferred_by_platform" if row.detail else "deferred", ready=ready, detail=row.detail or "")
    if requests and requests[-1].outcome in {Outcome.REFUSED, Outcome.NOT_SENT}:
        return order.say(f"pending_{requests[-1].outcome}", **_request(requests[-1]))
    return order.say("pending")


def _unanswered(order: OrderAtDestination) -> Statement:
    sent = [r for r in order.life.requests if r.outcome in {None, Outcome.UNKNOWN}]
    if not sent:
        return order.say("unknown_elsewhere")
    if order.life.row.state == State.UNKNOWN:
        return order.say("unknown", **_request(sent[-1]))
    return order.say("in_flight" if order.run_under_way else "in_flight_killed", **_request(sent[-1]))


def _received(order: OrderAtDestination) -> Statement:
    row, at = order.life.row, _received_at(order)
    newest = next((r for r in reversed(order.life.requests) if r.outcome == Outcome.RECEIVED), None)
    if order.rules is None or not isinstance(order.rules.destination, ReportsStatus):
        return order.say("received_final", at=at)
    if row.reason == Reason.SETUP:
        return order.say("received_setup", at=at, detail=row.detail or "")
    if newest and newest.verdict in WITHOUT_POSITIONS:
        code = "received_counts_only" if newest.verdict == COUNTS_ONLY else "received_untold"
        return order.say(code, **_request(newest))
    return order.say("received", at=at)


def _not_sent(order: OrderAtDestination) -> Statement:
    row, section = order.life.row, order.rules.settings if order.rules else None
    if row.reason == Reason.MAYBE_RECEIVED:
        return order.say("maybe_received")
    if row.reason == Reason.REFUSED_BY_PLATFORM:
        return order.say("refused_alone", detail=row.detail or "")
    known = catalogue.has("explain_why", row.reason or "")
    facts = {
        "amount": order.life.stated,
        "days": section.max_age_days if section else None,
        "not_before": section.not_before if section else None,
    }
    return order.say("not_sent", why=row.reason if known else "other", reason=row.reason or "", **facts)


def _received_at(order: OrderAtDestination) -> datetime | None:
    received = [request.at for request in order.life.requests if request.outcome == Outcome.RECEIVED]
    return received[0] if received else None


def _request(request: SentRequest) -> dict[str, object]:
    return {"request": request.id, "at": request.at}
