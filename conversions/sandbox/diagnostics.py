"""Google's diagnostics of accepted requests: ``requestStatus:retrieve``."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conversions.sandbox.google_body import Ingest

STATUS_RETENTION = timedelta(days=50)
REASON_PREFIX = "PROCESSING_ERROR_REASON_"
WARNING_PREFIX = "PROCESSING_WARNING_REASON_"
UNMATCHED = f"{REASON_PREFIX}CLICK_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class _StoredRequest:
    """One accepted request."""

    at: datetime
    destinations: list[dict[str, Any]]
    orders: list[str | None]
    """Transaction ids, by position in the request."""


@dataclass(frozen=True, slots=True)
class ReasonShare:
    """The share of the orders that gets a reason."""

    reason: str
    """Name in Google's enum."""
    share: float


@dataclass(frozen=True, slots=True)
class StatusFaults:
    """Faults that change the answer at the moment, for every request."""

    errors: Sequence[ReasonShare] = ()
    warnings: Sequence[ReasonShare] = ()
    counts_only: bool = False
    """Report how many orders failed, but not which."""
    processing: bool = False
    """Report that processing has not finished."""


class Diagnostics:
    """The status of every accepted request; a seeded share of the orders, *unmatched*, belongs to no ad click."""

    def __init__(self, *, seed: int = 0, unmatched: float = 0, processing: timedelta = timedelta()) -> None:
        self._seed = seed
        self._share = unmatched
        self._processing = processing
        self._requests: dict[str, _StoredRequest] = {}

    def store(self, request_id: str, ingest: Ingest, now: datetime) -> None:
        """Keep *ingest* under *request_id*."""
        destinations = [d.model_dump(by_alias=True, exclude_none=True) for d in ingest.destinations]
        self._requests[request_id] = _StoredRequest(
            now, destinations, [event.transaction_id for event in ingest.events]
        )

    def report(self, request_id: str, now: datetime, faults: StatusFaults) -> dict[str, Any] | str:
        """``RetrieveRequestStatusResponse``, or the reason of an error."""
        stored = self._requests.get(request_id)
        if stored is None:
            return "INVALID_REQUEST_ID"
        if now - stored.at > STATUS_RETENTION:
            return "REQUEST_TOO_OLD"
        if faults.processing or now - stored.at < self._processing:
            status: dict[str, Any] = {"requestStatus": "PROCESSING"}
        else:
            failures = self._positions_by_reason(stored, (ReasonShare(UNMATCHED, self._share), *faults.errors))
            status = _final_status(len(stored.orders), failures, counts_only=faults.counts_only)
            warned = self._positions_by_reason(stored, faults.warnings).items()
            counts = [_count(reason, positions, counts_only=faults.counts_only) for reason, positions in warned]
            status |= {"warningInfo": {"warningCounts": counts}} if counts else {}
        return {"requestStatusPerDestination": [{"destination": d, **status} for d in stored.destinations]}

    def reset(self) -> None:
        """Delete all requests."""
        self._requests.clear()

    def draw_share(self, order: str | None) -> float:
        """A random number from 0 to 1, the same for an order in every request."""
        return random.Random(f"{self._seed}/{order}").random()  # noqa: S311

    def _positions_by_reason(self, stored: _StoredRequest, shares: Sequence[ReasonShare]) -> dict[str, list[int]]:
        """Positions of the orders with each reason; an order gets one at most, and the same one in every request."""
        positions: dict[str, list[int]] = {}
        for position, order in enumerate(stored.orders):
            drawn = self.draw_share(order)
            for reason in shares:
                if drawn < reason.share:
                    positions.setdefault(reason.reason, []).append(position)
                    break
                drawn -= reason.share
        return positions


def with_prefix(prefix: str, value: str) -> str:
    """*value* with the enum's *prefix*, unless it already begins with it, in upper or lower case."""
    return value if value.upper().startswith(prefix) else prefix + value


def _final_status(events: int, failures: dict[str, list[int]], *, counts_only: bool) -> dict[str, Any]:
    """The status after processing; counts are strings, as protobuf's JSON writes int64."""
    status: dict[str, Any] = {"requestStatus": "SUCCESS", "eventsIngestionStatus": {"recordCount": str(events)}}
    if failures:
        failed = sum(map(len, failures.values()))
        status["requestStatus"] = "FAILED" if failed == events else "PARTIAL_SUCCESS"
        status["errorInfo"] = {
            "errorCounts": [
                _count(reason, positions, counts_only=counts_only) for reason, positions in failures.items()
            ]
        }
    return status


def _count(reason: str, positions: list[int], *, counts_only: bool) -> dict[str, Any]:
    count: dict[str, Any] = {"reason": reason, "recordCount": str(len(positions))}
    return count if counts_only else {**count, "recordIndices": positions}
