"""Is the log what was logged? Read from the store's file as it is, trusting nothing that it says of itself.

Every root is grown again from the entries, every row held against its entry, every event against its commitment, and
all of it against the checkpoints and the tail file, which lie outside the store. Whatever is found, and whatever goes
wrong on the way, is a finding: nothing that a store holds can stop this.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from conversions.audit.verify import anchors, payloads, rebuild_tree
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.open_store import open_store
from conversions.audit.verify.rebuild_tree import Tree
from conversions.audit.verify.rows import RowVerifier
from conversions.errors import SettingsError
from conversions.ledger import schema
from conversions.ledger.store import files
from conversions.settings import Settings

MAX_FINDINGS = 100
"""Findings that are named; there is no end to what a spoilt store can hold."""
SIZE = "SELECT tree_size FROM head"
AGAIN = 3
"""Looks at a store that grows meanwhile: a payload may be erased between two of its readings."""


@dataclass(frozen=True, slots=True)
class LogLocation:
    """Where the log is, and what remembers it."""

    store: Path
    tail: Path
    checkpoints: Path
    others: Sequence[Path] = ()
    """Checkpoints that were kept elsewhere."""


@dataclass(slots=True)
class VerificationResult:
    """What was looked at, and what is wrong with it."""

    entries: int = 0
    events: int = 0
    erased: int = 0
    """Events among them whose payload is gone, as an entry says."""
    checkpoints: int = 0
    covered: int = 0
    """Entries that the newest checkpoint covers."""
    findings: list[VerificationFinding] = field(default_factory=list)
    """The first ones; empty: intact."""
    notes: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Nothing at all is wrong."""
        return not self.findings

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.intact:
            kept = f"{self.checkpoints} checkpoints, the newest over {self.covered} entries"
            return f"The log is intact: {self.entries} entries, {self.events} events, {kept}."
        more = f", and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
        return f"The log is not what was logged: {self.findings[0]}{more}."

    def json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "intact": self.intact,
            "sentence": self.sentence,
            "entries": self.entries,
            "events": self.events,
            "events_erased": self.erased,
            "checkpoints": self.checkpoints,
            "entries_under_checkpoint": self.covered,
            "findings": [{"place": each.place, "what": each.what} for each in self.findings],
            "notes": self.notes,
        }


def log_location(settings: Settings, others: Sequence[Path] = ()) -> LogLocation:
    """Where *settings* keep the log."""
    return LogLocation(settings.store_path, settings.tail_path, settings.checkpoints_path, others)


def check_ours(place: LogLocation) -> None:
    """Raise SettingsError where the store is another user's or lies where it cannot be read, or is of an older version.

    The entries of an older one were fewer.
    """
    if place.store.is_file():
        files.check_owner(place.store)
        files.check_readable(place.store)
        found = _asked(place.store, "SELECT version_num FROM alembic_version")
        if found in [(revision,) for revision in schema.OLDER]:
            raise SettingsError(f"The store {place.store} is of an older version: `conversions upgrade`, then verify.")


def verify(place: LogLocation) -> VerificationResult:
    """Look at everything. Raises nothing that a store, a checkpoint or a tail file can cause."""
    for _ in range(AGAIN):
        before = _asked(place.store, SIZE)
        verdict = _verified(place)
        if verdict.intact or before is None or _asked(place.store, SIZE) == before:
            break
    return verdict


def _asked(path: Path, question: str) -> object:
    """The first row, or None where there is no answer."""
    try:
        with open_store(path) as opened:
            return opened.execute(question).fetchone()
    except Exception:  # noqa: BLE001 - SQLite quotes what it has read: even its errors may not be text
        return None


def _verified(place: LogLocation) -> VerificationResult:
    verdict = VerificationResult()
    try:
        memories, verdict.findings = anchors.read_all(place.checkpoints, place.tail, place.others)
        if place.store.exists():
            with open_store(place.store) as opened:
                _Verification(verdict, place, opened, memories).run_all()
        elif memories:
            verdict.findings.append(
                VerificationFinding(f"the store {place.store}", f"is gone; {memories[-1].place} remembers it")
            )
        else:
            verdict.notes.append("There is no store yet.")
    except Exception as error:  # noqa: BLE001 - whatever it is, it was found in the store
        verdict.findings.append(VerificationFinding("the store", f"cannot be read ({_said(error)})"))
    del verdict.findings[MAX_FINDINGS:]
    return verdict


class _Verification:
    """One look at a store, step by step; each step yields what it finds."""

    def __init__(
        self,
        verdict: VerificationResult,
        place: LogLocation,
        opened: sqlite3.Connection,
        memories: Sequence[anchors.Anchor],
    ) -> None:
        self.verdict, self.store, self.memories = verdict, opened, memories
        self.bodies = payloads.check(place.store, opened)  # helpers begin now, and are asked last
        self.tree = Tree(opened, {each.size for each in memories})
        self.books = RowVerifier(opened)
        self.gone: list[int] = []

    def run_all(self) -> None:
        """One step after the other; where one cannot be finished that is a finding, and the next goes on."""
        for step in (self._entries, self._stored_tree, self._outside, self._rows, self._payloads, self._erasures):
            self.verdict.findings += islice(_contained(step), MAX_FINDINGS)
        verdict, checkpoints = self.verdict, [each for each in self.memories if each.checkpoint is not None]
        verdict.entries, verdict.erased = self.tree.size, len(self.gone)
        verdict.checkpoints, verdict.covered = len(checkpoints), anchors.covered(checkpoints, self.tree)
        verdict.notes += self.books.notes
        if not checkpoints:
            verdict.notes.append("No checkpoint was kept: a log that was rewritten as a whole would not be noticed.")

    def _entries(self) -> Iterator[VerificationFinding]:
        yield from rebuild_tree.rebuild(self.tree, self.store, self.books.read)

    def _stored_tree(self) -> Iterator[VerificationFinding]:
        ((size, root),) = self.store.execute("SELECT tree_size, root FROM head").fetchall()
        yield from rebuild_tree.compare(self.tree, size, root)

    def _outside(self) -> Iterator[VerificationFinding]:
        ((store_id,),) = self.store.execute("SELECT store_id FROM head").fetchall()
        yield from anchors.compare(self.memories, self.tree, store_id, self.books)

    def _rows(self) -> Iterator[VerificationFinding]:
        yield from self.books.findings
        yield from self.books.remaining()

    def _payloads(self) -> Iterator[VerificationFinding]:
        for checked in self.bodies:
            self.verdict.events += checked.events
            self.gone += checked.erased
            yield from checked.findings
        ((held,),) = self.store.execute("SELECT count(*) FROM request_event").fetchall()
        if held != self.verdict.events:
            yield VerificationFinding("the requests", f"have {self.verdict.events} events, and {held} are listed")

    def _erasures(self) -> Iterator[VerificationFinding]:
        for event in self.books.unexplained(self.gone):
            yield VerificationFinding(f"event {event}", "has lost its payload, and no entry says why")


def _contained(step: Callable[[], Iterator[VerificationFinding]]) -> Iterator[VerificationFinding]:
    try:
        yield from step()
    except Exception as error:  # noqa: BLE001 - see _look
        what = step.__name__.strip("_").replace("_", " ")
        yield VerificationFinding(f"the {what}", f"cannot be read to the end ({_said(error)})")


def _said(error: Exception) -> str:
    """SQLite's own words hold no values; those of others may."""
    return str(error) if isinstance(error, sqlite3.DatabaseError) else type(error).__name__
