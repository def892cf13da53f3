"""Handles one request: draws its faults, checks it, counts it and answers."""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from conversions.sandbox.base import Accepted, Answer, Platform, Request
from conversions.sandbox.deduplication import ReceivedCounts
from conversions.sandbox.faults import Fault, FaultPlan, Kind

BAD_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class TranscriptEntry:
    """One body as it arrived, and the answer to it."""

    platform: str
    path: str
    body: bytearray
    status: int | None
    """None where the connection dropped before an answer."""
    complete: bool = True
    why: str = ""


class RequestHandler:
    """Handles the requests of all platforms, with one lock for all counts."""

    def __init__(
        self,
        platforms: Iterable[Platform],
        plan: FaultPlan,
        clock: Callable[[], datetime],
        transcript: deque[TranscriptEntry],
    ) -> None:
        self.plan = plan
        self._platforms = {platform.name: platform for platform in platforms}
        self._clock = clock
        self._transcript = transcript
        self._lock = threading.Lock()
        self._counts = {name: ReceivedCounts() for name in self._platforms}

    def handle(self, name: str, request: Request) -> tuple[Answer | None, float]:
        """The answer of platform *name* (None: close the connection without one), and its delay in seconds."""
        platform, now = self._platforms[name], self._clock()
        with self._lock:
            drawn = self.plan.draw(name)
        result = self._result(platform, drawn.fault, request, now)
        answer = _answer(platform, drawn.fault, result)
        with self._lock:
            counts = self._counts[name]
            counts.record(result, now)
            counts.record_faults(drawn)
            self._transcript.append(_transcript_entry(name, request, result, answer))
        return answer, drawn.delay

    def record_interruption(self, name: str, request: Request) -> None:
        """Record that the connection dropped while *request* arrived; its body is incomplete."""
        with self._lock:
            self._counts[name].interrupted += 1
            self._transcript.append(TranscriptEntry(name, request.path, request.body, None, complete=False))

    def report(self, *, bodies: bool) -> dict[str, Any]:
        """The counts per platform, and on request every body."""
        with self._lock:
            report: dict[str, Any] = {name: counts.report() for name, counts in self._counts.items()}
            if bodies:
                report["bodies"] = [_body_json(entry) for entry in self._transcript]
        return report

    def reset(self) -> None:
        """Delete all counts and bodies."""
        with self._lock:
            self._counts = {name: ReceivedCounts() for name in self._platforms}
            self._transcript.clear()

    def _result(
        self, platform: Platform, fault: Fault | None, request: Request, now: datetime
    ) -> Accepted | Answer | None:
        """The platform's result for *request*; None: the platform never received it."""
        if request.authorization is None and self.plan.condition_values(Kind.REQUIRE_TOKEN, platform.name):
            return platform.unauthenticated()
        if fault and fault.kind is Kind.DROPPED:
            return None
        return _injected_answer(platform, fault) or platform.check(request, now, self.plan)


def _injected_answer(platform: Platform, fault: Fault | None) -> Answer | None:
    """The answer of a fault that prevents the check, or None."""
    match fault:
        case Fault(kind=Kind.THROTTLED):
            return platform.throttled(int(fault.value or 1))
        case Fault(kind=Kind.UNAVAILABLE):
            return platform.unavailable()
        case Fault(kind=Kind.HTML):
            return Answer(502, BAD_GATEWAY_PAGE, "502", content_type="text/html; charset=UTF-8")
        case Fault(kind=Kind.EXPIRED_TOKEN):
            return platform.expired_token()
        case Fault(kind=Kind.QUOTA_PER_DAY):
            return platform.quota_per_day()
        case _:
            return None


def _answer(platform: Platform, fault: Fault | None, result: Accepted | Answer | None) -> Answer | None:
    """The answer to the client, after faults; None: the connection drops."""
    kind = fault.kind if fault else None
    match result:
        case None:
            return None
        case _ if kind is Kind.LOST:
            return None
        case Answer():
            return result
        case Accepted() if kind is Kind.NO_REQUEST_ID:
            return platform.without_request_id(result)
        case Accepted() if kind is Kind.WRONG_COUNT:
            return platform.with_wrong_count(result)
        case Accepted():
            return result.answer


def _transcript_entry(
    name: str, request: Request, result: Accepted | Answer | None, answer: Answer | None
) -> TranscriptEntry:
    why = result.why if isinstance(result, Answer) else ""
    return TranscriptEntry(name, request.path, request.body, answer.status if answer else None, why=why)


def _body_json(entry: TranscriptEntry) -> dict[str, Any]:
    """The entry as JSON; bytes of the body that are not UTF-8 become lone surrogates."""
    return {
        "destination": entry.platform,
        "path": entry.path,
        "status": entry.status,
        "complete": entry.complete,
        "why": entry.why,
        "body": entry.body.decode(errors="surrogateescape"),
    }
