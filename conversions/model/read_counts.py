"""How many rows were read, and what became of them."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from conversions.model.conversion import Reason

Explain = Callable[[Reason, str | None], str]
"""Returns why rows or orders are not sent, and what to do, for a reason and the column at fault, if there is one."""


@dataclass(slots=True)
class ReadCounts:
    """Counts of what was read: rows = orders + repeated + outside the window + quarantined."""

    rows: int = 0
    outside_window: int = 0
    repeated: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    skipped_files: list[str] = field(default_factory=list)
    without_sku: int = 0
    """Lines of a shop system that have no SKU, and are named by the product's number."""
    refused_files: list[str] = field(default_factory=list)
    """What is wrong with each file that is no export of orders."""
    span: tuple[date, date] | None = None
    """The first and the last day of all orders that were read, inside the window or not, in the shop's zone."""
    explain: Explain | None = None
    """Explains what could not be read, as a sentence."""

    @property
    def orders(self) -> int:
        """Different orders in the window."""
        return self.rows - self.repeated - self.outside_window - self.quarantined.total()

    def widen_span(self, days: Iterable[date]) -> None:
        """Widen ``span`` to *days*."""
        if known := {*days, *(self.span or ())}:
            self.span = min(known), max(known)
