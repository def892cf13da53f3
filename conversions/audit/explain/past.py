"""How an order stood at a destination at the end of an earlier day: by the history, and by no setting of today."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from conversions.audit.explain.history import sent
from conversions.audit.explain.statement import OrderAtDestination, Statement
from conversions.ledger.judgements.record import is_against
from conversions.ledger.queries.order_life import SentRequest
from conversions.ledger.queries.past_standing import PastJudgement, judgement_on
from conversions.ledger.states import WITHOUT_JUDGEMENT, State
from conversions.model.receipt import Outcome


@dataclass(frozen=True, slots=True)
class PastStanding:
    """An order at a destination, as it stood."""

    state: str
    reason: str | None
    statements: list[Statement]


def past_standing(order: OrderAtDestination, at: datetime) -> PastStanding:
    """Return how *order* stood at the instant *at* (aware); a run had read it by then."""
    requests = [request for request in order.life.requests if request.at <= at]
    judgement = judgement_on(order.connection, order.life.row.id, at)
    if judgement and is_against(judgement.state, judgement.reason):
        said = [_judged(order, judgement), _basis(order, judgement), *sent(order, requests)]
        return PastStanding(judgement.state, judgement.reason, said)
    state, headline = _by_requests(order, requests, at)
    return PastStanding(state, None, [headline, *_released(order, judgement), *sent(order, requests)])


def _judged(order: OrderAtDestination, judgement: PastJudgement) -> Statement:
    match State(judgement.state):
        case State.REJECTED:
            return order.say("past_rejected")
        case State.EXPIRED:
            return order.say("past_expired")
        case _:
            return order.say("past_withheld", reason=judgement.reason or "")


def _basis(order: OrderAtDestination, judgement: PastJudgement) -> Statement:
    return order.say("past_judged", at=judgement.at, rules=judgement.rules, policy=judgement.policy_version)


def _released(order: OrderAtDestination, judgement: PastJudgement | None) -> Iterator[Statement]:
    """An order that stood against sending before, and no longer did."""
    if judgement:
        yield order.say("past_released", at=judgement.at)


def _by_requests(order: OrderAtDestination, requests: list[SentRequest], at: datetime) -> tuple[str, Statement]:
    """Return the state and the sentence that follow from what had been sent and answered."""
    if not requests:
        return State.PENDING, order.say("past_waiting")
    received = next((r for r in reversed(requests) if r.outcome == Outcome.RECEIVED and r.is_answered(at)), None)
    state = order.life.row.state
    if received and received.reported_at and received.reported_at <= at and state in WITHOUT_JUDGEMENT:
        return state, order.say("past_reported", at=received.at, reported=received.reported_at, state=state)
    if received:
        return State.RECEIVED, order.say("past_received", at=received.at)
    newest = requests[-1]
    if newest.outcome in {Outcome.REFUSED, Outcome.NOT_SENT} and newest.is_answered(at):
        return State.PENDING, order.say(f"past_{newest.outcome}", request=newest.id, at=newest.at)
    return State.UNKNOWN, order.say("past_unanswered", request=newest.id, at=newest.at)
