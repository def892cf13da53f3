"""The rows that entries of the log speak of: each must say what its entry says, and none may be without one."""

import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from conversions.audit.verify.finding import VerificationFinding

_OF_RUN = "(SELECT {} FROM run WHERE run.id = request.run)"
_RUN = ("command", "operator", "host", "pid", "version", "since", "until", "settings", "policy")
_INTENT = ("parent", "run", "purpose", "attempt", "recipient", "url", "events", "policy", "rules")
_FORMER = {"outcome": {"not sent": "not_sent"}}
"""Entries before schema 0004 have texts where rows have codes now."""
_KIND = "iif(kind = 'erasure', 'suppression', kind)"


@dataclass(frozen=True, slots=True)
class Rule:
    """Where entries of one kind have their row."""

    table: str
    key: str
    """The fact that is the row's id; empty: the row names the entry in its column ``leaf``."""
    columns: Mapping[str, str]
    """Fact by fact, as SQL over the row."""
    rows: str = "1"
    """Which rows of the table must have such an entry, as SQL."""

    @property
    def select(self) -> str:
        """The row of an entry: its id and what the entry says of it."""
        wanted = ", ".join(["id", *self.columns.values()])
        return f"SELECT {wanted} FROM {self.table} WHERE {'id' if self.key else 'leaf'} = ?"  # noqa: S608


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


RULES = {
    "run": Rule("run", "run", {"t": "started_us", **_same((*_RUN, "policy_version", "legal_basis"))}),
    "run finished": Rule(
        "run", "run", {"t": "finished_us", "exit": "json_extract(report, '$.exit_code')"}, "finished_us IS NOT NULL"
    ),
    "intent": Rule(
        "request",
        "request",
        {
            "seq": "leaf",
            "t": "intended_us",
            **_same(_INTENT),
            "destination": "(SELECT name FROM destination WHERE destination.id = request.destination)",
            "policy_version": _OF_RUN.format("policy_version"),
            "legal_basis": _OF_RUN.format("legal_basis"),
        },
    ),
    "outcome": Rule(
        "request",
        "request",
        {"seq": "outcome_leaf", "t": "answered_us", **_same(("outcome", "http_status", "code", "reference"))},
        "outcome IS NOT NULL",
    ),
    "look": Rule("look", "", {"t": "at_us", "operator": "operator", "purpose": "purpose"}),
    "erasure": Rule("erasure", "", {"t": "at_us", "case": "case_no", "operator": "operator", "count": "events"}),
    "task closed": Rule("task", "task", {"t": "closed_us", "reason": "closed_reason"}, "closed_us IS NOT NULL"),
    **{
        kind: Rule("objection", "entry", {"t": "since_us", "case": "case_no", "kind": _KIND}, f"kind = '{of}'")
        for kind, of in (("objection", "objection"), ("withdrawal", "withdrawal"), ("suppression", "erasure"))
    },
    **{
        f"{kind} removed": Rule("objection", "entry", {"t": "removed_us"}, f"kind = '{of}' AND removed_us IS NOT NULL")
        for kind, of in (("objection", "objection"), ("withdrawal", "withdrawal"), ("suppression", "erasure"))
    },
}


@dataclass(slots=True)
class RowVerifier:
    """Reads every entry once, in order, and remembers what the rest of the check needs."""

    store: sqlite3.Connection
    findings: list[VerificationFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pins: dict[str, str] = field(default_factory=dict)
    log_keys: set[bytes] = field(default_factory=set)
    """Every public key that the log was ever signed with."""
    lost: list[range] = field(default_factory=list)
    """Sizes that the log had before an older copy was put back by the command for it, as its entries say."""
    replaced: set[str] = field(default_factory=set)
    """Other stores that this one took the place of by the command for it."""
    erased: list[tuple[int, int]] = field(default_factory=list)
    """Ranges of events, first and last, whose payload an entry says is gone."""
    _ids: dict[str, "array[int]"] = field(default_factory=lambda: defaultdict(lambda: array("q")))
    _latest: int = 0
    _set_back: bool = False

    def read(self, seq: int, body: str) -> None:
        """Hold one entry against its row."""
        facts = orjson.loads(body)
        if facts["seq"] != seq:
            self._found(seq, f"says that it is entry {facts['seq']}")
        if facts["t"] < self._latest and not self._set_back:
            self._set_back = True
            self.notes.append(f"The clock was set back before entry {seq}; the order of entries is that of commits.")
        self._latest = max(self._latest, facts["t"])
        kind = facts["kind"]
        if kind in RULES:
            self._compare(seq, RULES[kind], facts)
        elif kind == "pinned":
            self._pin(facts["pins"])
        elif kind == "pin changed":
            self._pin({facts["pin"]: facts["new"]})
        elif kind == "policy recorded":
            self._pin({"policy": facts["policy"]})
        elif kind == "policy approved":
            self._pin({"policy": facts["new"]})
        elif kind == "restored":
            self._restored(seq, facts)
        if kind in {"erasure", "purge"}:
            self.erased += [(first, last) for first, last in facts["events"]]

    def unexplained(self, events: Iterable[int]) -> Iterator[int]:
        """Those of *events* whose payload no entry says is gone."""
        ranges = sorted(self.erased)
        firsts = [first for first, _ in ranges]
        reach, furthest = 0, []
        for _, last in ranges:
            furthest.append(reach := max(reach, last))
        for event in events:
            at = bisect_right(firsts, event)
            if not at or furthest[at - 1] < event:
                yield event

    def remaining(self) -> Iterator[VerificationFinding]:
        """Rows without an entry, documents that are not what they were, pins that differ."""
        for kind, rule in RULES.items():
            known = iter(sorted(self._ids[kind]))
            entry = next(known, None)
            for (row,) in self.store.execute(f"SELECT id FROM {rule.table} WHERE {rule.rows} ORDER BY id"):  # noqa: S608
                while entry is not None and entry < row:
                    entry = next(known, None)
                if entry != row:
                    yield VerificationFinding(f"{rule.table} {row}", f"has no entry of kind {kind!r}")
        yield from self._documents()
        held = dict(self.store.execute("SELECT name, value FROM pin ORDER BY name"))
        for name in sorted({*held, *self.pins} if self.pins else ()):
            if held.get(name) != self.pins.get(name):
                yield VerificationFinding(f"the pin {name!r}", "is not what the log says")

    def _compare(self, seq: int, rule: Rule, facts: dict[str, Any]) -> None:
        row = self.store.execute(rule.select, (facts[rule.key] if rule.key else seq,)).fetchone()
        if row is None:
            self._found(seq, f"has no {rule.table} {facts.get(rule.key, '')}".rstrip())
            return
        self._ids[facts["kind"]].append(row[0])
        said = {name: _FORMER.get(name, {}).get(fact, fact) for name, fact in facts.items() if name in rule.columns}
        differing = [
            name for name, held in zip(rule.columns, row[1:], strict=True) if name in said and said[name] != held
        ]
        if differing:
            self._found(seq, f"differs from {rule.table} {row[0]} in {', '.join(differing)}")

    def _documents(self) -> Iterator[VerificationFinding]:
        held = set()
        for digest, body in self.store.execute("SELECT sha256, body FROM document ORDER BY sha256"):
            held.add(digest)
            if sha256(body.encode()).hexdigest() != digest:
                yield VerificationFinding(f"the document {digest[:12]}…", "was altered")
        asked = "SELECT settings FROM run UNION SELECT policy FROM run UNION SELECT policy FROM request"
        for (digest,) in self.store.execute(asked):
            if digest not in held:
                yield VerificationFinding(f"the document {digest[:12]}…", "is missing")

    def _pin(self, pins: Mapping[str, str]) -> None:
        self.pins |= pins
        if "log key" in pins:
            self.log_keys.add(bytes.fromhex(pins["log key"]))

    def _restored(self, seq: int, facts: Mapping[str, Any]) -> None:
        self.notes.append(f"Entry {seq}: an older copy was restored, or another store adopted; what it lacks is lost.")
        self.lost.append(range(seq + 1, (facts["remembered_size"] or 0) + 1))
        self.replaced.add(facts.get("remembered_store") or "")

    def _found(self, seq: int, what: str) -> None:
        self.findings.append(VerificationFinding(f"entry {seq}", what))
