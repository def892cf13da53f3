"""How the platforms misbehave on demand.

A fault is written ``KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE]``::

    503                     every request is answered 503
    429:google@0.1=30       one in ten at Google: 429 with ``Retry-After: 30`` (absent: 1)
    lost:metax2             the first two requests at Meta are accepted, and the line goes dead before the answer
    slow@0.05=4             one in twenty is answered 4 seconds late
    verdict@0.1=NO_CONSENT  of one in ten orders Google says later that it met NO_CONSENT
    refused@0.1=WHY         one order in ten Google refuses at once, and names it and WHY
    warning:google=WHY      Google takes every order and warns of it; Meta says it in ``messages``
    poison=SKU-7            an event whose id is SKU-7, or with a product ID that contains it, is bad data

Without a platform it is meant for both; COUNT is per platform. Each platform draws from its own seeded sequence, so
that a platform's n-th request meets the same faults in every rehearsal. At most one fault strikes a request, the first
in the list that is due; ``slow`` comes on top.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import Usage

PLATFORMS = ("google", "meta")


class Kind(StrEnum):
    """What can go wrong."""

    THROTTLED = "429"
    """429 with Retry-After; the value is its seconds."""
    UNAVAILABLE = "503"
    HTML = "html"
    """502 from something in between, with a page for people."""
    EXPIRED_TOKEN = "expired-token"  # noqa: S105
    QUOTA_PER_DAY = "quota-per-day"
    DROPPED = "dropped"
    """The line goes dead before the platform has taken anything."""
    LOST = "lost"
    """The platform takes the request, and the line goes dead before its answer."""
    NO_REQUEST_ID = "no-request-id"
    """Accepted, but the 200 lacks ``requestId`` or ``events_received``."""
    WRONG_COUNT = "wrong-count"
    """Accepted, but ``events_received`` is one short. Meta only."""
    SLOW = "slow"
    """The value is by how many seconds the answer is late."""
    POISON = "poison"
    """The value marks the events that are refused as bad data, every time."""
    VERDICT = "verdict"
    """Google later says of a share of the orders (the probability) that they met the reason in the value."""
    REFUSED = "refused"
    """Google refuses a share of the orders (the probability) at once, for the reason in the value."""
    WARNING = "warning"
    """Taken with the warning in the value: at Google of every event, at Meta of the request."""
    LATE_WARNING = "late-warning"
    """Google later says of a share of the orders that it took them with the warning in the value."""
    COUNTS_ONLY = "counts-only"
    """Google's later verdicts count what failed, and do not say which."""
    PROCESSING = "processing"
    """Google goes on saying that nothing is known yet."""
    NO_VERDICTS = "no-verdicts"
    """503 to whoever asks what became of a request, or how a dataset is rated."""
    REQUIRE_TOKEN = "require-token"  # noqa: S105
    """A request without Authorization is refused, every time; otherwise rehearsals need none."""


LATER = frozenset({Kind.VERDICT, Kind.LATE_WARNING, Kind.COUNTS_ONLY, Kind.PROCESSING, Kind.NO_VERDICTS})
"""Of what Google says later of a request it took."""
SHARED = frozenset({Kind.VERDICT, Kind.LATE_WARNING, Kind.REFUSED})
"""What holds for a share of the orders."""
STANDING = frozenset({Kind.POISON, Kind.REQUIRE_TOKEN, Kind.WARNING}) | LATER | SHARED
"""Conditions that hold for every request, rather than by chance."""
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
    Kind.WARNING: (r".+", "a warning, such as warning:google=GENERIC"),
    Kind.POISON: (r".+", "an event's id or a part of a product ID, such as poison=SKU-7"),
}
NO_VALUE = (r"", "no value")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    platforms: tuple[str, ...] = PLATFORMS
    probability: float = 1.0
    count: int | None = None
    """At most so often at each platform; None: no limit."""
    value: str = ""


def parse(text: str) -> Fault:
    """The fault that *text* describes. Raises Usage with the grammar where it describes none."""
    found = GRAMMAR.fullmatch(text)
    if found is None:
        raise Usage(
            f"fault {text!r} is not KIND[:google|:meta][@PROBABILITY][xCOUNT][=VALUE], such as 429:google@0.1x3=30;"
            f" KIND is one of {', '.join(Kind)}."
        )
    fault = Fault(
        kind=Kind(found["kind"]),
        platforms=(found["platform"],) if found["platform"] else PLATFORMS,
        probability=float(found["probability"] or 1),
        count=int(found["count"]) if found["count"] else None,
        value=found["value"] or "",
    )
    if mistake := _mistake(fault):
        raise Usage(f"fault {text!r}: {mistake}.")
    return fault


def _mistake(fault: Fault) -> str:
    pattern, wanted = VALUES.get(fault.kind, NO_VALUE)
    if not re.fullmatch(pattern, fault.value, re.DOTALL):
        return f"{fault.kind} takes {wanted}"
    if not 0 < fault.probability <= 1:
        return "a probability is above 0 and at most 1"
    if fault.count == 0:
        return "a count is at least 1"
    if fault.kind is Kind.WRONG_COUNT and fault.platforms != ("meta",):
        return "only Meta counts events in its answer; write wrong-count:meta"
    if fault.kind in SHARED:
        return f"{fault.kind} holds for a share of the orders and takes no count" if fault.count else ""
    if fault.kind in STANDING and (fault.probability < 1 or fault.count):
        return f"{fault.kind} holds for every request and takes neither probability nor count"
    return ""


@dataclass(frozen=True, slots=True)
class Struck:
    """What strikes one request."""

    fault: Fault | None = None
    delay: float = 0
    """Seconds by which the answer is late."""


class Plan:
    """Which request is struck by which fault. Not safe across threads: its caller takes turns."""

    def __init__(self, faults: Iterable[Fault], seed: int) -> None:
        self._faults = tuple(faults)
        self._chances = {
            platform: [
                _Chance(fault, random.Random(f"{seed}/{platform}/{i}"))  # noqa: S311
                for i, fault in enumerate(self._faults)
                if fault.kind not in STANDING and platform in fault.platforms
            ]
            for platform in PLATFORMS
        }

    def draw(self, platform: str) -> Struck:
        """What strikes the next request at *platform*."""
        slow = [chance for chance in self._chances[platform] if chance.fault.kind is Kind.SLOW]
        other = [chance for chance in self._chances[platform] if chance.fault.kind is not Kind.SLOW]
        return Struck(
            fault=next((chance.fault for chance in other if chance.due()), None),
            delay=sum(float(chance.fault.value) for chance in slow if chance.due()),
        )

    def standing(self, kind: Kind, platform: str) -> tuple[str, ...]:
        """The values of the standing faults of *kind* at *platform*."""
        return tuple(fault.value for fault in self.faults(kind, platform))

    def faults(self, kind: Kind, platform: str) -> list[Fault]:
        """The standing faults of *kind* at *platform*."""
        return [fault for fault in self._faults if fault.kind is kind and platform in fault.platforms]


class _Chance:
    """One fault at one platform, and how often it may still strike."""

    def __init__(self, fault: Fault, dice: random.Random) -> None:
        self.fault = fault
        self._dice = dice
        self._left = fault.count

    def due(self) -> bool:
        """Throw the dice once."""
        if self._left == 0 or self._dice.random() >= self.fault.probability:
            return False
        if self._left is not None:
            self._left -= 1
        return True
