"""What an auditor should know of the log's history: restores, clocks, keys, and nights that are missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from .notes import Key
from .refusal import require
from .wording import counted, entry, moment, said_by

LOG_KEY = "log key"
"""The binding that holds the public key of the checkpoints."""
LONGEST_NIGHT = timedelta(hours=36)
"""Where two runs begin further apart, a day had no run."""
SECOND_US, HOUR_US = 1_000_000, 3_600_000_000


class History:
    """Reads every entry of the bundle once, and collects what is to be named."""

    def __init__(self) -> None:
        self.restored: list[dict[str, Any]] = []
        self.removals: list[dict[str, Any]] = []
        """The entries about erasures and purges."""
        self.keys: set[str] = set()
        """Public keys that the log says it is signed with, in hexadecimal."""
        self.first = self.last = -1
        """Numbers of the first and the last entry of the days."""
        self.key_changes: dict[str, dict[str, Any]] = {}
        """The entry that replaced a public key of the log."""
        self._runs: list[dict[str, Any]] = []
        self._ended: set[int] = set()
        self._sentences: list[tuple[int, str]] = []
        self._before: dict[str, Any] | None = None

    def read(self, facts: dict[str, Any]) -> None:
        """Read one entry of the days, in their order."""
        self.first = facts["seq"] if self.first < 0 else self.first
        self.last = facts["seq"]
        back = self._before["t"] - facts["t"] if self._before else 0
        if back >= SECOND_US:
            self._name(facts, f"The clock went back by {timedelta(seconds=back // SECOND_US)} before {entry(facts)}.")
        self._before = facts
        if facts["kind"] == "run" and facts.get("command") == "run":
            self._runs.append(facts)
        elif facts["kind"] == "run finished":
            self._ended.add(facts["run"])
        self.read_other(facts)

    def read_other(self, facts: dict[str, Any]) -> None:
        """Read one entry, of the days or from outside them."""
        kind = facts["kind"]
        if kind in ("erasure", "purge"):
            self.removals.append(facts)
        elif kind == "restored":
            self.restored.append(facts)
            self._name(facts, restore_sentence(facts))
        elif kind == "clock adopted":
            newest = moment(facts["newest"])
            self._name(facts, f"The clock was set to an earlier time than {newest}: {entry(facts)}, {said_by(facts)}.")
        elif kind == "pinned" and LOG_KEY in facts["pins"]:
            self.keys.add(facts["pins"][LOG_KEY])
        elif kind == "pin changed":
            self._read_change(facts)
        elif kind == "upgraded":
            self._name(facts, f"The store was upgraded from {facts['from']} to {facts['to']}: {entry(facts)}.")

    def _read_change(self, facts: dict[str, Any]) -> None:
        if facts["pin"] == LOG_KEY:
            self.keys |= {facts["old"], facts["new"]}
            self.key_changes[facts["old"]] = facts
        name = "key of the log" if facts["pin"] == LOG_KEY else facts["pin"]
        change = f"{facts['old']} was replaced by {facts['new']}"
        self._name(facts, f"The {name} changed: {change}; {entry(facts)}, {said_by(facts)}.")

    def check_keys(self, keys: list[Key]) -> None:
        """Raise Refused where the log does not say that it is signed with each of *keys*."""
        for key in keys:
            require(key.public.hex() in self.keys, f"the log does not say that it was signed with {key.text}")

    def sentences(self, about: dict[str, Any]) -> Iterator[str]:
        """What is to be named, in the order of the log; *about* says which days the bundle is of."""
        yield from (sentence for _, sentence in sorted(self._sentences))
        yield from self._gaps(about)
        for run in self._runs[:-1]:
            if run["run"] not in self._ended:
                yield f"Run {run['run']} has no end: {entry(run)}."

    def _gaps(self, about: dict[str, Any]) -> Iterator[str]:
        begun = [run["t"] for run in self._runs]
        edges = [about["since_us"]] if self.first > 0 else begun[:1]
        until = min(about["until_us"], about["made_us"])
        times = [*edges, *begun, until]
        for before, after in zip(times, times[1:]):
            if after - before > LONGEST_NIGHT / timedelta(microseconds=1):
                hours = counted((after - before) // HOUR_US, "hour")
                yield f"No run began between {moment(before)} and {moment(after)}, {hours}."

    def _name(self, facts: dict[str, Any], sentence: str) -> None:
        self._sentences.append((facts["seq"], sentence))


def restore_sentence(facts: dict[str, Any]) -> str:
    """What a restore did to the log."""
    lost = lost_sizes(facts)
    what = f"entries {lost.start - 1} to {lost.stop - 2} of before are lost" if lost else "how much is lost is unknown"
    if facts.get("remembered_store"):
        what = f"the log of store {facts['remembered_store']} does not go on"
    altered = f" Altered rows of {', '.join(facts['altered'])} were taken over." if facts.get("altered") else ""
    begin = "An older copy of the store was restored, or another store adopted"
    return f"{begin}, and {what}: {entry(facts)}, {said_by(facts)}.{altered}"


def lost_sizes(facts: dict[str, Any]) -> range:
    """The sizes that the log had before a restore and that it lost."""
    return range(facts["seq"] + 1, (facts.get("remembered_size") or 0) + 1)
