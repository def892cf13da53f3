"""Payloads that are gone: each must be named by a later entry about an erasure or a purge.

The log does not bind the number of an event to its commitment. So each number stands for one commitment, and an entry
explains no more events than it counts.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any

from .payloads import Removed
from .refusal import require
from .wording import counted, entry

MIN_KEPT = timedelta(days=70)
"""The shortest retention that the settings allow; every platform refuses events of older purchases."""
ONE_DAY = timedelta(days=1)
"""Instants in the log are UTC, days of purchase are the shop's."""


class Removal:
    """An entry about an erasure or a purge."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.explained: set[int] = set()
        """The numbers of the events that this entry explains."""
        self._ranges = sorted((first, last) for first, last in facts["events"])
        self._firsts = [first for first, _ in self._ranges]

    def covers(self, removed: Removed) -> bool:
        """Whether this entry names the event, after it was sent, and may."""
        at = bisect_right(self._firsts, removed.number) - 1
        is_named = at >= 0 and removed.number <= self._ranges[at][1]
        return is_named and self.facts["seq"] > removed.intent["seq"] and self._is_old(removed)

    def _is_old(self, removed: Removed) -> bool:
        """Whether the order may have been bought before the days that a purge keeps."""
        return self._kept_from is None or self._kept_from > _day(removed.intent["t"]) - ONE_DAY - MIN_KEPT

    @property
    def _kept_from(self) -> date | None:
        before = self.facts.get("before")
        return date.fromisoformat(before) if before else None

    def check(self) -> None:
        """Raise Refused where the entry purges days that were too new, or explains more events than it counts."""
        is_old = self._kept_from is None or self._kept_from <= _day(self.facts["t"]) + ONE_DAY - MIN_KEPT
        require(is_old, f"entry {self.facts['seq']} purges days that were not {MIN_KEPT.days} days old")
        count = self.facts.get("count", len(self.explained))
        require(len(self.explained) <= count, f"entry {self.facts['seq']} removed {count} events, not so many")

    def sentence(self) -> str:
        """What an erasure removed."""
        events, facts = counted(len(self.explained), "event"), self.facts
        return f"An erasure (case {facts.get('case')}, by {facts.get('operator')}) removed {events}: {entry(facts)}."


def check_removals(removed: Iterable[Removed], entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Return a sentence for each entry that explains payloads that are gone. Raises Refused where none explains one."""
    removals = sorted(map(Removal, entries), key=lambda removal: int(removal.facts["seq"]))
    commitments: dict[int, bytes] = {}
    for each in removed:
        attempt = f"request {each.intent['request']}"
        removal = next((removal for removal in removals if removal.covers(each)), None)
        require(
            removal is not None,
            f"the payload of an event of {attempt} is gone, and no entry of an erasure or a purge explains it",
        )
        known = commitments.setdefault(each.number, each.commitment)
        require(known == each.commitment, f"an event of {attempt} has the number of another one")
        if removal:
            removal.explained.add(each.number)
    return _sentences(removals)


def _sentences(removals: list[Removal]) -> Iterator[str]:
    """One for each erasure, and one for each day of which retention is said to keep what is newer."""
    purged: dict[str, list[Removal]] = {}
    for removal in removals:
        removal.check()
        if removal.explained and removal.facts["kind"] == "purge":
            purged.setdefault(str(removal.facts.get("before")), []).append(removal)
        elif removal.explained:
            yield removal.sentence()
    for before, same_day in purged.items():
        events = counted(sum(len(removal.explained) for removal in same_day), "event")
        yield (
            f"Retention removed {events} of purchases before {before}: {counted(len(same_day), 'entry')},"
            f" the first is {entry(same_day[0].facts)}."
        )


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us // 1_000_000, timezone.utc).date()
