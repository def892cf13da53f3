"""Opens a table with every column that it has, where no mapping says which are needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from conversions.settings import FileSource

Kind = Literal["csv", "parquet", "xlsx"]
Format = dict[str, Any]
"""Settings of ``[source.format]``."""


@dataclass(frozen=True, slots=True)
class AllColumns:
    """Every column of a table, in its own order."""

    names: frozenset[str]
    needed: frozenset[str] = field(default=frozenset())

    def picker(self, header: Sequence[str], where: str) -> Callable[[Sequence[Any]], tuple[Any, ...]]:  # noqa: ARG002
        """Return the function that picks all cells of a row."""
        width = len(header)
        return lambda cells: tuple(cells[:width])


def settings_for(kind: Kind, settings: Format, delimiter: str | None = None) -> FileSource:
    """Return settings with which a table is opened; its columns are ``AllColumns``."""
    columns = dict.fromkeys(("order_id", "email", "amount", "currency", "purchased_at", "status"), "?")
    return FileSource.model_validate(
        {"kind": kind, "path": "?", "completed": ["?"], "columns": columns, "format": settings, "delimiter": delimiter}
    )
