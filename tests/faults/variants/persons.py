"""Broken promises to buyers: who said no, and what stays in the house."""

from typing import Any

from conversions.intake import convert
from conversions.ledger.outbox import Purpose, intent
from conversions.ledger.staging import evaluate
from conversions.ledger.staging.transitions import Transition
from conversions.ledger.states import UNANSWERED
from tests.faults.variants.breaking import swap


def objection_asked_at_staging_only() -> None:
    """Who objects while the night is under way is not heard."""
    swap(intent, "_recheck", lambda *_: set())


def objection_not_asked_on_resend() -> None:
    """Who objects while an answer is out is sent again."""

    def ask_again(*arguments: Any) -> Any:
        return set() if arguments[-1].work.purpose is Purpose.RESEND else real(*arguments)

    real = swap(intent, "_recheck", ask_again)


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
