"""Broken promises to buyers: who said no, and what stays in the house."""

from typing import Any

from sqlalchemy import func, select

from conversions.intake import convert
from conversions.ledger.outbox import Purpose, intent
from conversions.ledger.schema import tables
from conversions.ledger.staging import evaluate
from conversions.ledger.staging.transitions import Transition
from conversions.ledger.states import UNANSWERED
from conversions.ledger.subjects import erasure, redaction
from tests.faults.variants.breaking import swap


def objection_asked_at_staging_only() -> None:
    """Who objects while the night is under way is not heard."""
    swap(intent, "newly_forbidden", lambda *_: {})


def objection_not_asked_on_resend() -> None:
    """Who objects while an answer is out is sent again."""

    def ask_again(connection: Any, batch: Any) -> Any:
        return {} if batch.work.purpose is Purpose.RESEND else real(connection, batch)

    real = swap(intent, "newly_forbidden", ask_again)


def objection_asked_once_for_a_batch() -> None:
    """The first request of a batch asks the list for all of it: an objection newer than staging is overlooked."""

    def ask(connection: Any, batch: Any) -> Any:
        found = real(connection, batch)
        newest = connection.execute(select(func.max(tables.objection.c.id))).scalar_one()
        named = tables.batch.c.id.in_({event.place >> tables.POSITION_BITS for event in batch.claimed})
        connection.execute(tables.batch.update().where(named).values(objection=newest or 0))
        return found

    real = swap(intent, "newly_forbidden", ask)


def erased_event_resent() -> None:
    """An erasure leaves the bytes of what is unanswered, and lets it go out again."""
    swap(redaction, "blank", lambda *_: None)
    swap(erasure, "_close", lambda *_: None)


def denial_not_heard_on_resend() -> None:
    """Who takes consent back while an answer is out is sent again."""

    def judge(known: Any, draft: Any) -> Transition:
        return Transition.HOLD if known.state in UNANSWERED else real(known, draft)

    real = swap(evaluate, "next_transition", judge)


def address_in_a_log_line() -> None:
    """Somebody looks for a mistake."""

    def call(self: Any, order: Any, *more: Any) -> Any:
        print(order.number, order.email)
        return real(self, order, *more)

    real = swap(convert.Converter, "__call__", call)
