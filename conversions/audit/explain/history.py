"""What happened to an order at a destination: judged, sent, answered, reported, changed."""

from collections.abc import Iterator, Sequence
from functools import cache

from sqlalchemy import Row

from conversions import catalogue
from conversions.audit.explain.statement import OrderAtDestination, Statement
from conversions.disclosure.fields import fields_of
from conversions.disclosure.policy import Policy, parse_policy
from conversions.ledger.queries import order_life
from conversions.ledger.queries.order_life import SentRequest
from conversions.ledger.states import State
from conversions.ledger.subjects import records
from conversions.model.conversion import Money, Reason
from conversions.model.receipt import Outcome

MAX_REQUESTS_NAMED = 4
"""The first and the newest attempts; those between are counted."""
JUDGED = frozenset({State.WITHHELD, State.QUARANTINED})
REPORTED = frozenset({State.RECORDED, State.UNMATCHED, State.DUPLICATE, State.REJECTED, State.DEFERRED})


def history(order: OrderAtDestination) -> Iterator[Statement]:
    """The statements after the first one, in the order of time."""
    yield from _judged(order)
    yield from sent(order, order.life.requests)
    yield from _contained(order)
    yield from _reported(order)
    yield from _values(order)


def _judged(order: OrderAtDestination) -> Iterator[Statement]:
    row = order.life.row
    if row.state not in JUDGED or row.reason in {Reason.REFUSED_BY_PLATFORM, Reason.MAYBE_RECEIVED}:
        return
    if row.reason in {Reason.OBJECTION, Reason.RESTRICTED, Reason.WITHDRAWN} and order.life.objection_at:
        yield order.say("objected", at=order.life.objection_at)
    run, last = (order_life.reading_run(order.connection, number) for number in (row.judged_run, row.run))
    if run and last and run.id != last.id:
        yield order.say("judged_since", run=run.id, at=run.at, last=last.id, last_at=last.at)
    elif run:
        yield order.say("judged", run=run.id, at=run.at)


def sent(order: OrderAtDestination, requests: Sequence[SentRequest]) -> Iterator[Statement]:
    """The attempts *requests*, oldest first."""
    hidden = max(len(requests) - MAX_REQUESTS_NAMED, 0)
    for position, request in enumerate(requests):
        if hidden and position == 1:
            yield order.say("requests_between", n=hidden)
        if not 1 <= position <= hidden:
            yield _request(order, request)


def _request(order: OrderAtDestination, request: SentRequest) -> Statement:
    answered = {"http_status": request.http_status, "meaning": _meaning(request), "answer": request.code or ""}
    facts = {"request": request.id, "at": request.at, "purpose": request.purpose, "outcome": request.outcome or "none"}
    if request.outcome == Outcome.RECEIVED or not request.code:
        return order.say("request", **facts)
    return order.say("request_http" if request.http_status else "request_code", **facts, **answered)


def _meaning(request: SentRequest) -> str:
    """The catalogue's code for an HTTP status: the status itself, or its class."""
    status = str(request.http_status)
    return status if catalogue.has("explain_http", status) else f"{status[:1]}xx"


def _contained(order: OrderAtDestination) -> Iterator[Statement]:
    """What the newest event contained, by the policy under which it went, or when its bytes were deleted."""
    if not (requests := order.life.requests):
        return
    payload = order.life.payload
    if payload is None:
        if deleted := order_life.payload_deleted_at(order.connection, requests[-1].event):
            yield order.say("payload_deleted", at=deleted)
        return
    text = records.policy_text(order.connection, requests[-1].policy)
    sent = fields_of(payload, _policy(text) if text else None)
    for form in ("hashed", "keyed", "clear"):
        paths = [field.path for field in sent if field.form == form and field.class_ != "envelope"]
        if paths:
            yield order.say(f"sent_{form}", fields=list(dict.fromkeys(paths)))


@cache
def _policy(text: str) -> Policy:
    return parse_policy(text, "The policy")


def _reported(order: OrderAtDestination) -> Iterator[Statement]:
    row = order.life.row
    reported = [request.reported_at for request in order.life.requests if request.reported_at]
    if row.state in REPORTED and reported:
        yield order.say("reported", at=reported[-1])


def _values(order: OrderAtDestination) -> Iterator[Statement]:
    for revision in order.life.revisions:
        yield _revision(order, revision)
    if order.rules is None or any(r.state in {"pending", "in_flight", "unknown"} for r in order.life.revisions):
        return
    now, restate = int(order.now.timestamp()), order.rules.destination.adjusted_event
    candidate = order_life.changed_value(order.connection, order.life, restate, now)
    if candidate is None:
        return
    values = {"old": candidate.old, "new": candidate.new}
    if candidate.not_eligible is None:
        yield order.say("value_can_be_restated", **values, day=order.day)
    else:
        yield order.say("value_not_restated", **values, not_eligible=candidate.not_eligible)


def _revision(order: OrderAtDestination, revision: Row[tuple[object, ...]]) -> Statement:
    r = revision._mapping  # noqa: SLF001
    old, new = (Money(r[f"{v}_minor"], r[f"{v}_currency"], r[f"{v}_exponent"]) for v in ("old", "new"))
    code = "value_unconfirmed" if r["unconfirmed"] else f"value_{r['state']}"
    return order.say(code, old=old, new=new, detail=r["detail"] or "")
