"""How many rows were read, and what came of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from conversions.model.conversion import Reason

Explain = Callable[[Reason, str | None], str]
"""Why rows or orders are not sent, and what to do: by reason and our column, where one is at fault."""


@dataclass(slots=True)
class ReadCounts:
    """What was read; rows = orders + repeated + outside the window + quarantined."""

    rows: int = 0
    outside_window: int = 0
    repeated: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    skipped_files: list[str] = field(default_factory=list)
    span: tuple[date, date] | None = None
    """The first and the last day of the orders that were read, in the window or not; days are the window's."""
    explain: Explain | None = None
    """What of it was not understood, as a sentence."""

    @property
    def orders(self) -> int:
        """Different orders in the window."""
        return self.rows - self.repeated - self.outside_window - self.quarantined.total()

    def cover(self, days: Iterable[date]) -> None:
        """Widen ``span`` to *days*."""
        if known := {*days, *(self.span or ())}:
            self.span = min(known), max(known)
