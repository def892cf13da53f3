"""The attempts to send: envelope, events and opened links, compared with the commitments in the log."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from .refusal import require
from .tree import root_of

UNNUMBERED = -1
"""The number of an event for which the bundle states none: no entry names it."""


class Removed(NamedTuple):
    """An event whose payload is gone."""

    number: int
    """The number by which entries about erasures and purges name it."""
    commitment: bytes
    intent: dict[str, Any]
    """The entry of the attempt that had it."""


class Opened(NamedTuple):
    """An event whose link is open: whose order it is."""

    order: str
    day: str
    """Day of purchase, in the shop's zone."""
    value: str
    position: int
    """Which event of the attempt it is, from 1."""
    intent: dict[str, Any]


class Payloads:
    """What the attempts of a bundle hold, once they are compared."""

    def __init__(self) -> None:
        self.requests = self.events = 0
        self.removed: list[Removed] = []
        self.opened: list[Opened] = []

    def compare(self, entries: Iterator[dict[str, Any]], requests: Iterator[dict[str, Any]]) -> None:
        """Compare each entry of an attempt with its request, in the same order. Raises Refused."""
        for facts in entries:
            if facts["kind"] == "intent":
                self._compare(facts, next(requests, {}))
        require(next(requests, None) is None, "there are requests without an entry")

    def _compare(self, facts: dict[str, Any], request: dict[str, Any]) -> None:
        number = facts["request"]
        require(request.get("request") == number, f"request {number} is missing")
        require(request.get("route") == facts.get("route"), f"the route of request {number} was altered")
        parts = [request[part].encode() for part in ("headers", "prefix", "suffix")]
        envelope = hashlib.sha256(b"\0".join(parts)).hexdigest()
        require(envelope == facts["envelope"], f"the envelope of request {number} was altered")
        commitments = [commitment(event) for event in request["events"]]
        require(len(commitments) == facts["events"], f"request {number} has another number of events")
        require(root_of(commitments).hex() == facts["commitments"], f"request {number} has other events than it had")
        sent = [event["event"] for event in request["events"] if "event" in event]
        size = len(parts[1]) + len(",".join(sent).encode()) + len(parts[2])
        require(len(sent) < len(commitments) or size == facts["bytes"], f"request {number} has another size")
        self.requests, self.events = self.requests + 1, self.events + len(commitments)
        for position, event in enumerate(request["events"], 1):
            self._note(event, position, facts)

    def _note(self, event: dict[str, Any], position: int, facts: dict[str, Any]) -> None:
        if "event" not in event:
            self.removed.append(Removed(event.get("number", UNNUMBERED), commitment(event), facts))
        if "opened" in event:
            order, _person, day, minor, currency, exponent = json.loads(event["opened"])
            self.opened.append(Opened(order, day, amount(minor, currency, exponent), position, facts))


def commitment(event: dict[str, Any]) -> bytes:
    """What the log has of an event: SHA-256(HMAC-SHA256(salt, event) ‖ link).

    ``link`` is a commitment, too: HMAC-SHA256(link salt, link). The link says whose order it is, and is shown for
    chosen orders only. Events from before schema 0007 have no link: theirs is HMAC-SHA256(salt, event). An event
    whose payload is gone has only its commitment left.
    """
    if "event" not in event:
        return bytes.fromhex(event["commitment"])
    of_bytes = _hmac(event["salt"], event["event"])
    if "opened" in event:
        return hashlib.sha256(of_bytes + _hmac(event["link_salt"], event["opened"])).digest()
    return hashlib.sha256(of_bytes + bytes.fromhex(event["link"])).digest() if "link" in event else of_bytes


def amount(minor: int, currency: str, exponent: int) -> str:
    """A value in minor units, as people write it."""
    digits = str(abs(minor)).zfill(exponent + 1)
    whole, cents = digits[: len(digits) - exponent], digits[len(digits) - exponent :]
    return f"{'-' if minor < 0 else ''}{whole}{'.' if cents else ''}{cents} {currency}"


def _hmac(salt: str, content: str) -> bytes:
    return hmac.new(bytes.fromhex(salt), content.encode(), hashlib.sha256).digest()
