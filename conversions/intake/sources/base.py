"""The interface of a source: it streams orders, and rows that cannot be an order."""

from collections.abc import Iterator
from typing import Protocol

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.model.conversion import Window


class Source(Protocol):
    """The place where a shop keeps its orders."""

    description: str
    """What a run reads and where, for messages; without credentials."""
    unparsed: UnparsedValues
    """Values of the window that could not be parsed; complete after ``chunks`` has run."""

    def check(self) -> None:
        """Raise ``SourceError`` where the source cannot be read or lacks a mapped column."""

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Stream every row once, in lists of limited size; rows outside the window may be among them.

        Raises ``SourceError`` where the source as a whole cannot be read; a bad row is a ``RowRejected``.
        """

    def skipped_files(self) -> list[str]:
        """Return the files that were not read because they may still be written to; complete after ``chunks``."""

    def refused_files(self) -> list[str]:
        """Return what is wrong with each file that is no export of orders; complete after ``check`` or ``chunks``."""
