"""What Google says later of a request it took: ``requestStatus:retrieve``."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from conversions.sandbox.google_body import Ingest

KEPT = timedelta(days=50)
PREFIX = "PROCESSING_ERROR_REASON_"
WARNING_PREFIX = "PROCESSING_WARNING_REASON_"
UNMATCHED = f"{PREFIX}CLICK_NOT_FOUND"


@dataclass(frozen=True, slots=True)
class _Filed:
    """One request that was taken."""

    at: datetime
    destinations: list[dict[str, Any]]
    orders: list[str | None]
    """Their transaction ids, by position in the request."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What share of the orders meets a reason."""

    reason: str
    """As the enum names it."""
    share: float


@dataclass(frozen=True, slots=True)
class Whims:
    """What is said at the moment, whatever was sent."""

    troubles: Sequence[Trouble] = ()
    warnings: Sequence[Trouble] = ()
    counts_only: bool = False
    """Say how many orders failed, and not which."""
    processing: bool = False
    """Say that nothing is known yet."""


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
        self._filed[request_id] = _Filed(now, destinations, [event.transaction_id for event in ingest.events])

    def report(self, request_id: str, now: datetime, whims: Whims) -> dict[str, Any] | str:
        """``RetrieveRequestStatusResponse``, or the reason why there is none."""
        filed = self._filed.get(request_id)
        if filed is None:
            return "INVALID_REQUEST_ID"
        if now - filed.at > KEPT:
            return "REQUEST_TOO_OLD"
        if whims.processing or now - filed.at < self._processing:
            verdict: dict[str, Any] = {"requestStatus": "PROCESSING"}
        else:
            fates = self._fates(filed, (Trouble(UNMATCHED, self._share), *whims.troubles))
            verdict = _verdict(len(filed.orders), fates, counts_only=whims.counts_only)
            warned = self._fates(filed, whims.warnings).items()
            counts = [_count(*each, counts_only=whims.counts_only) for each in warned]
            verdict |= {"warningInfo": {"warningCounts": counts}} if counts else {}
        return {"requestStatusPerDestination": [{"destination": d, **verdict} for d in filed.destinations]}

    def forget(self) -> None:
        """Know no request any more."""
        self._filed.clear()

    def drawn(self, order: str | None) -> float:
        """From 0 to 1, the same for an order in whichever request it comes."""
        return random.Random(f"{self._seed}/{order}").random()  # noqa: S311

    def _fates(self, filed: _Filed, troubles: Sequence[Trouble]) -> dict[str, list[int]]:
        """Positions by reason; an order meets one at the most, and keeps its fate in whichever request it comes."""
        fates: dict[str, list[int]] = {}
        for position, order in enumerate(filed.orders):
            drawn = self.drawn(order)
            for trouble in troubles:
                if drawn < trouble.share:
                    fates.setdefault(trouble.reason, []).append(position)
                    break
                drawn -= trouble.share
        return fates


def named(prefix: str, value: str) -> str:
    """A reason as the enum has it, unless its prefix, in any case, is part of *value*."""
    return value if value.upper().startswith(prefix) else prefix + value


def _verdict(events: int, fates: dict[str, list[int]], *, counts_only: bool) -> dict[str, Any]:
    """Final: counts are strings, as int64 is in JSON."""
    verdict: dict[str, Any] = {"requestStatus": "SUCCESS", "eventsIngestionStatus": {"recordCount": str(events)}}
    if fates:
        failed = sum(map(len, fates.values()))
        verdict["requestStatus"] = "FAILED" if failed == events else "PARTIAL_SUCCESS"
        verdict["errorInfo"] = {"errorCounts": [_count(*fate, counts_only=counts_only) for fate in fates.items()]}
    return verdict


def _count(reason: str, positions: list[int], *, counts_only: bool) -> dict[str, Any]:
    count: dict[str, Any] = {"reason": reason, "recordCount": str(len(positions))}
    return count if counts_only else {**count, "recordIndices": positions}
