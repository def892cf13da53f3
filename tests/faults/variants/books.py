"""Broken promises of the store: what was intended, what came back, who may write."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from typing import Any

from sqlalchemy import bindparam, func, select, text

from conversions.destinations.google import client as google
from conversions.destinations.meta import client as meta
from conversions.ledger import log
from conversions.ledger import outbox as requests
from conversions.ledger.batches import parts
from conversions.ledger.outbox import Attempt, intent, outcome
from conversions.ledger.schema import tables
from conversions.ledger.staging import evaluate
from conversions.ledger.staging.transitions import Transition
from conversions.ledger.standing import Change, make_exceptions
from conversions.ledger.states import UNANSWERED
from conversions.ledger.store import ledger as open_store
from conversions.ledger.store import run_lock, sqlite
from conversions.model.receipt import Next, Outcome, Receipt
from tests.faults.variants.breaking import swap

claim = import_module("conversions.ledger.outbox.claim")
HELD = Receipt(Outcome.RECEIVED, Next.DONE, "200", 200)


def _force(connection: Any, deliveries: list[int], state: str) -> None:
    make_exceptions(connection, deliveries)
    here = tables.exception.c.id.in_(deliveries)
    connection.execute(tables.exception.update().where(here).values(state=state))


def log_after_sending() -> None:
    """The intent is written when the answer is there, in one go with the outcome."""

    def intend(ledger: Any, run: Any, outbox: Any, claimed: Any, examined: Any) -> Attempt:
        attempt = Attempt(0, examined.body, claimed.events, claimed.work)
        later[id(attempt)] = (ledger, run, outbox, claimed, examined)
        return attempt

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        logged = real_intend(*later.pop(id(attempt)))
        return real_settle(ledger, run, logged, receipt) if isinstance(logged, Attempt) else requests.Settlement(logged)

    later: dict[int, tuple[Any, ...]] = {}
    real_intend = swap(requests, "intend", intend)
    real_settle = swap(requests, "settle", settle)


def outcome_before_the_answer() -> None:
    """What was sent is taken for received."""

    def intend(ledger: Any, run: Any, *more: Any) -> Any:
        attempt = real(ledger, run, *more)
        if isinstance(attempt, Attempt):
            settle(ledger, run, attempt, HELD)
        return attempt

    settle = swap(requests, "settle", lambda *_: requests.Settlement([]))
    real = swap(requests, "intend", intend)


def killed_counts_as_sent() -> None:
    """A request that a kill left open is taken for received."""

    def record(connection: Any, now_us: int, request: int, receipt: Receipt, *, epoch: int | None) -> None:
        if receipt.code == "run was killed":
            held = [event >> tables.REVISION_BITS for event in parts.events(connection, [request])[request]]
            _force(connection, held, "received")
        real(connection, now_us, request, receipt, epoch=epoch)

    real = swap(outcome, "record_answer", record)


def open_requests_tidied_up() -> None:
    """What a kill left open is forgotten, and its orders are new again."""

    def recover(ledger: Any) -> None:
        with ledger.transaction() as connection:
            left_open = tables.request.select().where(tables.request.c.outcome.is_(None))
            for row in connection.execute(left_open).all():
                events = parts.events(connection, [row.id])[row.id]
                named = tables.batch.c.request == row.id
                connection.execute(tables.batch.update().where(named).values(request=None))
                inside = tables.request_part.c.request == row.id
                connection.execute(tables.request_part.delete().where(inside))
                connection.execute(tables.request.delete().where(tables.request.c.id == row.id))
                _force(connection, [event >> tables.REVISION_BITS for event in events], "pending")

    swap(requests, "recover", recover)


def old_value_replaced_while_unanswered() -> None:
    """An order without an answer is staged anew instead of resent as it was."""

    def judge(known: Any, draft: Any) -> Transition:
        return Transition.REPLACE if known.state in UNANSWERED and draft.event else real(known, draft)

    real = swap(evaluate, "next_transition", judge)


def recovery_left_out() -> None:
    """What a kill left open stays open."""
    swap(requests, "recover", lambda _: None)


def synchronous_normal() -> None:
    """A commit returns before it is on disk."""
    pragmas = tuple(pragma.replace("=FULL", "=NORMAL") for pragma in sqlite.PRAGMAS)
    assert pragmas != sqlite.PRAGMAS
    swap(sqlite, "PRAGMAS", pragmas)


def no_lock() -> None:
    """Two runs may have the store at once; the second takes it over."""

    @contextmanager
    def hold(*_: Any, **__: Any) -> Iterator[None]:
        yield

    swap(run_lock, "hold", hold)


def no_lock_and_no_epoch() -> None:
    """The same, and the first goes on as if nothing had happened."""
    no_lock()
    swap(log, "check_epoch", lambda *_: None)


def log_rewritten() -> None:
    """Somebody tidies up what the log said of the first run."""

    def settle(*arguments: Any) -> Any:
        settled = real(*arguments)
        with arguments[0].transaction() as connection:
            first = tables.leaf.c.seq == 0
            connection.execute(tables.leaf.update().where(first).values(body="{}"))
        return settled

    real = swap(requests, "settle", settle)


def failed_sync_ignored() -> None:
    """A commit that failed is taken for one."""

    @contextmanager
    def trusting() -> Iterator[None]:
        with suppress(Exception):
            yield

    swap(open_store, "translate_errors", trusting)


def window_ignored() -> None:
    """Without an answer an order is sent again however late."""
    for platform in (google, meta):
        limits = platform._limits
        swap(platform, "_limits", lambda s, limits=limits: replace(limits(s), resend=timedelta(days=3650)))


def window_counted_anew() -> None:
    """The platform's window is taken to begin with the last attempt."""
    first = "coalesce(first_attempt_us, :now_us)"
    for name in ("_MARK", "_MARK_IF_FREE"):
        statements = getattr(intent, name)
        assert all(first in statement.text for statement in statements)
        broken = (text(statement.text.replace(first, ":now_us")) for statement in statements)
        lists: list[Any] = [bindparam(of, expanding=True) for of in ("batches", "deliveries")]
        swap(intent, name, Change(*(new.bindparams(each) for new, each in zip(broken, lists, strict=True))))


def old_retry_let_go() -> None:
    """Nobody asks of a retry whether its orders have moved on since."""
    swap(intent, "_recheck", lambda *_: set())


def exception_lost() -> None:
    """The row of an order that stands otherwise than its batch says is gone once the answer is there."""

    def settle(*arguments: Any) -> Any:
        settled = real(*arguments)
        with arguments[0].transaction() as connection:
            own = select(func.max(tables.exception.c.id)).scalar_subquery()
            connection.execute(tables.exception.delete().where(tables.exception.c.id == own))
        return settled

    real = swap(requests, "settle", settle)


def batch_asked_in_spite_of_an_exception() -> None:
    """What the batch says is taken to be true of all its orders, and nobody asks again before they leave."""
    old_retry_let_go()
    swap(claim, "regular_of", lambda _, __, events: [event >> tables.REVISION_BITS for event in events])
