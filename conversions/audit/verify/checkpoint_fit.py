"""How a checkpoint that left the shop fits the log.

The size and root of one that does not fit say what it looks like:

rollback   it covers more entries than the log has: an older copy of the store is in its place
rewrite    the log has other entries under it, and no larger checkpoint fits: history was replaced, up to now
fork       the log has other entries under it, and a larger one fits: two histories were signed

One of the time before a restore that the log records is no fault, up to the size that its entry names.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from conversions.audit.verify.anchors import Anchor, is_signed
from conversions.audit.verify.log_history import LogHistory, Restoration
from conversions.audit.verify.rebuild_tree import Tree
from conversions.ledger import checkpoints


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


@dataclass
class Comparison:
    """The log, as far as checkpoints from outside are compared with it."""

    anchors: Sequence[Anchor]
    tree: Tree
    store_id: str
    log_keys: set[bytes]
    history: LogHistory

    @cached_property
    def fits(self) -> list[tuple[Anchor, Fit]]:
        """Each checkpoint, and how it fits."""
        return [(anchor, self._fit(anchor)) for anchor in self.anchors]

    def common(self, anchor: Anchor) -> int:
        """Return the entries under the largest checkpoint that fits and is smaller than *anchor*; 0: there is none."""
        smaller = bisect_left(self._covered, anchor.size)
        return self._covered[smaller - 1] if smaller else 0

    def is_covered(self, anchor: Anchor) -> bool:
        """Return whether the log has the root of *anchor* at its size."""
        return self.tree.roots.get(anchor.size) == anchor.root

    def _fits_beyond(self, anchor: Anchor) -> bool:
        """Whether a larger checkpoint of the folder fits, or the origin is not one of this log."""
        assert anchor.checkpoint is not None
        foreign = anchor.checkpoint.origin not in self._origins
        return foreign or (bool(self._covered) and self._covered[-1] > anchor.size)

    @cached_property
    def _covered(self) -> list[int]:
        """Sizes of the checkpoints that fit, ascending."""
        return sorted(a.size for a in self.anchors if a.store_id == self.store_id and self.is_covered(a))

    @cached_property
    def _origins(self) -> list[str]:
        """The origins that the log has had, oldest first."""
        first = checkpoints.signer(self.store_id)
        return [first, *(each.origin(self.store_id) for each in self.history.restorations if each.branch)]

    def restoration(self, anchor: Anchor) -> Restoration | None:
        """Return the restore that ended the history of *anchor*, which has more entries than the restored copy had."""
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

    def _fit(self, anchor: Anchor) -> Fit:
        checkpoint = anchor.checkpoint
        assert checkpoint is not None
        if anchor.store_id != self.store_id:
            replaced = any(each.replaced(anchor.store_id) for each in self.history.restorations)
            return Fit.REPLACED_STORE if replaced else Fit.OTHER_STORE
        if not is_signed(checkpoint, self.log_keys):
            return Fit.UNSIGNED
        if self.is_covered(anchor):
            return Fit.COVERED
        restored = self.restoration(anchor)
        if restored is not None and self._is_named(anchor, restored):
            return Fit.BEFORE_RESTORE
        if restored is None and anchor.size > self.tree.size and checkpoint.origin in self._origins:
            return Fit.ROLLBACK
        return Fit.FORK if restored is not None or self._fits_beyond(anchor) else Fit.REWRITE
