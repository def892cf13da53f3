"""Verifies that the log is intact; it reads the store's file directly and trusts none of its contents.

It rebuilds every root from the entries, and compares rows with entries, events with commitments, and all of it with
the checkpoints and the tail file, which are outside the store. Every difference and every error becomes a finding, so
that no content of a store can stop the verification.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from conversions.audit.verify import anchors, old_links, payloads, rebuild_tree
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.open_store import open_store
from conversions.audit.verify.rebuild_tree import Tree
from conversions.audit.verify.rows import RowVerifier
from conversions.errors import SettingsError
from conversions.ledger import schema
from conversions.ledger.store import files
from conversions.settings import Settings

MAX_FINDINGS = 100
"""Limit for the findings that are kept; a damaged store can have any number."""
_TREE_SIZE = "SELECT tree_size FROM head"
MAX_ATTEMPTS = 3
"""A store that grew during the verification is verified again: an erasure between two reads looks like damage."""


@dataclass(frozen=True, slots=True)
class LogLocation:
    """Paths of the log and of its anchors."""

    store: Path
    tail: Path
    checkpoints: Path
    others: Sequence[Path] = ()
    """Checkpoints that are kept elsewhere."""


@dataclass(slots=True)
class VerificationResult:
    """What was verified, and the findings."""

    entries: int = 0
    events: int = 0
    erased: int = 0
    """Events without payload."""
    checkpoints: int = 0
    covered: int = 0
    """Entries that the newest checkpoint covers."""
    findings: list[VerificationFinding] = field(default_factory=list)
    """At most MAX_FINDINGS."""
    notes: list[str] = field(default_factory=list)

    @property
    def intact(self) -> bool:
        """Whether there is no finding."""
        return not self.findings

    @property
    def sentence(self) -> str:
        """The result in one sentence."""
        if self.intact:
            kept = f"{self.checkpoints} checkpoints, the newest over {self.covered} entries"
            return f"The log is intact: {self.entries} entries, {self.events} events, {kept}."
        more = f", and {len(self.findings) - 1} more" if len(self.findings) > 1 else ""
        return f"The log is not what was logged: {self.findings[0]}{more}."

    def json(self) -> dict[str, Any]:
        """The result as JSON for programs."""
        return {
            "intact": self.intact,
            "sentence": self.sentence,
            "entries": self.entries,
            "events": self.events,
            "events_erased": self.erased,
            "checkpoints": self.checkpoints,
            "entries_under_checkpoint": self.covered,
            "findings": [{"place": finding.place, "what": finding.what} for finding in self.findings],
            "notes": self.notes,
        }


def log_location(settings: Settings, others: Sequence[Path] = ()) -> LogLocation:
    """Paths of the log according to *settings*; *others* are checkpoints kept elsewhere."""
    return LogLocation(settings.store_path, settings.tail_path, settings.checkpoints_path, others)


def check_store(location: LogLocation) -> None:
    """Raise SettingsError where the store belongs to another user, cannot be read, or has an older schema.

    An older schema has no entries for some rows, so that the verification would report them.
    """
    if location.store.is_file():
        files.check_owner(location.store)
        files.check_readable(location.store)
        version = _first_row(location.store, "SELECT version_num FROM alembic_version")
        if version in [(revision,) for revision in schema.OLDER]:
            raise SettingsError(
                f"The store {location.store} has an older version: `conversions upgrade`, then verify again."
            )


def verify(location: LogLocation) -> VerificationResult:
    """Run every check. No content of a store, a checkpoint or a tail file raises an exception."""
    for _ in range(MAX_ATTEMPTS):
        before = _first_row(location.store, _TREE_SIZE)
        result = _verify_once(location)
        if result.intact or before is None or _first_row(location.store, _TREE_SIZE) == before:
            break
    return result


def _first_row(path: Path, query: str) -> object:
    """The first row of the result; None where there is none, or the store cannot be read."""
    try:
        with open_store(path) as store:
            return store.execute(query).fetchone()
    except Exception:  # noqa: BLE001 - SQLite quotes stored bytes in its errors, which need not be valid text
        return None


def _verify_once(location: LogLocation) -> VerificationResult:
    result = VerificationResult()
    try:
        known_anchors, result.findings = anchors.read_all(location.checkpoints, location.tail, location.others)
        if location.store.exists():
            with open_store(location.store) as store:
                _Verification(result, location, store, known_anchors).run_all()
        elif known_anchors:
            result.findings.append(
                VerificationFinding(
                    f"the store {location.store}", f"is gone; {known_anchors[-1].place} shows that it existed"
                )
            )
        else:
            result.notes.append("There is no store yet.")
    except Exception as error:  # noqa: BLE001 - a damaged store can cause any error
        result.findings.append(VerificationFinding("the store", f"cannot be read ({_error_text(error)})"))
    del result.findings[MAX_FINDINGS:]
    return result


class _Verification:
    """One verification of a store; each step yields findings."""

    def __init__(
        self,
        result: VerificationResult,
        location: LogLocation,
        store: sqlite3.Connection,
        known_anchors: Sequence[anchors.Anchor],
    ) -> None:
        self.result, self.store, self.known_anchors = result, store, known_anchors
        self.checked = payloads.check_payloads(location.store, store)  # starts the workers now; their results come last
        self.tree = Tree(store, {anchor.size for anchor in known_anchors})
        self.row_verifier = RowVerifier(store)
        self.erased: list[int] = []

    def run_all(self) -> None:
        """Run all steps; a step that fails becomes a finding, and the next step follows."""
        for step in (
            self._entries,
            self._stored_tree,
            self._outside,
            self._rows,
            self._payloads,
            self._old_links,
            self._erasures,
        ):
            self.result.findings += islice(_contained(step), MAX_FINDINGS)
        result, checkpoints = self.result, [anchor for anchor in self.known_anchors if anchor.checkpoint is not None]
        result.entries, result.erased = self.tree.size, len(self.erased)
        result.checkpoints, result.covered = len(checkpoints), anchors.covered(checkpoints, self.tree)
        result.notes += self.row_verifier.notes
        if not checkpoints:
            result.notes.append("No checkpoint was kept: the verification cannot notice a completely rewritten log.")

    def _entries(self) -> Iterator[VerificationFinding]:
        yield from rebuild_tree.rebuild(self.tree, self.store, self.row_verifier.read)

    def _stored_tree(self) -> Iterator[VerificationFinding]:
        ((size, root),) = self.store.execute("SELECT tree_size, root FROM head").fetchall()
        yield from rebuild_tree.compare(self.tree, size, root)

    def _outside(self) -> Iterator[VerificationFinding]:
        ((store_id,),) = self.store.execute("SELECT store_id FROM head").fetchall()
        yield from anchors.compare(self.known_anchors, self.tree, store_id, self.row_verifier)

    def _rows(self) -> Iterator[VerificationFinding]:
        yield from self.row_verifier.findings
        yield from self.row_verifier.remaining()

    def _payloads(self) -> Iterator[VerificationFinding]:
        for chunk in self.checked:
            self.result.events += chunk.events
            self.erased += chunk.erased
            yield from chunk.findings
        ((listed,),) = self.store.execute("SELECT coalesce(sum(events), 0) FROM request_part").fetchall()
        if listed != self.result.events:
            yield VerificationFinding("the requests", f"have {self.result.events} events, and {listed} are listed")

    def _old_links(self) -> Iterator[VerificationFinding]:
        yield from old_links.compare(self.store, self.row_verifier.link_roots, self.result.notes)

    def _erasures(self) -> Iterator[VerificationFinding]:
        for event in self.row_verifier.unexplained(self.erased):
            yield VerificationFinding(f"event {event}", "has lost its payload, and no entry says why")


def _contained(step: Callable[[], Iterator[VerificationFinding]]) -> Iterator[VerificationFinding]:
    try:
        yield from step()
    except Exception as error:  # noqa: BLE001 - a damaged store can cause any error
        step_name = step.__name__.strip("_").replace("_", " ")
        yield VerificationFinding(f"the {step_name}", f"cannot be read to the end ({_error_text(error)})")


def _error_text(error: Exception) -> str:
    """SQLite's messages contain no values; messages of other errors may."""
    return str(error) if isinstance(error, sqlite3.DatabaseError) else type(error).__name__
