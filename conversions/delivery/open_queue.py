"""How a lane begins: what its destination takes, what its requests share, and how much leaves on a first night."""

from collections.abc import Callable
from datetime import timedelta

import orjson

from conversions.delivery.queue import DestinationQueue
from conversions.destinations.base import Destination
from conversions.ledger import Ledger
from conversions.ledger.outbox import RequestTemplate
from conversions.ledger.queries import totals
from conversions.settings import DestinationSettings


def open_queue(
    destination: Destination,
    section: DestinationSettings,
    number: int,
    check: Callable[[bytes, int], tuple[str, ...]],
    ledger: Ledger,
    run: int,
) -> DestinationQueue:
    """The lane of *destination*, which the ledger knows by *number*; *check* is its gate.

    Where ``first_batch`` is set and nothing was ever received there, one small request is all that this run sends.
    """
    limits, first = destination.limits, canary_size(section, ledger, number)
    envelope = destination.envelope(f"conversions-run-{run}")
    outbox = RequestTemplate(
        destination=number,
        name=destination.name,
        recipient=destination.recipient,
        url=destination.url,
        headers=orjson.dumps(destination.headers).decode(),
        prefix=envelope.prefix,
        suffix=envelope.suffix,
        rules=destination.identity_rule,
        max_events=min(limits.events, first or limits.events),
        max_bytes=limits.bytes,
        resend_us=resend_us(destination, section),
        check=check,
    )
    return DestinationQueue(
        destination, outbox, section.in_flight, section.requests_per_minute, canary=first is not None
    )


def canary_size(section: DestinationSettings, ledger: Ledger, number: int) -> int | None:
    """How many orders are all that a run sends where nothing was ever received; rehearsals are exempt."""
    exempt = section.endpoint is not None or not totals.first_time(ledger, number)
    return None if exempt else section.first_batch


def resend_us(destination: Destination, section: DestinationSettings) -> int:
    """Microseconds after its first attempt in which an unanswered order is sent again without asking a person."""
    return 0 if section.resend_unknown == "ask" else destination.limits.resend // timedelta(microseconds=1)
