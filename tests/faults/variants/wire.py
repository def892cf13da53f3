"""Broken promises to the platforms: what goes there, how often, and what their answers mean."""

import random
from dataclasses import replace
from typing import Any

import orjson

from conversions import keys
from conversions.destinations.google import client as google
from conversions.destinations.meta import client as meta
from conversions.disclosure.gate import Gate
from conversions.ledger import outbox
from conversions.ledger.outbox import Attempt, outcome
from conversions.model.receipt import Next, Outcome, Receipt
from conversions.transport.http import Answer
from tests.faults.variants.books import HELD
from tests.faults.variants.breaking import swap


def ids_at_random() -> None:
    """Every reading gives an order another id."""
    swap(keys, "wire_ids", lambda *_: lambda number: f"c-{random.getrandbits(128):032x}")


def transport_sends_again() -> None:
    """As HTTP libraries do when they are asked to retry."""
    for platform in (google, meta):
        post = platform.post

        def twice(*arguments: Any, post: Any = post) -> Any:
            result = post(*arguments)
            fine = isinstance(result, Answer) and result.status < 500
            return result if fine else post(*arguments)

        swap(platform, "post", twice)


def refusal_swallowed() -> None:
    """A 400 counts as sent."""

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        return real(ledger, run, attempt, HELD if receipt.next is Next.ISOLATE else receipt)

    real = swap(outbox, "settle", settle)


def a_fifth_field() -> None:
    """Somebody adds the buyer's browser, and the policy with it."""

    def event(self: Any, conversion: Any) -> bytes:
        return orjson.dumps(orjson.loads(real(self, conversion)) | {"client_user_agent": "Mozilla/5.0"})

    real = swap(meta.Meta, "event", event)
    swap(Gate, "check", lambda *_: ())


def two_orders_under_one_id() -> None:
    """An id too short to tell orders apart."""

    def wire_ids(*arguments: Any) -> Any:
        made = real(*arguments)
        return lambda number: made(number)[:4]

    real = swap(keys, "wire_ids", wire_ids)


def unavailable_counts_as_sent() -> None:
    """A 503 is as good as a 200."""

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        return real(ledger, run, attempt, HELD if receipt.http_status == 503 else receipt)

    real = swap(outbox, "settle", settle)


def lost_counts_as_refused() -> None:
    """Who heard nothing knows that nothing was taken."""

    def settle(ledger: Any, run: Any, attempt: Attempt, receipt: Receipt) -> Any:
        unknown = receipt.outcome is Outcome.UNKNOWN
        return real(ledger, run, attempt, replace(receipt, outcome=Outcome.REFUSED) if unknown else receipt)

    real = swap(outbox, "settle", settle)


def other_half_dropped() -> None:
    """A search for the order at fault follows one half only."""

    def follows(*arguments: Any, **named: Any) -> Any:
        return real(*arguments, **named)[:1]

    real = swap(outcome, "follow_up_work", follows)


def value_rounded() -> None:
    """Whole crowns."""

    def event(self: Any, conversion: Any) -> bytes:
        told = orjson.loads(real(self, conversion))
        return orjson.dumps(told | {"conversionValue": round(told["conversionValue"])})

    real = swap(google.Google, "event", event)
