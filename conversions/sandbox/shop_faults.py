"""Faults of a shop on demand, each written ``KIND[@PROBABILITY][xCOUNT][=VALUE]``.

503@0.1x5     one request in ten gets a 503, five times at most
moving=3      after each of three pages, an order of that page changes
"""

import random
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum

from conversions.errors import Usage

_GRAMMAR = re.compile(
    r"(?P<kind>[a-z0-9-]+?)(?:@(?P<probability>\d*\.?\d+))?(?:x(?P<count>\d+))?(?:=(?P<value>\d{1,6}))?"
)


@dataclass(frozen=True, slots=True)
class FaultKinds:
    """The faults that a kind of shop has."""

    kinds: type[StrEnum]
    numbers: Collection[StrEnum]
    """Those that have a number as value."""
    conditions: Collection[StrEnum]
    """Those that an answer may have beside another one."""

    def parse(self, text: str) -> "Chance":
        """Return the fault that *text* describes. Raises Usage with the grammar where *text* does not follow it."""
        match = _GRAMMAR.fullmatch(text)
        kind = match["kind"] if match else ""
        if match is None or kind not in set(self.kinds) or (match["value"] and kind not in self.numbers):
            raise Usage(
                f"shop fault {text!r} is not KIND[@PROBABILITY][xCOUNT][=NUMBER], such as 503@0.1x3 or moving=2; KIND "
                f"is one of {', '.join(self.kinds)}."
            )
        count = int(match["count"]) if match["count"] else None
        value = int(match["value"]) if match["value"] else None
        return Chance(self.kinds(kind), value, float(match["probability"] or 1), count)


@dataclass(slots=True)
class Chance:
    """One fault, and how often it may still occur."""

    kind: StrEnum
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


class ShopFaults:
    """Decides which faults a request gets. Not thread-safe: the caller holds a lock."""

    def __init__(self, kinds: FaultKinds, texts: Iterable[str], seed: int) -> None:
        chances = [kinds.parse(text) for text in texts]
        self._chances = [chance for chance in chances if chance.kind not in kinds.conditions]
        self._conditions = {chance.kind: chance for chance in chances if chance.kind in kinds.conditions}
        self._generator = random.Random(f"{seed}/shop")  # noqa: S311

    def draw(self) -> Chance | None:
        """The fault in place of an answer, or None."""
        return next((chance for chance in self._chances if chance.draw(self._generator)), None)

    def condition(self, kind: StrEnum) -> Chance | None:
        """The condition of *kind*, or None."""
        return self._conditions.get(kind)
