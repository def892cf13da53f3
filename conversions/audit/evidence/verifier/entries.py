"""The entries of a bundle: all of its days, and from outside them those that explain something in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .files import ENTRIES, OTHERS, Bundle
from .refusal import require
from .tree import Tree

DOCUMENTS = {"policy": ".toml", "settings": ".json"}
"""The folder of each kind of document that an entry of a run or an attempt names, and the end of its name."""


def read_entries(bundle: Bundle, tree: Tree) -> Iterator[dict[str, Any]]:
    """The entries of the bundle's days, each proven to be in the log, without a gap. Raises Refused."""
    expected = None
    for body in bundle.lines(ENTRIES):
        facts = json.loads(body)
        expected = facts["seq"] if expected is None else expected + 1
        require(facts["seq"] == expected, f"entry {expected} was left out")
        tree.check_entry(expected, body)
        _check_documents(bundle, facts)
        yield facts
    require(expected is not None, "it has no entries")


def read_others(bundle: Bundle, tree: Tree, known: range) -> Iterator[dict[str, Any]]:
    """The entries from outside the days, whose numbers are *known*; each is proven, and others may exist."""
    last = -1
    for body in bundle.lines(OTHERS):
        facts = json.loads(body)
        in_order = facts["seq"] > last and facts["seq"] not in known
        require(in_order, f"entry {facts['seq']} is not in its place in {OTHERS}")
        last = facts["seq"]
        tree.check_entry(last, body)
        yield facts


def check_edges(about: dict[str, Any], known: range, size: int, beside: dict[int, dict[str, Any]]) -> None:
    """Raise Refused where the entries next to those that are *known* are of the bundle's days, too, or are not shown.

    *beside* are entries by number, *size* is that of the log.
    """
    for number in (known.start - 1, known.stop):
        if 0 <= number < size:
            facts = beside.get(number)
            is_outside = facts is not None and not about["since_us"] <= facts["t"] <= about["until_us"]
            require(
                is_outside, f"entry {number} was left out: it is of these days, too, or nothing shows that it is not"
            )


def documents(facts: dict[str, Any]) -> list[str]:
    """Names of the files that an entry refers to."""
    if facts["kind"] in ("rules recorded", "rules approved"):
        return [f"rules/{facts['new']}.json"]
    if facts["kind"] not in ("run", "intent"):
        return []
    return [f"{kind}/{facts[kind]}{end}" for kind, end in DOCUMENTS.items() if kind in facts]


def _check_documents(bundle: Bundle, facts: dict[str, Any]) -> None:
    """Each document has the digest that the entry names it by."""
    for name in documents(facts):
        require(name in bundle.digests, f"{name} is missing")
        digest = name.rpartition("/")[2].partition(".")[0]
        require(bundle.digests[name] == digest, f"{name} is another document than the log names")
