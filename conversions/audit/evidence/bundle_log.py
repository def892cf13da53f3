"""What a bundle holds of the log: entries, the hashes of all others, keys and checkpoints."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, select, text

from conversions.audit.evidence import verifier
from conversions.audit.evidence.bundle_writer import BundleWriter
from conversions.errors import Usage
from conversions.ledger import checkpoints
from conversions.ledger.checkpoints import signed_note
from conversions.ledger.schema import tables
from conversions.ledger.schema.dialect import json_text
from conversions.ledger.store import microseconds

_RANGE = text("SELECT min(seq), max(seq) FROM leaf WHERE json_extract(body, '$.t') BETWEEN :since AND :until")
_NAMED = ("restored", "clock adopted", "pinned", "pin changed")
"""Kinds of entries that a bundle of any days holds, because they say which keys and which log these are."""
_REMOVALS = ("erasure", "purge")


@dataclass(frozen=True, slots=True)
class EntryRange:
    """A range of entries without gaps, so that the verifier notices an entry that was left out."""

    first: int
    last: int
    size: int
    """Size of the whole log."""
    since_us: int
    """First and last instant of the days, in microseconds."""
    until_us: int


def entry_range(log: Connection, zone: tzinfo, since: date, until: date) -> EntryRange:
    """Return the entries of the days *since* to *until* in the shop's *zone*. Raises Usage where there are none."""
    if until < since:
        raise Usage(f"--until {until} lies before --since {since}.")
    begin = microseconds(datetime.combine(since, time.min, zone))
    end = microseconds(datetime.combine(until, time.max.replace(fold=1), zone))
    first, last = log.execute(_RANGE, {"since": begin, "until": end}).one()
    if first is None:
        raise Usage(f"The log has no entry from {since} to {until}.")
    return EntryRange(first, last, log.execute(select(tables.head.c.tree_size)).scalar_one(), begin, end)


def leaf_hashes(log: Connection, size: int) -> Iterator[bytes]:
    """Yield the hash of every entry of the log, one a line: the line number less one is the entry's number.

    They say nothing about the entries, and prove each of them and the log's root at any earlier size.
    """
    node = tables.node.c
    query = select(node.hash).where(node.level == 0, node.position < size).order_by(node.position)
    for (hashed,) in log.execute(query.execution_options(yield_per=1000)):
        yield hashed.hex().encode() + b"\n"


def entries(log: Connection, of: EntryRange, documents: set[str]) -> Iterator[bytes]:
    """Yield the entries exactly as logged; add the files that they refer to to *documents*."""
    seq = tables.leaf.c.seq
    query = select(tables.leaf.c.body).where(seq.between(of.first, of.last)).order_by(seq)
    for (body,) in log.execute(query.execution_options(yield_per=1000)):
        documents.update(verifier.documents(orjson.loads(body)))
        yield body.encode() + b"\n"


def other_entries(log: Connection, of: EntryRange, removed: Sequence[int]) -> Iterator[bytes]:
    """Yield the entries outside *of* that name keys or restores, or explain why events of *removed* have no payload.

    The two next to *of* are among them: they show that the days have no other entries.
    """
    leaf = tables.leaf.c
    query = select(leaf.body).where(~leaf.seq.between(of.first, of.last), leaf.seq < of.size)
    beside = (of.first - 1, of.last + 1)
    kinds = json_text(leaf.body, "kind").in_([*_NAMED, *_REMOVALS]) | leaf.seq.in_(beside)
    ascending = sorted(removed)
    for (body,) in log.execute(query.where(kinds).order_by(leaf.seq)):
        facts = orjson.loads(body)
        if facts["kind"] in _NAMED or facts["seq"] in beside or _names_any(facts, ascending):
            yield body.encode() + b"\n"


def _names_any(facts: dict[str, Any], ascending: Sequence[int]) -> bool:
    """Whether the entry of a removal names one of the events *ascending*."""
    nearest = ((bisect_left(ascending, first), last) for first, last in facts["events"])
    return any(at < len(ascending) and ascending[at] <= last for at, last in nearest)


def log_keys(log: Connection, store_id: str, seed: bytes) -> Iterator[bytes]:
    """Yield the key that signs this bundle, then the earlier keys of the log."""
    leaf = tables.leaf.c
    query = select(leaf.body).where(json_text(leaf.body, "kind") == "pin changed").order_by(leaf.seq.desc())
    changes = (orjson.loads(body) for (body,) in log.execute(query))
    used = [bytes.fromhex(change["old"]) for change in changes if change["pin"] == checkpoints.PIN]
    for public in dict.fromkeys([signed_note.public_key(seed), *used]):
        yield f"{signed_note.verifier_key(checkpoints.signer(store_id), public)}\n".encode()


def write_checkpoints(writer: BundleWriter, directory: Path, size: int) -> None:
    """Write the checkpoints that runs have kept, with their time stamps; those newer than the bundle are left out."""
    for path in checkpoints.checkpoint_files(directory):
        if int(path.stem) <= size:
            for file in (path, path.with_suffix(".tsr")):
                if file.exists():
                    writer.write(f"{verifier.CHECKPOINTS}{file.name}", [file.read_bytes()])
