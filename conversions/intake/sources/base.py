"""The grammar of a source: it streams sightings of orders, and rows that cannot be one."""

from collections.abc import Iterator
from typing import Protocol

from conversions.intake.order import Order, RowRejected
from conversions.intake.sources.unparsed import UnparsedValues
from conversions.model.conversion import Window


class Source(Protocol):
    """Where a shop keeps its orders."""

    description: str
    """For people: what is read and where, without credentials."""
    unparsed: UnparsedValues
    """What was not understood of the window, known once ``chunks`` has run."""

    def check(self) -> None:
        """Raise ``SourceError`` in one sentence where the source cannot be read or lacks a mapped column."""

    def chunks(self, window: Window) -> Iterator[list[Order | RowRejected]]:
        """Stream every row once, in bounded lists; a file outside the window costs only its reading.

        Raises ``SourceError`` where the source as a whole cannot be read; a bad row is a ``RowRejected``.
        """

    def skipped_files(self) -> list[str]:
        """What was not read because it may still be written to; known after ``chunks``."""
