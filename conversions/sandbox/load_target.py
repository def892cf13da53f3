"""A platform that checks nothing and keeps nothing per event: for load, where the sandbox's own work must not show.

Events are counted by their id's key in the body. Faults still strike.
"""

import uuid
from datetime import datetime
from typing import Final

from conversions.sandbox.base import Accepted, Answer, Request
from conversions.sandbox.faults import Plan
from conversions.sandbox.google import Google
from conversions.sandbox.meta import Meta, received

TRANSACTION: Final = b'"transactionId":'
EVENT: Final = b'"event_id":'


class CountingGoogle(Google):
    """Takes everything."""

    def check(self, request: Request, now: datetime, plan: Plan) -> Accepted | Answer:  # noqa: ARG002
        """Count the transactions of *request*."""
        reply = Answer(200, b'{"requestId":"%b"}' % uuid.uuid4().hex.encode())
        return Accepted(reply, request.body.count(TRANSACTION))


class CountingMeta(Meta):
    """Takes everything."""

    def check(self, request: Request, now: datetime, plan: Plan) -> Accepted | Answer:  # noqa: ARG002
        """Count the events of *request*."""
        events = request.body.count(EVENT)
        return Accepted(received(events), events)
