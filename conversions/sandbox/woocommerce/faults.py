"""Faults of the shop on demand, each written ``KIND[@PROBABILITY][xCOUNT][=VALUE]``.

503@0.1x5     one request in ten gets a 503, five times at most
cap=50        pages have 50 orders at most, whatever is asked for
moving=3      after each of three pages, an order of that page changes
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import Usage


class ShopFault(StrEnum):
    """The kinds of faults of a shop."""

    THROTTLED = "429"
    """The value is Retry-After in seconds."""
    UNAVAILABLE = "503"
    """The value is Retry-After in seconds; none: no such header."""
    MAINTENANCE = "maintenance"
    """WordPress' own page while it is updated."""
    DROPPED = "dropped"
    """The connection drops in place of an answer."""
    HTML = "html"
    """A web page with 200."""
    EMPTY = "empty"
    PHP_NOTICE = "php-notice"
    """A message of PHP before the JSON."""
    FIREWALL = "firewall"
    """ModSecurity's page. The value is its status; none: 406."""
    WRONG_KEY = "wrong-key"
    WRONG_SECRET = "wrong-secret"  # noqa: S105
    NO_HEADER = "no-header"
    """The web server drops the Authorization header."""
    NO_PERMALINKS = "no-permalinks"
    NO_PLUGIN = "no-plugin"
    """WordPress without WooCommerce."""
    REDIRECT = "redirect"
    CAP = "cap"
    """The value is the most orders of a page."""
    NO_LINK = "no-link"
    NO_TOTALS = "no-totals"
    MOVING = "moving"
    """The value is the number of pages after which an order of that page changes."""


CONDITIONS = frozenset({ShopFault.CAP, ShopFault.NO_LINK, ShopFault.NO_TOTALS, ShopFault.MOVING, ShopFault.NO_HEADER})
"""Faults that a page may have beside another one."""
NUMBERS = frozenset({ShopFault.THROTTLED, ShopFault.UNAVAILABLE, ShopFault.FIREWALL, ShopFault.CAP, ShopFault.MOVING})
"""Faults that have a number as value."""
_GRAMMAR = re.compile(
    rf"(?P<kind>{'|'.join(ShopFault)})(?:@(?P<probability>\d*\.?\d+))?(?:x(?P<count>\d+))?(?:=(?P<value>\d{{1,6}}))?"
)


@dataclass(slots=True)
class Chance:
    """One fault, and how often it may still occur."""

    kind: ShopFault
    value: int | None
    probability: float
    remaining: int | None
    """None: without end."""

    def draw(self, generator: random.Random) -> bool:
        """Draw once; return whether the fault occurs."""
        if self.remaining == 0 or (self.probability < 1 and generator.random() >= self.probability):
            return False
        if self.remaining is not None:
            self.remaining -= 1
        return True


def parse(text: str) -> Chance:
    """The fault that *text* describes. Raises Usage with the grammar where *text* does not follow it."""
    match = _GRAMMAR.fullmatch(text)
    if match is None or (match["value"] is not None and match["kind"] not in NUMBERS):
        raise Usage(
            f"shop fault {text!r} is not KIND[@PROBABILITY][xCOUNT][=NUMBER], such as 503@0.1x3 or cap=50; KIND is one "
            f"of {', '.join(ShopFault)}."
        )
    count = int(match["count"]) if match["count"] else None
    value = int(match["value"]) if match["value"] else None
    return Chance(ShopFault(match["kind"]), value, float(match["probability"] or 1), count)


class ShopFaults:
    """Decides which faults a request gets. Not thread-safe: the caller holds a lock."""

    def __init__(self, texts: Iterable[str], seed: int) -> None:
        chances = [parse(text) for text in texts]
        self._chances = [chance for chance in chances if chance.kind not in CONDITIONS]
        self._conditions = {chance.kind: chance for chance in chances if chance.kind in CONDITIONS}
        self._generator = random.Random(f"{seed}/shop")  # noqa: S311

    def draw(self) -> Chance | None:
        """The fault in place of an answer, or None."""
        return next((chance for chance in self._chances if chance.draw(self._generator)), None)

    def condition(self, kind: ShopFault) -> Chance | None:
        """The condition of *kind*, or None."""
        return self._conditions.get(kind)
