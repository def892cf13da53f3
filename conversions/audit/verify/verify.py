"""Verifies that the log is intact; it reads the store's file directly and trusts none of its contents.

It rebuilds every root from the entries, and compares rows with entries, events with commitments, and all of it with
the checkpoints and the tail file, which are outside the store. Every difference and every error becomes a finding, so
that no content of a store can stop the verification.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from conversions.audit.verify import (
    anchors,
    batches,
    coverage,
    derived,
    judgements,
    missing_anchors,
    old_links,
    outside,
    payloads,
    purges,
    rebuild_tree,
    rehearsal,
    schema_walk,
)
from conversions.audit.verify.checkpoint_fit import Comparison, Fit
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory
from conversions.audit.verify.open_store import open_store
from conversions.audit.verify.rebuild_tree import Tree
from conversions.audit.verify.result import VerificationResult
from conversions.audit.verify.rows import RowVerifier
from conversions.errors import SettingsError
from conversions.ledger import schema
from conversions.ledger.store import files
from conversions.settings import Settings

MAX_FINDINGS = 100
"""Limit for the findings that are kept; a damaged store can have any number."""
_TREE_SIZE = "SELECT tree_size FROM head"
_LISTED_EVENTS = """
    SELECT coalesce(sum(events), 0) FROM request_part
    WHERE request IN (SELECT id FROM request WHERE leaf >= ?) OR request NOT IN (SELECT id FROM request)
"""
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
    since: Path | None = None
    """A checkpoint that the caller trusts: what it covers is not read again, but for the entries."""


def log_location(settings: Settings, others: Sequence[Path] = (), since: Path | None = None) -> LogLocation:
    """Paths of the log according to *settings*; *others* are checkpoints kept elsewhere, *since* one of them."""
    others = anchors.files_of([*others, since] if since else others)
    return LogLocation(settings.store_path, settings.tail_path, settings.checkpoints_path, others, since)


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
        result.since = anchors.size_of(location.since) if location.since else 0
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
        self.checked = payloads.check_payloads(
            location.store, store, result.since
        )  # starts the workers now; their results come last
        self.tree = Tree(store, {anchor.size for anchor in known_anchors})
        self.row_verifier, self.history = RowVerifier(store), LogHistory()
        self.erased: list[int] = []

    def run_all(self) -> None:
        """Run all steps; a step that fails becomes a finding, and the next step follows."""
        steps = (
            self._schema,
            self._entries,
            self._stored_tree,
            self._outside,
            self._rehearsal,
            self._rows,
            self._derived,
            self._batches,
            self._payloads,
            self._old_links,
            self._erasures,
            self._purges,
            self._judgements,
        )
        for step in steps:
            self.result.findings += islice(_contained(step), MAX_FINDINGS)
        result, checkpoints = self.result, [anchor for anchor in self.known_anchors if anchor.checkpoint is not None]
        result.entries, result.erased = self.tree.size, len(self.erased)
        result.checkpoints, result.covered = len(checkpoints), anchors.covered(checkpoints, self.tree)
        result.notes += self.row_verifier.notes
        if not checkpoints:
            result.notes.append("No checkpoint was kept: the verification cannot notice a completely rewritten log.")
        if result.since:
            result.notes.append(
                f"The bytes of requests before entry {result.since} were not read again, because the checkpoint covers "
                "their entries: without --since they are."
            )

    def _schema(self) -> Iterator[VerificationFinding]:
        yield from schema_walk.compare(self.store)
        yield from schema_walk.check_file(self.store)

    def _entries(self) -> Iterator[VerificationFinding]:
        yield from rebuild_tree.rebuild(self.tree, self.store, self._read)

    def _read(self, seq: int, body: str) -> None:
        self.row_verifier.read(seq, body)
        self.history.read(seq, body)

    def _stored_tree(self) -> Iterator[VerificationFinding]:
        ((size, root),) = self.store.execute("SELECT tree_size, root FROM head").fetchall()
        yield from rebuild_tree.compare(self.tree, size, root)

    def _outside(self) -> Iterator[VerificationFinding]:
        ((store_id,),) = self.store.execute("SELECT store_id FROM head").fetchall()
        yield from anchors.compare(self.known_anchors, self.tree, store_id, self.row_verifier)
        yield from self._outside_checkpoints(store_id)
        yield from missing_anchors.find_missing(self.history, self.store, self.known_anchors, self.result.notes)

    def _outside_checkpoints(self, store_id: str) -> Iterator[VerificationFinding]:
        """Compare the checkpoints that left the shop."""
        given = [anchor for anchor in self.known_anchors if anchor.outside]
        if not given:
            return
        comparison = Comparison(given, self.tree, store_id, self.row_verifier.log_keys, self.history)
        covered = [each for each, fit in comparison.fits if fit is Fit.COVERED and each.size]
        newest = max(covered, key=lambda anchor: anchor.size, default=None)
        result = self.result.outside = outside.Outside(comparison.fits)
        yield from outside.findings(comparison)
        self.result.notes += outside.notes(comparison)
        if newest:
            result.newest = coverage.measure(self.store, newest.place, newest.size, self.tree.size)

    def _rehearsal(self) -> Iterator[VerificationFinding]:
        yield from rehearsal.compare(self.history, self.store)

    def _rows(self) -> Iterator[VerificationFinding]:
        yield from self.row_verifier.findings
        yield from self.row_verifier.remaining()

    def _derived(self) -> Iterator[VerificationFinding]:
        yield from derived.compare(self.history, self.store)

    def _batches(self) -> Iterator[VerificationFinding]:
        yield from batches.compare(self.history, self.store)

    def _payloads(self) -> Iterator[VerificationFinding]:
        for chunk in self.checked:
            self.result.events += chunk.events
            self.erased += chunk.erased
            yield from chunk.findings
        ((listed,),) = self.store.execute(_LISTED_EVENTS, (self.result.since,)).fetchall()
        if listed != self.result.events:
            yield VerificationFinding("the requests", f"have {self.result.events} events, and {listed} are listed")

    def _judgements(self) -> Iterator[VerificationFinding]:
        yield from judgements.check(self.store)

    def _old_links(self) -> Iterator[VerificationFinding]:
        yield from old_links.compare(self.store, self.row_verifier.link_roots, self.result.notes)

    def _erasures(self) -> Iterator[VerificationFinding]:
        for event in self.row_verifier.unexplained(self.erased):
            yield VerificationFinding(f"event {event}", "has lost its payload, and no entry says why")

    def _purges(self) -> Iterator[VerificationFinding]:
        yield from purges.compare(self.history, self.store, sorted({*self.erased}))


def _contained(step: Callable[[], Iterator[VerificationFinding]]) -> Iterator[VerificationFinding]:
    try:
        yield from step()
    except Exception as error:  # noqa: BLE001 - a damaged store can cause any error
        step_name = step.__name__.strip("_").replace("_", " ")
        yield VerificationFinding(f"the {step_name}", f"cannot be read to the end ({_error_text(error)})")


def _error_text(error: Exception) -> str:
    """SQLite's messages contain no values; messages of other errors may."""
    return str(error) if isinstance(error, sqlite3.DatabaseError) else type(error).__name__
