"""Compares each entry of the log with its row in the store, and reports rows without an entry."""

import sqlite3
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import orjson

from conversions.audit.verify import bound_rows
from conversions.audit.verify.finding import VerificationFinding

_OF_RUN = "(SELECT {} FROM run WHERE run.id = request.run)"
_RUN = ("command", "operator", "host", "pid", "version", "since", "until", "settings", "policy")
_INTENT = ("parent", "run", "purpose", "attempt", "recipient", "url", "route", "events", "policy", "rules")
_FORMER = {"outcome": {"not sent": "not_sent"}}
"""Entries before schema 0004 have texts where rows have codes now."""
_ABSENT = {"route": None, "of": "person", "about": None, "person": None}
"""What an entry without this key means: before schema 0005 a request left directly, and a look was at a person."""
_KIND = "iif(kind = 'erasure', 'suppression', kind)"
_SUPPRESSIONS = {
    "objection": "objection",
    "withdrawal": "withdrawal",
    "restriction": "restriction",
    "suppression": "erasure",
}
"""The entry's kind, and the row's."""
_OBJECTION = {"case": "case_no", "person": "person"}
_WITHOUT_DECISION = """
    SELECT d.id FROM exception d WHERE (d.decision IS NOT NULL OR d.accepted_minor IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM decision x WHERE x.delivery = d.id AND x.decision = 'send')
    UNION SELECT d.id FROM exception d WHERE d.acknowledged_us IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM decision x WHERE x.delivery = d.id AND x.decision = 'acknowledge'
        AND x.at_us / 1000000 = d.acknowledged_us / 1000000
    )
"""
_TASKS = "(SELECT count(*) FROM task WHERE task.{0} = {0}.id)"


@dataclass(frozen=True, slots=True)
class Rule:
    """The row that belongs to entries of one kind."""

    table: str
    key: str
    """The entry's key that holds the row's id; empty where the row names the entry in its column ``leaf``."""
    columns: Mapping[str, str]
    """For each key of the entry, SQL that computes its value from the row."""
    rows: str = "1"
    """SQL condition for the rows that must have such an entry."""

    @property
    def select(self) -> str:
        """SQL for the row of one entry: its id and the values to compare."""
        expressions = ", ".join(["id", *self.columns.values()])
        return f"SELECT {expressions} FROM {self.table} WHERE {'id' if self.key else 'leaf'} = ?"  # noqa: S608


def _same(names: Iterable[str]) -> dict[str, str]:
    return {name: name for name in names}


RULES = {
    "run": Rule("run", "run", {"t": "started_us", **_same((*_RUN, "policy_version", "legal_basis"))}),
    "run finished": Rule(
        "run",
        "run",
        {"t": "finished_us", "exit": "iif(json_valid(report), json_extract(report, '$.exit_code'), NULL)"},
        "finished_us IS NOT NULL",
    ),
    "intent": Rule(
        "request",
        "request",
        {
            "seq": "leaf",
            "t": "intended_us",
            **_same(_INTENT),
            "destination": "(SELECT name FROM destination WHERE destination.id = request.destination)",
            # A made-up event for a token check is under a policy of its own.
            "policy_version": f"iif(policy = {_OF_RUN.format('run.policy')}, {_OF_RUN.format('policy_version')}, "
            "'probe')",
            "legal_basis": _OF_RUN.format("legal_basis"),
        },
    ),
    "outcome": Rule(
        "request",
        "request",
        {"seq": "outcome_leaf", "t": "answered_us", **_same(("outcome", "http_status", "code", "reference"))},
        "outcome IS NOT NULL",
    ),
    "look": Rule(
        "look",
        "",
        {"t": "at_us", "of": "kind", "case": "case_no", **_same(("operator", "about", "purpose"))},
    ),
    "erasure": Rule(
        "erasure",
        "",
        {
            "t": "at_us",
            "case": "case_no",
            "operator": "operator",
            "count": "events",
            "entry": "entry",
            "tasks": _TASKS.format("erasure"),
        },
    ),
    "rectification": Rule(
        "rectification",
        "",
        {
            "t": "at_us",
            "case": "case_no",
            "operator": "operator",
            "orders": "orders",
            "tasks": _TASKS.format("rectification"),
        },
    ),
    "task closed": Rule("task", "task", {"t": "closed_us", "reason": "closed_reason"}, "closed_us IS NOT NULL"),
    **{
        kind: Rule("objection", "entry", {"t": "since_us", **_OBJECTION, "kind": _KIND}, f"kind = '{of}'")
        for kind, of in _SUPPRESSIONS.items()
    },
    **{
        f"{kind} removed": Rule("objection", "entry", {"t": "removed_us"}, f"kind = '{of}' AND removed_us IS NOT NULL")
        for kind, of in _SUPPRESSIONS.items()
    },
}


def _undecided(store: sqlite3.Connection) -> Iterator[VerificationFinding]:
    """Orders with the mark of a decision that no operator has made."""
    for (delivery,) in store.execute(_WITHOUT_DECISION):
        yield VerificationFinding(f"delivery {delivery}", "is decided, and no operator has decided it")


@dataclass(slots=True)
class RowVerifier:
    """Reads every entry once, in order, and collects what the later steps need."""

    store: sqlite3.Connection
    findings: list[VerificationFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bindings: dict[str, str] = field(default_factory=dict)
    """The store's bindings, as the log has them."""
    log_keys: set[bytes] = field(default_factory=set)
    """Every public key that ever signed the log."""
    lost_sizes: list[range] = field(default_factory=list)
    """Sizes that the log had before an older copy was restored with our command, according to the log."""
    replaced_stores: set[str] = field(default_factory=set)
    """Ids of the stores that this store replaced with our command."""
    approved: set[str] = field(default_factory=set)
    """Digests of every policy and every set of rules that the log records as approved."""
    erased_ranges: list[tuple[int, int]] = field(default_factory=list)
    """First and last event of each range that the log records as erased or purged."""
    bound: dict[str, Any] = field(default_factory=dict)
    """What the log states of each bound set, the newest entry about it."""
    link_roots: dict[int, str] = field(default_factory=dict)
    """For each entry of an upgrade that has one, the root over the links of older events."""
    _missing_looks: list[tuple[int, int]] = field(default_factory=list)
    """Entry and time of each look without a row; a later entry may record that looks of that time were purged."""
    _looks_kept_from_us: int = 0
    _ids: dict[str, "array[int]"] = field(default_factory=lambda: defaultdict(lambda: array("q")))
    _latest_us: int = 0
    _set_back: bool = False

    def read(self, seq: int, body: str) -> None:
        """Compare one entry with its row."""
        facts = orjson.loads(body)
        if facts["seq"] != seq:
            self._report(seq, f"says that it is entry {facts['seq']}")
        if facts["t"] < self._latest_us and not self._set_back:
            self._set_back = True
            self.notes.append(f"The clock was set back before entry {seq}; entries are in the order of their commits.")
        self._latest_us = max(self._latest_us, facts["t"])
        kind = facts["kind"]
        if kind == "upgraded":
            self._record_upgrade(seq, facts)
        self._chain(seq, facts.get("bound", {}), adopted="altered" in facts)
        if kind in RULES:
            self._compare(seq, RULES[kind], facts)
        elif kind == "pinned":
            self._bind(facts["pins"])
        elif kind == "pin changed":
            self._bind({facts["pin"]: facts["new"]})
        elif kind in {"policy recorded", "policy approved"}:
            self._compare_former(seq, "policy", facts.get("old"))
            self._approve("policy", facts["policy"] if kind == "policy recorded" else facts["new"])
        elif kind in {"rules recorded", "rules approved"}:
            self._compare_former(seq, "rules", facts["old"])
            self._approve("rules", facts["new"])
            self._compare_rules(seq, facts)
        elif kind == "restored":
            self._record_restore(seq, facts)
        self._record_deletion(kind, facts)

    def unexplained(self, events: Iterable[int]) -> Iterator[int]:
        """The *events* that no entry records as erased or purged."""
        ranges = sorted(self.erased_ranges)
        firsts = [first for first, _ in ranges]
        reach, furthest = 0, []
        for _, last in ranges:
            furthest.append(reach := max(reach, last))
        for event in events:
            at = bisect_right(firsts, event)
            if not at or furthest[at - 1] < event:
                yield event

    def remaining(self) -> Iterator[VerificationFinding]:
        """Rows without an entry, looks without a row, documents and bindings that differ from the log."""
        for seq, at_us in self._missing_looks:
            if at_us >= self._looks_kept_from_us:
                yield VerificationFinding(f"entry {seq}", "has no look")
        for kind, rule in RULES.items():
            known = iter(sorted(self._ids[kind]))
            entry = next(known, None)
            for (row,) in self.store.execute(f"SELECT id FROM {rule.table} WHERE {rule.rows} ORDER BY id"):  # noqa: S608
                while entry is not None and entry < row:
                    entry = next(known, None)
                if entry != row:
                    yield VerificationFinding(f"{rule.table} {row}", f"has no entry of kind {kind!r}")
        yield from bound_rows.compare(self.store, self.bound)
        yield from _undecided(self.store)
        yield from self._documents()
        stored = dict(self.store.execute("SELECT name, value FROM pin ORDER BY name"))
        for name in sorted({*stored, *self.bindings} if self.bindings else ()):
            if stored.get(name) != self.bindings.get(name):
                yield VerificationFinding(f"the pin {name!r}", "is not what the log says")

    def _compare(self, seq: int, rule: Rule, facts: dict[str, Any]) -> None:
        row = self.store.execute(rule.select, (facts[rule.key] if rule.key else seq,)).fetchone()
        if row is None and facts["kind"] == "look":
            self._missing_looks.append((seq, facts["t"]))
            return
        if row is None:
            self._report(seq, f"has no {rule.table} {facts.get(rule.key, '')}".rstrip())
            return
        self._ids[facts["kind"]].append(row[0])
        absent = {name: value for name, value in _ABSENT.items() if name in rule.columns}
        stated = absent | {
            name: _FORMER.get(name, {}).get(fact, fact) for name, fact in facts.items() if name in rule.columns
        }
        differing = [
            name for name, value in zip(rule.columns, row[1:], strict=True) if name in stated and stated[name] != value
        ]
        if differing:
            self._report(seq, f"differs from {rule.table} {row[0]} in {', '.join(differing)}")

    def _chain(self, seq: int, stated: Mapping[str, Any], *, adopted: bool) -> None:
        """Each entry names the sum that it replaces; an entry that follows from an altered sum names another."""
        for name, now in stated.items():
            former = self.bound.get(name)
            if former and not adopted and now.get("was", now["sum"]) != former["sum"]:
                self._report(seq, f"replaces another sum of the set {name!r} than the log had")
        self.bound |= stated

    def _approve(self, subject: str, digest: str) -> None:
        self._bind({subject: digest})
        self.approved.add(digest)

    def _compare_former(self, seq: int, subject: str, old: str | None) -> None:
        """Compare what an entry replaces with what the log had: another value means that the store was changed."""
        if self.bindings.get(subject, old) != old:
            self._report(seq, f"replaces another {subject} than the log had")

    def _compare_rules(self, seq: int, facts: dict[str, Any]) -> None:
        """Compare the values in an entry about rules with the documents that it names."""
        old, new = self._rules(facts["old"]), self._rules(facts["new"])
        changed = {name: (each["old"], each["new"]) for name, each in facts["changed"].items()}
        stated = {name: value for name, (_, value) in changed.items()}
        if any(new.get(name) != value for name, value in stated.items()):
            self._report(seq, "states other rules than its document")
        elif facts["old"] and changed != {
            name: (old.get(name), new.get(name)) for name in {*old, *new} if old.get(name) != new.get(name)
        }:
            self._report(seq, "states other changes than its documents")

    def _rules(self, digest: str | None) -> dict[str, Any]:
        row = self.store.execute("SELECT body FROM document WHERE sha256 = ?", (digest,)).fetchone()
        rules: dict[str, Any] = orjson.loads(row[0]) if row else {}
        return rules

    def _documents(self) -> Iterator[VerificationFinding]:
        stored = set()
        for digest, body in self.store.execute("SELECT sha256, body FROM document ORDER BY sha256"):
            stored.add(digest)
            if sha256(body.encode()).hexdigest() != digest:
                yield VerificationFinding(f"the document {digest[:12]}…", "was altered")
        used = "SELECT settings FROM run UNION SELECT policy FROM run UNION SELECT policy FROM request"
        for digest in sorted(self.approved.union(digest for (digest,) in self.store.execute(used))):
            if digest not in stored:
                yield VerificationFinding(f"the document {digest[:12]}…", "is missing")

    def _bind(self, bindings: Mapping[str, str]) -> None:
        self.bindings |= bindings
        if "log key" in bindings:
            self.log_keys.add(bytes.fromhex(bindings["log key"]))

    def _record_restore(self, seq: int, facts: Mapping[str, Any]) -> None:
        self.notes.append(
            f"Entry {seq}: an older copy was restored, or another store was adopted; entries that it did not have are"
            " lost."
        )
        if altered := facts.get("altered"):
            sets = ", ".join(altered)
            self.notes.append(f"Entry {seq}: altered rows of {sets} were taken over as they stood ({facts['reason']}).")
        self.lost_sizes.append(range(seq + 1, (facts["remembered_size"] or 0) + 1))
        self.replaced_stores.add(facts.get("remembered_store") or "")

    def _record_upgrade(self, seq: int, facts: Mapping[str, Any]) -> None:
        if not self.bound and "bound" in facts:
            self.notes.append(f"Entry {seq}: rows from before schema 0006 are bound since this entry only.")
        if "links" in facts:
            self.link_roots[seq] = facts["links"]

    def _record_deletion(self, kind: str, facts: Mapping[str, Any]) -> None:
        if kind in {"erasure", "purge"}:
            self.erased_ranges += [(first, last) for first, last in facts["events"]]
        elif kind == "looks purged":
            self._looks_kept_from_us = max(self._looks_kept_from_us, facts["before_us"])

    def _report(self, seq: int, difference: str) -> None:
        self.findings.append(VerificationFinding(f"entry {seq}", difference))
