"""The result of reading a window: counts, the snapshot in the store, findings."""

from collections import Counter
from dataclasses import dataclass

from conversions.anomalies.amounts import Judgement
from conversions.ledger.staging.snapshot import SourceSnapshot
from conversions.model.finding import Finding
from conversions.model.read_counts import ReadCounts


@dataclass(frozen=True, slots=True)
class ReadResult:
    """What the run read from the source, and the findings about it."""

    counts: ReadCounts
    snapshot: SourceSnapshot
    findings: list[Finding]
    reason_counts: Counter[str]
    """New orders and rows by the reason why they are not sent; see ``ReadJudgements.new``."""
    amounts: Judgement
    """How the amounts of the new orders compare with earlier amounts."""
