"""What Google says later of a request it took: ``requestStatus:retrieve``."""

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conversions.sandbox.google_body import Ingest

KEPT = timedelta(days=50)
UNMATCHED = "PROCESSING_ERROR_REASON_CLICK_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class _Filed:
    """One request that was taken."""

    at: datetime
    destinations: list[dict[str, Any]]
    events: int
    unmatched: list[int]
    """Positions in the request, from 0."""


class Diagnostics:
    """The status of every request taken so far; a seeded share of the orders was bought without an ad."""

    def __init__(self, *, seed: int = 0, unmatched: float = 0, processing: timedelta = timedelta()) -> None:
        self._seed = seed
        self._share = unmatched
        self._processing = processing
        self._filed: dict[str, _Filed] = {}

    def file(self, request_id: str, ingest: Ingest, now: datetime) -> None:
        """Remember *ingest* under *request_id*."""
        destinations = [d.model_dump(by_alias=True, exclude_none=True) for d in ingest.destinations]
        unmatched = [i for i, event in enumerate(ingest.events) if self._is_unmatched(event.transaction_id)]
        self._filed[request_id] = _Filed(now, destinations, len(ingest.events), unmatched)

    def report(self, request_id: str, now: datetime) -> dict[str, Any] | str:
        """``RetrieveRequestStatusResponse``, or the reason why there is none."""
        filed = self._filed.get(request_id)
        if filed is None:
            return "INVALID_REQUEST_ID"
        if now - filed.at > KEPT:
            return "REQUEST_TOO_OLD"
        verdict = {"requestStatus": "PROCESSING"} if now - filed.at < self._processing else _verdict(filed)
        return {"requestStatusPerDestination": [{"destination": d, **verdict} for d in filed.destinations]}

    def forget(self) -> None:
        """Know no request any more."""
        self._filed.clear()

    def _is_unmatched(self, transaction_id: str | None) -> bool:
        """An order keeps its fate, in whichever request it comes."""
        return self._share > 0 and random.Random(f"{self._seed}/{transaction_id}").random() < self._share  # noqa: S311


def _verdict(filed: _Filed) -> dict[str, Any]:
    """Final: counts are strings, as int64 is in JSON."""
    verdict: dict[str, Any] = {
        "requestStatus": "SUCCESS",
        "eventsIngestionStatus": {"recordCount": str(filed.events)},
    }
    if filed.unmatched:
        failed = len(filed.unmatched)
        verdict["requestStatus"] = "FAILED" if failed == filed.events else "PARTIAL_SUCCESS"
        count = {"reason": UNMATCHED, "recordCount": str(failed), "recordIndices": filed.unmatched}
        verdict["errorInfo"] = {"errorCounts": [count]}
    return verdict
