"""What reading a window came to: counts, the snapshot in the store, findings."""

from collections import Counter
from dataclasses import dataclass

from conversions.anomalies.amounts import Judgement
from conversions.ledger.staging.snapshot import SourceSnapshot
from conversions.model.finding import Finding
from conversions.model.read_counts import ReadCounts


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What the source says, and what guards say of it."""

    counts: ReadCounts
    snapshot: SourceSnapshot
    findings: list[Finding]
    judged: Counter[str]
    """How many orders and rows were judged anew, by what came of them."""
    amounts: Judgement
    """What the new orders look like beside what was paid before."""
