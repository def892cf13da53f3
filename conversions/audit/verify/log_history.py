"""What the entries say of the whole log: when runs began and ended, where they sent, and what was purged."""

import re
import sys
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from conversions.ledger.checkpoints import FORMER_ORIGIN, origin_after, signer
from conversions.ledger.schema import SEALED_SINCE
from conversions.ledger.states import State

LOG_KEY = "log key"
_LOOPBACK = re.compile(r"https?://(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?(/.*)?")


class RunStart(NamedTuple):
    """The entry of a run."""

    seq: int
    settings: str
    """Digest of the run's settings."""


class Restoration(NamedTuple):
    """The entry of a restored copy, or of an adopted store."""

    seq: int
    remembered_size: int | None
    """Entries that the tail file recorded; None where there was no tail file."""
    remembered_store: str | None
    """The store that the tail file belonged to, where another one was adopted."""
    remembered_root: str | None
    remembered_origin: str | None
    """The former origin of the checkpoints, which may be of a history that the copy does not have."""
    branch: bytes | None
    """The entry itself, where it begins a new origin; None for those of earlier releases."""

    def origin(self, store_id: str) -> str:
        """Return the origin that begins here."""
        return origin_after(store_id, self.branch) if self.branch else signer(store_id)

    def replaced(self, store_id: str) -> bool:
        """Return whether the store *store_id* was in this one's place before."""
        origin = self.remembered_origin or ""
        return self.remembered_store == store_id or origin.partition("/")[2].startswith(store_id)


def _restoration(seq: int, body: str, facts: Mapping[str, Any]) -> Restoration:
    return Restoration(
        seq,
        facts.get("remembered_size"),
        facts.get("remembered_store"),
        facts.get("remembered_root"),
        facts.get(FORMER_ORIGIN),
        body.encode() if FORMER_ORIGIN in facts else None,
    )


class Purge(NamedTuple):
    """The entry of a purge."""

    seq: int
    at_us: int
    before: str | None
    """First day of purchase that is kept."""
    events: list[list[int]]


@dataclass(slots=True)
class LogHistory:
    """Reads every entry once, in order."""

    first_intent: dict[bool, int] = field(default_factory=dict)
    """The first intent to an address on this machine (True), and the first to another one (False)."""
    starts: list[RunStart] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """The entries after which an anchor is written: "run finished" and "upgraded"."""
    upgraded: int = -1
    """The newest entry of an upgrade."""
    sealed: int = -1
    """The entry of the upgrade that sealed older events in batches."""
    keyed_from: int | None = None
    """The entry that recorded the log's first key: no earlier run wrote a checkpoint."""
    restorations: list[Restoration] = field(default_factory=list)
    purges: list[Purge] = field(default_factory=list)
    erased: list[tuple[int, int]] = field(default_factory=list)
    """First and last event of each range that an erasure names."""
    postponed: set[int] = field(default_factory=set)
    """Requests with orders that may wait again: the platform postponed them, or an operator sent them again before an
    upgrade from a schema that kept no decisions."""
    rejected: set[int] = field(default_factory=set)
    """Requests of which the platform rejected orders later."""
    objections: list[tuple[int, int]] = field(default_factory=list)
    """Entry of the log and number of each entry in the suppression list, ascending."""
    run_starts: dict[int, int] = field(default_factory=dict)
    """The entry of each run, by its number, ascending."""
    shrunk: Counter[str] = field(default_factory=Counter)
    """Number of sales and orders that retention reduced to counts."""
    queries: Counter[int] = field(default_factory=Counter)
    """Number of answers about late results, by request."""
    verdicts: dict[int, str | None] = field(default_factory=dict)
    """The latest verdict, by request."""
    moved: dict[int, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Number of orders that late results gave each state, by request."""
    bound: dict[str, Any] = field(default_factory=dict)
    """What the newest entry about each bound set states."""
    filled: set[str] = field(default_factory=set)
    """The bound sets that have had a row since all of them were bound anew, so that the store keeps their sums."""

    def read(self, seq: int, body: str) -> None:
        """Read one entry. Raises ValueError, KeyError or TypeError where no program of ours wrote it."""
        facts: dict[str, Any] = orjson.loads(body)
        self._read_sums(facts)
        match facts["kind"]:
            case "intent":
                self.first_intent.setdefault(_LOOPBACK.fullmatch(facts["url"]) is not None, seq)
            case "run":
                self.starts.append(RunStart(seq, facts["settings"]))
                self.run_starts[facts["run"]] = seq
            case "objection" | "withdrawal" | "restriction" | "suppression":
                self.objections.append((seq, facts["entry"]))
            case "run finished":
                self.ends.append(seq)
            case "upgraded":
                self.ends.append(seq)
                self.upgraded = seq
                if facts["from"] < SEALED_SINCE:
                    self.sealed = seq
                    self.postponed |= self.rejected
            case "pinned" | "pin changed":
                self._find_key(seq, facts)
            case "restored":
                self.restorations.append(_restoration(seq, body, facts))
            case _:
                self._read_removal_or_result(seq, facts)

    def _read_removal_or_result(self, seq: int, facts: Mapping[str, Any]) -> None:
        match facts["kind"]:
            case "purge":
                self.purges.append(Purge(seq, facts["t"], facts.get("before"), facts["events"]))
            case "erasure":
                self.erased += [(first, last) for first, last in facts["events"]]
            case "shrink":
                self.shrunk.update(sales=facts["sales"], orders=facts["orders"])
            case "diagnosis":
                self.queries[facts["request"]] += 1
                self.verdicts[facts["request"]] = facts["verdict"]
                moved = facts.get("moved", {})
                self.moved[facts["request"]].update(moved)
                if State.DEFERRED in moved:
                    self.postponed.add(facts["request"])
                if State.REJECTED in moved:
                    self.rejected.add(facts["request"])

    def run_entries(self, run: int) -> tuple[int, int]:
        """Return the entry of *run*, and that of the next run. Raises KeyError where there is no such run."""
        start = self.run_starts[run]
        return start, min((seq for seq in self.run_starts.values() if seq > start), default=sys.maxsize)

    def newest_objection(self, seq: int) -> int:
        """Return the newest entry that the suppression list had before the entry *seq* of the log; 0: none."""
        at = bisect_left(self.objections, (seq, 0))
        return max((number for _, number in self.objections[:at]), default=0)

    def _read_sums(self, facts: Mapping[str, Any]) -> None:
        stated = facts.get("bound", {})
        self.bound |= stated
        if facts["kind"] in {"upgraded", "restored"}:
            self.filled.clear()
        self.filled |= {name for name, each in stated.items() if each["rows"]}

    def _find_key(self, seq: int, facts: Mapping[str, Any]) -> None:
        if self.keyed_from is None and (LOG_KEY in facts.get("pins", ()) or facts.get("pin") == LOG_KEY):
            self.keyed_from = seq
