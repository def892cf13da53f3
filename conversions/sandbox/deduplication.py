"""What arrived at one platform, counted as that platform counts."""

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from conversions.sandbox.base import Accepted, Answer, Arrival
from conversions.sandbox.faults import Kind, Struck


@dataclass(slots=True)
class _Held:
    """One event that the platform knows."""

    first: datetime
    value: Decimal | None
    currency: str | None


class Tally:
    """Counts and the events behind them. Not safe across threads: its caller takes turns."""

    def __init__(self) -> None:
        self.requests = 0
        self.accepted_requests = 0
        self.interrupted = 0
        self.events = 0
        self.duplicates = 0
        self.double_counted = 0
        self.refused: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self._held: dict[Hashable, _Held] = {}

    def enter(self, verdict: Accepted | Answer | None, now: datetime) -> None:
        """Count one whole request and what became of it (None: the line went dead before anything was taken)."""
        self.requests += 1
        match verdict:
            case Accepted():
                self.accepted_requests += 1
                self.events += verdict.events
                for arrival in verdict.arrivals:
                    self._hold(arrival, now)
            case Answer():
                self.refused[verdict.code] += 1
            case None:
                pass

    def play(self, struck: Struck) -> None:
        """Count what went wrong on purpose."""
        if struck.fault:
            self.faults[struck.fault.kind] += 1
        if struck.delay:
            self.faults[Kind.SLOW] += 1

    def report(self) -> dict[str, Any]:
        """What ``GET /_sandbox/received`` says of this platform."""
        return {
            "requests": self.requests,
            "accepted_requests": self.accepted_requests,
            "refused": dict(self.refused),
            "interrupted": self.interrupted,
            "events": self.events,
            "distinct": len(self._held),
            "duplicates": self.duplicates,
            "double_counted": self.double_counted,
            "value": _totals(self._held.values()),
            "faults": dict(self.faults),
        }

    def _hold(self, arrival: Arrival, now: datetime) -> None:
        key = object() if arrival.key is None else arrival.key
        held = self._held.get(key)
        if held is None:
            self._held[key] = _Held(now, arrival.value, arrival.currency)
            return
        if arrival.window is None or now - held.first <= arrival.window:
            self.duplicates += 1
        else:
            self.double_counted += 1
            held.first = now
        if arrival.restates and arrival.value is not None:
            held.value, held.currency = arrival.value, arrival.currency


def _totals(events: Iterable[_Held]) -> dict[str, str]:
    totals: dict[str, Decimal] = {}
    for event in events:
        if event.value is not None and event.currency is not None:
            totals[event.currency] = totals.get(event.currency, Decimal(0)) + event.value
    return {currency: f"{total:f}" for currency, total in sorted(totals.items())}
