"""Each finished run and each upgrade leaves a line in the tail file and a checkpoint: fewer of them were removed.

A run that is killed at its very end leaves none; the next one writes them before it begins. Nothing is expected of runs
whose settings named other places, that ended before the log had a key (checkpoints), or before a restore without
anchors. A store may be upgraded on another machine, without any of its checkpoints: this is a note.
"""

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from conversions.audit.verify.anchors import Anchor
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory, Restoration

Place = tuple[str | None, str | None, str | None]
"""Settings of a run that say where store, tail file and checkpoints are."""


def find_missing(
    history: LogHistory, store: sqlite3.Connection, anchors: Sequence[Anchor], notes: list[str]
) -> Iterator[VerificationFinding]:
    """Yield one finding for the tail file and one for the checkpoints, where runs wrote more than there are."""
    ((store_id,),) = store.execute("SELECT store_id FROM head").fetchall()
    spans = _ExpectedAnchors(history, store, store_id).spans
    own = [anchor for anchor in anchors if anchor.store_id == store_id]
    yield from _compare("the tail file", "lines", spans, sorted(a.size for a in own if a.checkpoint is None))
    if history.keyed_from is not None:
        signed = sorted(anchor.size for anchor in own if anchor.checkpoint is not None)
        keyed = [span for span in spans if span.start > history.keyed_from]
        earlier = [span for span in keyed if span.start <= history.upgraded]
        if earlier and not any(size <= history.upgraded for size in signed):
            notes.append(f"No checkpoint from before the upgrade in entry {history.upgraded} is there.")
            keyed = [span for span in keyed if span not in earlier]
        yield from _compare("the checkpoint directory", "checkpoints", keyed, signed)


def _compare(place: str, unit: str, spans: Sequence[range], sizes: Sequence[int]) -> Iterator[VerificationFinding]:
    missing = [span for span in spans if not _is_within(span, sizes)]
    if missing:
        first = f"the first after entry {missing[0].start - 1}"
        yield VerificationFinding(
            place, f"lacks {len(missing)} of {len(spans)} {unit} that runs wrote, {first}", missing=True
        )


def _is_within(span: range, sizes: Sequence[int]) -> bool:
    """Whether one of the ascending *sizes* is in *span*."""
    at = bisect_left(sizes, span.start)
    return at < len(sizes) and sizes[at] in span


@dataclass
class _ExpectedAnchors:
    """The sizes at which the log's runs wrote an anchor."""

    history: LogHistory
    store: sqlite3.Connection
    store_id: str

    @cached_property
    def spans(self) -> list[range]:
        """For each finished run the sizes that its anchor may have: until the next run began."""
        starts = [start.seq for start in self.history.starts]
        spans = []
        for end in self.history.ends:
            after = bisect_left(starts, end)
            if after and end >= self._first_entry and self._place(after - 1) == self._place(len(starts) - 1):
                spans.append(range(end + 1, (starts[after] if after < len(starts) else 1 << 63) + 1))
        return spans

    @cached_property
    def _first_entry(self) -> int:
        """The newest restore without anchors; 0 where there was none."""
        return max((each.seq for each in self.history.restorations if self._lost(each)), default=0)

    def _lost(self, restoration: Restoration) -> bool:
        other = restoration.remembered_store not in {None, self.store_id}
        return restoration.remembered_size is None or other

    def _place(self, start: int) -> Place:
        digest = self.history.starts[start].settings
        if digest not in self._places:
            self._places[digest] = self._read_place(digest)
        return self._places[digest]

    @cached_property
    def _places(self) -> dict[str, Place]:
        return {}

    def _read_place(self, digest: str) -> Place:
        row = self.store.execute("SELECT body FROM document WHERE sha256 = ?", (digest,)).fetchone()
        settings: dict[str, Any] = orjson.loads(row[0]).get("store", {}) if row else {}
        return settings.get("url"), settings.get("tail"), settings.get("checkpoints")
