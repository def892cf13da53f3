"""Compares the log with checkpoints that left the shop, such as the folder of an auditor.

The size and root of one that does not fit say what it looks like:

rollback   it covers more entries than the log has: an older copy of the store is in its place
rewrite    the log has other entries under it, and no larger checkpoint fits: history was replaced, up to now
fork       the log has other entries under it, and a larger one fits: two histories were signed

One of the time before a restore that the log records is no fault, up to the size that its entry names.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from conversions.audit.verify.anchors import Anchor, is_signed
from conversions.audit.verify.coverage import Coverage
from conversions.audit.verify.finding import VerificationFinding
from conversions.audit.verify.log_history import LogHistory, Restoration
from conversions.audit.verify.rebuild_tree import Tree
from conversions.ledger import checkpoints

MAX_NAMES = 3
"""Up to this many files are named in a sentence."""


class Fit(StrEnum):
    """What a checkpoint from outside says of the log."""

    COVERED = "covered"
    BEFORE_RESTORE = "before_restore"
    """Entries of it are not in the log, and an entry "restored" says so."""
    REPLACED_STORE = "replaced_store"
    """Of a store that this one replaced, according to an entry."""
    OTHER_STORE = "other_store"
    UNSIGNED = "unsigned"
    ROLLBACK = "rollback"
    REWRITE = "rewrite"
    FORK = "fork"


FAULTS = frozenset({Fit.UNSIGNED, Fit.ROLLBACK, Fit.REWRITE, Fit.FORK})


@dataclass(slots=True)
class Outside:
    """The result for the checkpoints from outside."""

    fits: list[tuple[Anchor, Fit]] = field(default_factory=list)
    newest: Coverage | None = None
    """The newest one that the log continues."""

    def json(self) -> dict[str, Any]:
        """Return the result for programs."""
        return {
            "newest": self.newest and self.newest.json(),
            "checkpoints": [
                {"place": anchor.place, "store": anchor.store_id, "entries": anchor.size, "fit": str(fit)}
                for anchor, fit in self.fits
            ],
        }


@dataclass
class OutsideVerifier:
    """Compares checkpoints from outside with the log."""

    anchors: Sequence[Anchor]
    tree: Tree
    store_id: str
    log_keys: set[bytes]
    history: LogHistory

    @cached_property
    def fits(self) -> list[tuple[Anchor, Fit]]:
        """Each checkpoint, and how it fits."""
        return [(anchor, self._fit(anchor)) for anchor in self.anchors]

    def findings(self) -> Iterator[VerificationFinding]:
        """Yield each checkpoint that does not fit; those of other stores only where all are."""
        other = [anchor for anchor, fit in self.fits if fit is Fit.OTHER_STORE]
        for anchor in other if len(other) == len(self.anchors) else []:
            yield VerificationFinding(anchor.place, "is of another store")
        for anchor, fit in self.fits:
            if fit in FAULTS:
                yield VerificationFinding(anchor.place, self._fault(anchor, fit))

    def notes(self) -> Iterator[str]:
        """Yield what is no fault, and worth knowing."""
        for anchor, fit in self.fits:
            if fit is Fit.BEFORE_RESTORE:
                restored = self._restoration(anchor)
                assert restored is not None
                lost = anchor.size - restored.seq
                yield (
                    f"{_capital(anchor.place)} is of the time before the restore in entry {restored.seq}; {lost} "
                    f"entries of it are not in this log{self._matching_root(anchor, restored)}."
                )
        yield from self._others(Fit.REPLACED_STORE, "of a store that this one replaced, as an entry says")
        others = [anchor for anchor, fit in self.fits if fit is Fit.OTHER_STORE]
        if len(others) < len(self.anchors):
            yield from self._others(Fit.OTHER_STORE, "of another store, and says nothing of this one")

    def _others(self, kind: Fit, what: str) -> Iterator[str]:
        places = [anchor.place for anchor, fit in self.fits if fit is kind]
        if places:
            more = f", and {len(places) - MAX_NAMES} more" if len(places) > MAX_NAMES else ""
            yield f"From outside, each {what}: {', '.join(places[:MAX_NAMES])}{more}."

    def _fit(self, anchor: Anchor) -> Fit:
        checkpoint = anchor.checkpoint
        assert checkpoint is not None
        if anchor.store_id != self.store_id:
            replaced = any(each.replaced(anchor.store_id) for each in self.history.restorations)
            return Fit.REPLACED_STORE if replaced else Fit.OTHER_STORE
        if not is_signed(checkpoint, self.log_keys):
            return Fit.UNSIGNED
        if self._is_covered(anchor):
            return Fit.COVERED
        restored = self._restoration(anchor)
        if restored is not None and self._is_named(anchor, restored):
            return Fit.BEFORE_RESTORE
        if restored is None and anchor.size > self.tree.size and checkpoint.origin in self._origins:
            return Fit.ROLLBACK
        return Fit.FORK if restored is not None or self._fits_beyond(anchor) else Fit.REWRITE

    def _is_covered(self, anchor: Anchor) -> bool:
        return self.tree.roots.get(anchor.size) == anchor.root

    def _fits_beyond(self, anchor: Anchor) -> bool:
        """Whether a larger checkpoint of the folder fits, or the origin is not one of this log."""
        assert anchor.checkpoint is not None
        foreign = anchor.checkpoint.origin not in self._origins
        return foreign or (bool(self._covered) and self._covered[-1] > anchor.size)

    @cached_property
    def _covered(self) -> list[int]:
        """Sizes of the checkpoints that fit, ascending."""
        return sorted(a.size for a in self.anchors if a.store_id == self.store_id and self._is_covered(a))

    @cached_property
    def _origins(self) -> list[str]:
        """The origins that the log has had, oldest first."""
        first = checkpoints.signer(self.store_id)
        return [first, *(each.origin(self.store_id) for each in self.history.restorations if each.branch)]

    def _restoration(self, anchor: Anchor) -> Restoration | None:
        """The restore that ended the history of *anchor*, which has more entries than the restored copy had."""
        assert anchor.checkpoint is not None
        ended = checkpoints.signer(self.store_id)
        for each in self.history.restorations:
            ends = anchor.checkpoint.origin in {ended, each.remembered_origin} and anchor.size > each.seq
            if ends and (each.branch or self._is_named(anchor, each)):
                return each
            ended = each.origin(self.store_id) if each.branch else ended
        return None

    @staticmethod
    def _is_named(anchor: Anchor, restored: Restoration) -> bool:
        """Whether the entry "restored" names at least the size of *anchor*, and no other root of the same size."""
        size, root = restored.remembered_size or 0, restored.remembered_root
        return anchor.size < size or (anchor.size == size and anchor.root.hex() == root)

    def _matching_root(self, anchor: Anchor, restored: Restoration) -> str:
        return ", which names its root" if anchor.size == restored.remembered_size else ""

    def _fault(self, anchor: Anchor, fit: Fit) -> str:
        size = self.tree.size
        match fit:
            case Fit.UNSIGNED:
                contradicts = "" if self._is_covered(anchor) else ", and contradicts the log"
                return f"is not signed by a key that the log knows{contradicts}"
            case Fit.ROLLBACK:
                return (
                    f"contradicts the log, which has {size}: this looks like a rollback, the store is an older copy, "
                    f"without its {anchor.size - size} newest entries"
                )
            case Fit.REWRITE:
                what = "its first entries were others. This looks like a rewrite"
                return f"contradicts the log: {what}{self._since(anchor)}"
            case _:
                return (
                    f"contradicts the log{f', which has {size}' if anchor.size > size else ''}: its first entries were "
                    "others. This looks like a fork, two histories of one store, "
                    f"each signed{self._since(anchor)}"
                )

    def _since(self, anchor: Anchor) -> str:
        smaller = bisect_left(self._covered, anchor.size)
        if not smaller:
            return "; no earlier checkpoint from outside fits"
        return f"; both have the first {self._covered[smaller - 1]} entries"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
