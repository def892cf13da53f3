"""Platforms for load tests: they check nothing and keep no events, so that the sandbox's own work is negligible.

They count events by the id's key in the body. Faults still apply.
"""

import uuid
from datetime import datetime
from typing import Final

from conversions.sandbox.base import Accepted, Answer, Request
from conversions.sandbox.faults import FaultPlan
from conversions.sandbox.google import Google
from conversions.sandbox.meta import Meta, events_received

TRANSACTION_KEY: Final = b'"transactionId":'
EVENT_KEY: Final = b'"event_id":'


class CountingGoogle(Google):
    """Accepts everything."""

    def check(self, request: Request, now: datetime, plan: FaultPlan) -> Accepted | Answer:  # noqa: ARG002
        """Count the transactions of *request*."""
        answer = Answer(200, b'{"requestId":"%b"}' % uuid.uuid4().hex.encode())
        return Accepted(answer, request.body.count(TRANSACTION_KEY))


class CountingMeta(Meta):
    """Accepts everything."""

    def check(self, request: Request, now: datetime, plan: FaultPlan) -> Accepted | Answer:  # noqa: ARG002
        """Count the events of *request*."""
        events = request.body.count(EVENT_KEY)
        return Accepted(events_received(events), events)
