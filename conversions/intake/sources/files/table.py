"""The interface of a table in a file, and what it needs of a mapping of columns."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from conversions.intake.sources.cells.cells import BadRecord


class MappedColumns(Protocol):
    """Which columns of a table are read, and how a row's cells are picked."""

    @property
    def names(self) -> frozenset[str]:
        """The columns that a header must have."""

    @property
    def needed(self) -> frozenset[str]:
        """Those without which a row cannot be understood: a shorter row was cut."""

    def picker(self, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
        """Return the function that picks the cells of a row, which has an empty one behind its last.

        Raises NotAnExport where *header* lacks a column or has it twice.
        """


class Table(Protocol):
    """A table with a header."""

    @property
    def header(self) -> Sequence[str]:
        """The columns' names; a mapped column has the mapped name."""

    def rows(self) -> Iterator[tuple[int, tuple[Any, ...] | BadRecord]]:
        """Yield each row's number with the cells that the mapping picks, or with the reason why it has none."""

    @property
    def found(self) -> dict[str, str]:
        """How the table is read, by the name of the setting."""
