"""Faults that the sandbox injects on demand.

A fault is written ``KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE]``::

    503                     every request gets a 503
    429:google@0.1=30       one request in ten at Google gets a 429 with ``Retry-After: 30`` (default: 1)
    lost:metax2             Meta accepts the first two requests, but the connection drops before the answer
    slow@0.05=4             one answer in twenty is 4 seconds late
    verdict@0.1=NO_CONSENT  Google's diagnostics report NO_CONSENT for one order in ten
    refused@0.1=WHY         Google refuses one order in ten at once, and names the order and WHY
    quality:meta=100/33     Meta refuses the question for a dataset's quality, with this code
    warning:google=WHY      Google accepts every order with the warning WHY; Meta puts it into ``messages``
    poison=SKU-7            an event with the id SKU-7, or with a product ID that contains it, is bad data

A fault without a platform applies to both; COUNT is per platform. Each platform draws from its own seeded sequence, so
that its n-th request gets the same faults in every rehearsal. A request gets at most one fault, the first in the list
that applies; ``slow`` is added to it.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import Usage

PLATFORMS = ("google", "meta")


class Kind(StrEnum):
    """The kinds of faults."""

    THROTTLED = "429"
    """429; the value is the Retry-After in seconds."""
    UNAVAILABLE = "503"
    HTML = "html"
    """502 with an HTML page, as from a proxy."""
    EXPIRED_TOKEN = "expired-token"  # noqa: S105
    QUOTA_PER_DAY = "quota-per-day"
    DROPPED = "dropped"
    """The connection drops before the platform accepts anything."""
    LOST = "lost"
    """The platform accepts the request, but the connection drops before the answer."""
    NO_REQUEST_ID = "no-request-id"
    """Accepted, but the 200 lacks ``requestId`` or ``events_received``."""
    WRONG_COUNT = "wrong-count"
    """Accepted, but ``events_received`` is one short. Meta only."""
    SLOW = "slow"
    """The value is the delay of the answer in seconds."""
    POISON = "poison"
    """The value marks events that the platform always refuses as bad data."""
    VERDICT = "verdict"
    """Google's diagnostics report the reason in the value for a share of the orders (the probability)."""
    REFUSED = "refused"
    """Google refuses a share of the orders (the probability) at once, for the reason in the value."""
    WARNING = "warning"
    """Accepted with the warning in the value: at Google for every event, at Meta for the request."""
    LATE_WARNING = "late-warning"
    """Google's diagnostics report the warning in the value for a share of the orders (the probability)."""
    COUNTS_ONLY = "counts-only"
    """Google's diagnostics count the failed orders, but do not say which."""
    PROCESSING = "processing"
    """Google's diagnostics never finish processing."""
    NO_VERDICTS = "no-verdicts"
    """503 to requests for diagnostics or for a dataset's quality."""
    QUALITY = "quality"
    """Meta refuses to rate a dataset, with the code in the value, such as 190, 10, 100/33 or 3."""
    REQUIRE_TOKEN = "require-token"  # noqa: S105
    """A request without Authorization is refused, every time; otherwise rehearsals need none."""


LATE_CONDITIONS = frozenset({Kind.VERDICT, Kind.LATE_WARNING, Kind.COUNTS_ONLY, Kind.PROCESSING, Kind.NO_VERDICTS})
"""Conditions that change Google's diagnostics."""
PER_SHARE = frozenset({Kind.VERDICT, Kind.LATE_WARNING, Kind.REFUSED})
"""Conditions that apply to a share of the orders."""
CONDITIONS = frozenset({Kind.POISON, Kind.QUALITY, Kind.REQUIRE_TOKEN, Kind.WARNING}) | LATE_CONDITIONS | PER_SHARE
"""Faults that apply to every request, without chance."""
GRAMMAR = re.compile(
    rf"(?P<kind>{'|'.join(Kind)})"
    rf"(?::(?P<platform>{'|'.join(PLATFORMS)}))?"
    r"(?:@(?P<probability>\d*\.?\d+))?"
    r"(?:x(?P<count>\d+))?"
    r"(?:=(?P<value>.*))?",
    re.DOTALL,
)
VALUES = {
    Kind.THROTTLED: (r"\d{0,6}", "whole seconds for Retry-After, such as 429=30"),
    Kind.SLOW: (r"\d{1,6}(\.\d+)?", "seconds, such as slow=2.5"),
    Kind.VERDICT: (r"[A-Za-z][A-Za-z0-9_]+", "the name of a reason, such as verdict@0.1=TOO_RECENT_CLICK"),
    Kind.LATE_WARNING: (r"[A-Za-z][A-Za-z0-9_]+", "the name of a warning, such as late-warning=INTERNAL_ERROR"),
    Kind.REFUSED: (r"[A-Z][A-Z0-9_]+", "the name of a reason, such as refused@0.1=INVALID_FORMAT"),
    Kind.QUALITY: (r"\d{1,9}(/\d{1,9})?", "Meta's code, such as quality:meta=190 or quality:meta=100/33"),
    Kind.WARNING: (r".+", "a warning, such as warning:google=GENERIC"),
    Kind.POISON: (r".+", "an event's id or a part of a product ID, such as poison=SKU-7"),
}
NO_VALUE = (r"", "no value")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault."""

    kind: Kind
    platforms: tuple[str, ...] = PLATFORMS
    probability: float = 1.0
    count: int | None = None
    """Limit per platform; None: no limit."""
    value: str = ""


def parse(text: str) -> Fault:
    """The fault that *text* describes. Raises Usage with the grammar where *text* does not follow it."""
    match = GRAMMAR.fullmatch(text)
    if match is None:
        raise Usage(
            f"fault {text!r} is not KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE], such as 429:google@0.1x3=30;"
            f" KIND is one of {', '.join(Kind)}."
        )
    fault = Fault(
        kind=Kind(match["kind"]),
        platforms=(match["platform"],) if match["platform"] else PLATFORMS,
        probability=float(match["probability"] or 1),
        count=int(match["count"]) if match["count"] else None,
        value=match["value"] or "",
    )
    if mistake := _mistake(fault):
        raise Usage(f"fault {text!r}: {mistake}.")
    return fault


def _mistake(fault: Fault) -> str:
    pattern, description = VALUES.get(fault.kind, NO_VALUE)
    if not re.fullmatch(pattern, fault.value, re.DOTALL):
        return f"{fault.kind} takes {description}"
    if not 0 < fault.probability <= 1:
        return "a probability is above 0 and at most 1"
    if fault.count == 0:
        return "a count is at least 1"
    if fault.kind is Kind.WRONG_COUNT and fault.platforms != ("meta",):
        return "only Meta counts events in its answer; write wrong-count:meta"
    if fault.kind in PER_SHARE:
        return f"{fault.kind} holds for a share of the orders and takes no count" if fault.count else ""
    if fault.kind in CONDITIONS and (fault.probability < 1 or fault.count):
        return f"{fault.kind} holds for every request and takes neither probability nor count"
    return ""


@dataclass(frozen=True, slots=True)
class DrawnFaults:
    """The faults of one request."""

    fault: Fault | None = None
    delay: float = 0
    """Delay of the answer in seconds."""


class FaultPlan:
    """Decides which faults a request gets. Not thread-safe: the caller holds a lock."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._faults = tuple(faults)
        self._chances = {
            platform: [
                _Chance(fault, random.Random(f"{seed}/{platform}/{i}"))  # noqa: S311
                for i, fault in enumerate(self._faults)
                if fault.kind not in CONDITIONS and platform in fault.platforms
            ]
            for platform in PLATFORMS
        }

    def draw(self, platform: str) -> DrawnFaults:
        """The faults of the next request at *platform*."""
        slow = [chance for chance in self._chances[platform] if chance.fault.kind is Kind.SLOW]
        other = [chance for chance in self._chances[platform] if chance.fault.kind is not Kind.SLOW]
        return DrawnFaults(
            fault=next((chance.fault for chance in other if chance.draw()), None),
            delay=sum(float(chance.fault.value) for chance in slow if chance.draw()),
        )

    def condition_values(self, kind: Kind, platform: str) -> tuple[str, ...]:
        """The values of the conditions of *kind* at *platform*."""
        return tuple(fault.value for fault in self.conditions(kind, platform))

    def conditions(self, kind: Kind, platform: str) -> list[Fault]:
        """The conditions of *kind* at *platform*."""
        return [fault for fault in self._faults if fault.kind is kind and platform in fault.platforms]


class _Chance:
    """One fault at one platform, and how often it may still occur."""

    def __init__(self, fault: Fault, generator: random.Random) -> None:
        self.fault = fault
        self._generator = generator
        self._remaining = fault.count

    def draw(self) -> bool:
        """Draw once; return whether the fault occurs."""
        if self._remaining == 0 or self._generator.random() >= self.fault.probability:
            return False
        if self._remaining is not None:
            self._remaining -= 1
        return True
