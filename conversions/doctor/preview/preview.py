"""The preview of a source: rows, counts, and what looks wrong."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from conversions.doctor.preview.warnings import PreviewWarning
from conversions.errors import Exit
from conversions.intake.preview import PreviewRow, Reading
from conversions.model.conversion import Reason, Window
from conversions.model.finding import Finding
from conversions.model.read_counts import ReadCounts

Result = tuple[str, str | None]
"""What becomes of an order at one destination: a bucket of the control totals, and the reason."""
Results = tuple[Result, ...]
"""One result per destination; none for a row that is no order, or an older row of one."""
SENDABLE = frozenset({"pending", "deferred", "already_sent"})
"""The platform takes the order, or has it."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Rows that are not used as an order."""

    reason: Reason
    field: str | None
    """Our name of the column at fault."""
    rows: int
    example: str | None
    """The place of one of them."""
    sentence: str
    """The column, what it holds where that may be shown, and the correction."""


@dataclass(frozen=True, slots=True)
class Preview:
    """One reading of the source."""

    source: str
    found: dict[str, dict[str, str]]
    """By file, how it is read, by the name of the setting."""
    window: Window
    destinations: list[str]
    counts: ReadCounts
    reading: Reading
    rows: list[tuple[PreviewRow, Results]]
    """Rows to show."""
    outcomes: Counter[Results]
    """Orders by their results."""
    unreadable: list[Unreadable]
    warnings: list[PreviewWarning]
    findings: list[Finding]
    """What the checks of a run found."""
    notes: list[PreviewWarning]

    @property
    def sendable(self) -> int:
        """Orders that at least one platform takes or has."""
        return sendable(self.outcomes)

    @property
    def exit_code(self) -> Exit:
        """0 where an order can be sent and nothing looks wrong."""
        wrong = self.warnings or any(finding.exit_code for finding in self.findings)
        return Exit.ATTENTION if wrong or not self.sendable else Exit.OK


def sendable(outcomes: Mapping[Results, int]) -> int:
    """Return the orders that at least one platform takes or has."""
    return sum(n for results, n in outcomes.items() if any(bucket in SENDABLE for bucket, _ in results))
