"""Counts what one platform received, deduplicated like that platform does."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from conversions.sandbox.base import Accepted, Answer, ReceivedEvent
from conversions.sandbox.faults import DrawnFaults, Kind


@dataclass(slots=True)
class _KnownEvent:
    """One event that the platform has received."""

    first_at: datetime
    value: Decimal | None
    currency: str | None


class ReceivedCounts:
    """Counts of requests, and the events behind them. Not thread-safe: the caller holds a lock."""

    def __init__(self) -> None:
        self.requests = 0
        self.accepted_requests = 0
        self.interrupted = 0
        self.events = 0
        self.duplicates = 0
        self.double_counted = 0
        self.refused: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._events: dict[Hashable, _KnownEvent] = {}

    def record(self, verdict: Accepted | Answer | None, now: datetime) -> None:
        """Count one complete request and its result (None: the connection dropped before the platform accepted it)."""
        self.requests += 1
        match verdict:
            case Accepted():
                self.accepted_requests += 1
                self.events += verdict.events
                for arrival in verdict.arrivals:
                    self._record_event(arrival, now)
            case Answer():
                self.refused[verdict.code] += 1
            case None:
                pass

    def record_faults(self, struck: DrawnFaults) -> None:
        """Count the faults that were injected."""
        if struck.fault:
            self.faults[struck.fault.kind] += 1
        if struck.delay:
            self.faults[Kind.SLOW] += 1

    def report(self) -> dict[str, Any]:
        """The part of ``GET /_sandbox/received`` for one platform."""
        return {
            "requests": self.requests,
            "accepted_requests": self.accepted_requests,
            "refused": dict(self.refused),
            "interrupted": self.interrupted,
            "events": self.events,
            "distinct": len(self._events),
            "duplicates": self.duplicates,
            "double_counted": self.double_counted,
            "value": _totals(self._events.values()),
            "faults": dict(self.faults),
        }

    def _record_event(self, event: ReceivedEvent, now: datetime) -> None:
        key = object() if event.key is None else event.key
        known = self._events.get(key)
        if known is None:
            self._events[key] = _KnownEvent(now, event.value, event.currency)
            return
        if event.window is None or now - known.first_at <= event.window:
            self.duplicates += 1
        else:
            self.double_counted += 1
            known.first_at = now
        if event.restates and event.value is not None:
            known.value, known.currency = event.value, event.currency


def _totals(events: Iterable[_KnownEvent]) -> dict[str, str]:
    totals: dict[str, Decimal] = {}
    for event in events:
        if event.value is not None and event.currency is not None:
            totals[event.currency] = totals.get(event.currency, Decimal(0)) + event.value
    return {currency: f"{total:f}" for currency, total in sorted(totals.items())}
