"""One request from arrival to answer: faults, check, count."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversions.sandbox.base import Accepted, Answer, Platform, Request
from conversions.sandbox.deduplication import Tally
from conversions.sandbox.faults import Fault, Kind, Plan

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """One body as it arrived, and what was said to it."""

    platform: str
    path: str
    body: bytearray
    status: int | None
    """None: the line went dead instead."""
    complete: bool = True
    why: str = ""


class Desk:
    """Where requests are taken, one lock for all that is counted."""

    def __init__(
        self,
        platforms: Iterable[Platform],
        plan: Plan,
        clock: Callable[[], datetime],
        transcript: deque[TranscriptEntry],
    ) -> None:
        self.plan = plan
        self._platforms = {platform.name: platform for platform in platforms}
        self._clock = clock
        self._transcript = transcript
        self._turn = threading.Lock()
        self._tallies = {name: Tally() for name in self._platforms}

    def take(self, name: str, request: Request) -> tuple[Answer | None, float]:
        """The answer of platform *name* (None: hang up without one) and by how many seconds it is late."""
        platform, now = self._platforms[name], self._clock()
        with self._turn:
            struck = self.plan.draw(name)
        verdict = self._verdict(platform, struck.fault, request, now)
        answer = _said(platform, struck.fault, verdict)
        with self._turn:
            tally = self._tallies[name]
            tally.enter(verdict, now)
            tally.play(struck)
            self._transcript.append(_transcript_entry(name, request, verdict, answer))
        return answer, struck.delay

    def interrupted(self, name: str, request: Request) -> None:
        """The line went dead while *request* arrived; its body is what came."""
        with self._turn:
            self._tallies[name].interrupted += 1
            self._transcript.append(TranscriptEntry(name, request.path, request.body, None, complete=False))

    def report(self, *, bodies: bool) -> dict[str, Any]:
        """What arrived so far, with every body on request."""
        with self._turn:
            report: dict[str, Any] = {name: tally.report() for name, tally in self._tallies.items()}
            if bodies:
                report["bodies"] = [_entry(entry) for entry in self._transcript]
        return report

    def forget(self) -> None:
        """Begin anew, as if nothing had arrived."""
        with self._turn:
            self._tallies = {name: Tally() for name in self._platforms}
            self._transcript.clear()

    def _verdict(
        self, platform: Platform, fault: Fault | None, request: Request, now: datetime
    ) -> Accepted | Answer | None:
        """What the platform makes of *request*; None: it never got it."""
        if request.authorization is None and self.plan.standing(Kind.REQUIRE_TOKEN, platform.name):
            return platform.unauthenticated()
        if fault and fault.kind is Kind.DROPPED:
            return None
        return _trouble(platform, fault) or platform.check(request, now, self.plan)


def _trouble(platform: Platform, fault: Fault | None) -> Answer | None:
    """The answer of a platform that is in no state to look at a request."""
    match fault:
        case Fault(kind=Kind.THROTTLED):
            return platform.throttled(int(fault.value or 1))
        case Fault(kind=Kind.UNAVAILABLE):
            return platform.unavailable()
        case Fault(kind=Kind.HTML):
            return Answer(502, PAGE, "502", content_type="text/html; charset=UTF-8")
        case Fault(kind=Kind.EXPIRED_TOKEN):
            return platform.expired_token()
        case Fault(kind=Kind.QUOTA_PER_DAY):
            return platform.quota_per_day()
        case _:
            return None


def _said(platform: Platform, fault: Fault | None, verdict: Accepted | Answer | None) -> Answer | None:
    """What the client gets to hear of *verdict*."""
    kind = fault.kind if fault else None
    match verdict:
        case None:
            return None
        case _ if kind is Kind.LOST:
            return None
        case Answer():
            return verdict
        case Accepted() if kind is Kind.NO_REQUEST_ID:
            return platform.anonymous(verdict)
        case Accepted() if kind is Kind.WRONG_COUNT:
            return platform.miscounted(verdict)
        case Accepted():
            return verdict.answer


def _transcript_entry(
    name: str, request: Request, verdict: Accepted | Answer | None, answer: Answer | None
) -> TranscriptEntry:
    why = verdict.why if isinstance(verdict, Answer) else ""
    return TranscriptEntry(name, request.path, request.body, answer.status if answer else None, why=why)


def _entry(entry: TranscriptEntry) -> dict[str, Any]:
    """The body as text, byte for byte: what is not UTF-8 is kept as lone surrogates."""
    return {
        "destination": entry.platform,
        "path": entry.path,
        "status": entry.status,
        "complete": entry.complete,
        "why": entry.why,
        "body": entry.body.decode(errors="surrogateescape"),
    }
