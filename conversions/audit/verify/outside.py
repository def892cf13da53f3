"""Says what the checkpoints that left the shop, such as the folder of an auditor, show of the log."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from conversions.audit.verify.anchors import Anchor
from conversions.audit.verify.checkpoint_fit import FAULTS, Comparison, Fit
from conversions.audit.verify.coverage import Coverage
from conversions.audit.verify.finding import VerificationFinding

MAX_NAMES = 3
"""Up to this many files are named in a sentence."""


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


def findings(comparison: Comparison) -> Iterator[VerificationFinding]:
    """Yield each checkpoint that does not fit; those of other stores only where all are."""
    other = [anchor for anchor, fit in comparison.fits if fit is Fit.OTHER_STORE]
    for anchor in other if len(other) == len(comparison.anchors) else []:
        yield VerificationFinding(anchor.place, "is of another store")
    for anchor, fit in comparison.fits:
        if fit in FAULTS:
            yield VerificationFinding(anchor.place, _fault(comparison, anchor, fit))


def notes(comparison: Comparison) -> Iterator[str]:
    """Yield what is no fault, and worth knowing."""
    yield from (_before_restore(comparison, anchor) for anchor, fit in comparison.fits if fit is Fit.BEFORE_RESTORE)
    yield from _others(comparison, Fit.REPLACED_STORE, "of a store that this one replaced, as an entry says")
    if any(fit is not Fit.OTHER_STORE for _, fit in comparison.fits):
        yield from _others(comparison, Fit.OTHER_STORE, "of another store, and says nothing of this one")


def _before_restore(comparison: Comparison, anchor: Anchor) -> str:
    restored = comparison.restoration(anchor)
    assert restored is not None
    root = ", which names its root" if anchor.size == restored.remembered_size else ""
    return (
        f"{anchor.place[:1].upper()}{anchor.place[1:]} is of the time before the restore in entry {restored.seq}; "
        f"{anchor.size - restored.seq} entries of it are not in this log{root}."
    )


def _others(comparison: Comparison, kind: Fit, what: str) -> Iterator[str]:
    places = [anchor.place for anchor, fit in comparison.fits if fit is kind]
    if places:
        more = f", and {len(places) - MAX_NAMES} more" if len(places) > MAX_NAMES else ""
        yield f"From outside, each {what}: {', '.join(places[:MAX_NAMES])}{more}."


def _fault(comparison: Comparison, anchor: Anchor, fit: Fit) -> str:
    size = comparison.tree.size
    if fit is Fit.UNSIGNED:
        contradicts = "" if comparison.is_covered(anchor) else ", and contradicts the log"
        return f"is not signed by a key that the log knows{contradicts}"
    if fit is Fit.ROLLBACK:
        return (
            f"contradicts the log, which has {size}: this looks like a rollback, the store is an older copy, without "
            f"its {anchor.size - size} newest entries"
        )
    same = comparison.common(anchor)
    since = f"both have the first {same} entries" if same else "no earlier checkpoint from outside fits"
    what = "rewrite" if fit is Fit.REWRITE else "fork, two histories of one store, each signed"
    longer = f", which has {size}" if anchor.size > size else ""
    return f"contradicts the log{longer}: its first entries were others. This looks like a {what}; {since}"
