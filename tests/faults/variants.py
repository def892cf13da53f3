"""The program broken on purpose, once in each promise: what the oracle must notice. Only ever applied in a fork."""

import random
from collections.abc import Callable
from typing import Any

import orjson

from conversions import keys
from conversions.destinations import google, meta
from conversions.disclosure import Gate
from conversions.http import Answer
from conversions.ledger import judging, requests, tables
from conversions.ledger.matrix import UNANSWERED, Step
from conversions.ledger.requests import Attempt, intents, outcomes
from conversions.receipt import Next, Outcome, Receipt

HELD = Receipt(Outcome.RECEIVED, Next.DONE, "200", 200)


def _swap(place: Any, name: str, new: Callable[..., Any]) -> Any:
    """Put *new* in the place of what is there, and return that; what is gone cannot be broken."""
    old = getattr(place, name)
    setattr(place, name, new)
    return old


def log_after_sending() -> None:
    """The intent is written when the answer is there, in one go with the outcome."""

    def intend(ledger: Any, run: Any, outbox: Any, claimed: Any, examined: Any) -> Attempt:
        attempt = Attempt(0, examined.body, claimed.events, claimed.work)
        later[id(attempt)] = (ledger, run, outbox, claimed, examined)
        return attempt

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        logged = real_intend(*later.pop(id(attempt)))
        return real_settle(ledger, run, logged, receipt) if isinstance(logged, Attempt) else requests.Settled(logged)

    later: dict[int, tuple[Any, ...]] = {}
    real_intend = _swap(requests, "intend", intend)
    real_settle = _swap(requests, "settle", settle)


def ids_at_random() -> None:
    """Every reading gives an order another id."""
    _swap(keys, "wire_ids", lambda *_: lambda number: f"c-{random.getrandbits(128):032x}")


def outcome_before_the_answer() -> None:
    """What was sent is taken for received."""

    def intend(ledger: Any, run: Any, *more: Any) -> Any:
        attempt = real(ledger, run, *more)
        if isinstance(attempt, Attempt):
            settle(ledger, run, attempt, HELD)
        return attempt

    settle = _swap(requests, "settle", lambda *_: requests.Settled([]))
    real = _swap(requests, "intend", intend)


def transport_sends_again() -> None:
    """As HTTP libraries do when they are asked to retry."""
    for platform in (google, meta):
        post = platform.post

        def twice(*arguments: Any, post: Any = post) -> Any:
            result = post(*arguments)
            fine = isinstance(result, Answer) and result.status < 500
            return result if fine else post(*arguments)

        _swap(platform, "post", twice)


def objection_asked_at_staging_only() -> None:
    """Who objects while the night is under way is not heard."""
    _swap(intents, "_ask_again", lambda *_: set())


def refusal_swallowed() -> None:
    """A 400 counts as sent."""

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        return real(ledger, run, attempt, HELD if receipt.next is Next.ISOLATE else receipt)

    real = _swap(requests, "settle", settle)


def killed_counts_as_sent() -> None:
    """A request that a kill left open is taken for received."""

    def record(connection: Any, now_us: int, request: int, receipt: Receipt, *, epoch: int | None) -> None:
        if receipt.code == "run was killed":
            inside = tables.request_event.select().where(tables.request_event.c.request == request)
            held = [row.event >> tables.REVISION_BITS for row in connection.execute(inside)]
            here = tables.delivery.c.id.in_(held)
            connection.execute(tables.delivery.update().where(here).values(state="received"))
        real(connection, now_us, request, receipt, epoch=epoch)

    real = _swap(outcomes, "record", record)


def open_requests_tidied_up() -> None:
    """What a kill left open is forgotten, and its orders are new again."""

    def recover(ledger: Any) -> None:
        with ledger.transaction() as connection:
            left_open = tables.request.select().where(tables.request.c.outcome.is_(None))
            for row in connection.execute(left_open).all():
                inside = tables.request_event.c.request == row.id
                events = [e.event for e in connection.execute(tables.request_event.select().where(inside))]
                here = tables.delivery.c.id.in_([event >> tables.REVISION_BITS for event in events])
                connection.execute(tables.request_event.delete().where(inside))
                connection.execute(tables.request.delete().where(tables.request.c.id == row.id))
                connection.execute(tables.delivery.update().where(here).values(state="pending"))

    _swap(requests, "recover", recover)


def old_value_replaced_while_unanswered() -> None:
    """An order without an answer is staged anew instead of resent as it was."""

    def judge(known: Any, draft: Any) -> Step:
        return Step.REPLACE if known.state in UNANSWERED and draft.event else real(known, draft)

    real = _swap(judging, "judge", judge)


def a_fifth_field() -> None:
    """Somebody adds the buyer's browser, and the policy with it."""

    def event(self: Any, conversion: Any) -> bytes:
        return orjson.dumps(orjson.loads(real(self, conversion)) | {"client_user_agent": "Mozilla/5.0"})

    real = _swap(meta.Meta, "event", event)
    _swap(Gate, "check", lambda *_: ())


VARIANTS: dict[str, Callable[[], None]] = {
    variant.__name__: variant
    for variant in (
        log_after_sending,
        ids_at_random,
        outcome_before_the_answer,
        transport_sends_again,
        objection_asked_at_staging_only,
        refusal_swallowed,
        killed_counts_as_sent,
        open_requests_tidied_up,
        old_value_replaced_while_unanswered,
        a_fifth_field,
    )
}
