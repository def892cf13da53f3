"""Open the queue of one destination: its limits, its request template, and its canary batch."""

from datetime import timedelta
from typing import Protocol

import orjson

from conversions.delivery.queue import DestinationQueue
from conversions.destinations.base import Destination
from conversions.disclosure.gate import Gate
from conversions.ledger import Ledger
from conversions.ledger.outbox import RequestTemplate
from conversions.ledger.queries import totals
from conversions.settings import DestinationSettings


class QueueTarget(Protocol):
    """What a queue needs of its destination; ``run.runtime.DestinationRules`` is one."""

    @property
    def destination(self) -> Destination:
        """The client of the platform."""

    @property
    def settings(self) -> DestinationSettings:
        """The settings of this destination."""

    @property
    def gate(self) -> Gate:
        """The disclosure gate, which checks every body."""


def open_queue(target: QueueTarget, destination_id: int, ledger: Ledger, run_id: int) -> DestinationQueue:
    """Open the queue of *target*, which has the id *destination_id* in the store.

    Where ``first_batch`` is set and the platform never received an event, this run sends only a canary batch.
    """
    destination, section = target.destination, target.settings
    limits, canary = destination.limits, canary_size(section, ledger, destination_id)
    envelope = destination.envelope(f"conversions-run-{run_id}")
    template = RequestTemplate(
        destination_id=destination_id,
        name=destination.name,
        recipient=destination.recipient,
        url=destination.url,
        route=destination.route,
        headers=orjson.dumps(destination.headers).decode(),
        prefix=envelope.prefix,
        suffix=envelope.suffix,
        rules=destination.identity_rule,
        max_events=min(limits.events, canary or limits.events),
        max_bytes=limits.bytes,
        resend_us=resend_us(destination, section),
        check=target.gate.check,
    )
    return DestinationQueue(
        destination, template, section.in_flight, section.requests_per_minute, canary=canary is not None
    )


def canary_size(section: DestinationSettings, ledger: Ledger, destination_id: int) -> int | None:
    """Return the number of orders in the canary batch; None where the run sends without one, as a rehearsal does."""
    exempt = section.endpoint is not None or not totals.first_time(ledger, destination_id)
    return None if exempt else section.first_batch


def resend_us(destination: Destination, section: DestinationSettings) -> int:
    """Return how many microseconds after its first attempt an unanswered order is sent again without a decision."""
    return 0 if section.resend_unknown == "ask" else destination.limits.resend // timedelta(microseconds=1)
